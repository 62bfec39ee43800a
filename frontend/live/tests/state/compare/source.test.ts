import { describe, expect, it } from "vitest";
import type { BucketsOut, Points } from "../../../src/protocol.ts";
import type { SeriesAsk } from "../../../src/state/api.ts";
import { joined, piecesOf, recorded, Source } from "../../../src/state/compare/source.ts";
import { run } from "../runs.ts";
import { experiment } from "./made.ts";

/** A server whose loss is the step, and that keeps half of lr 0.1 at every step. */
class Server {
  asked: (Partial<SeriesAsk> & { run: string })[] = [];
  newest = 0;

  columns = (_: string, of: string) => Promise.resolve({ run: of, columns: ["loss", "lr"] });

  series = (_: string, ask: SeriesAsk) => {
    this.asked.push(ask);
    const columns: Record<string, Points | BucketsOut> = {};
    for (const name of ask.columns.split(",")) {
      const steps = this.steps(ask);
      columns[name] = { steps, values: steps.map((step) => (step === 2 ? "NaN" : step)) };
    }
    return Promise.resolve({ run: ask.run, columns });
  };

  effective = (_: string, ask: Omit<SeriesAsk, "columns">) => {
    const steps = this.steps(ask);
    return Promise.resolve({ run: ask.run, steps, values: steps.map((_, i) => 0.05 * (i + 1)) });
  };

  times = (_: string, of: string) =>
    Promise.resolve({ run: of, steps: [2, 5, 9], at: [100, 103, 102] });

  private steps({ first, last }: { first: number; last: number }): number[] {
    const end = Math.min(last, this.newest);
    return Array.from({ length: Math.max(0, end - first + 1) }, (_, i) => first + i);
  }
}

describe("a run's rows", () => {
  it("are fetched once, then only what is new", async () => {
    const server = new Server();
    const source = new Source(server, "e1");
    const grow = (step: number) => {
      server.newest = step;
      const now = run(0, { step });
      return source.refresh(experiment("e1", { runs: [now] }), now, ["loss", "none"], "effective");
    };
    expect(await grow(4)).toBe(true);
    expect(await grow(4)).toBe(false);
    expect(await grow(6)).toBe(true);
    expect(server.asked.map(({ first, last, columns }) => [first, last, columns])).toEqual([
      [1, 4, "loss"],
      [5, 6, "loss"],
    ]);
    expect([...(source.columns.get("loss")?.steps ?? [])]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(source.columns.get("loss")?.values[1]).toBeNaN();
    const sums = [...(source.effective?.values ?? [])];
    expect(sums.map((sum) => Number(sum.toFixed(6)))).toEqual([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
  });

  it("ask again for a step that was announced before it was stored", async () => {
    const server = new Server();
    const source = new Source(server, "e1");
    const now = run(0, { step: 5 });
    server.newest = 3;
    await source.refresh(experiment("e1", { runs: [now] }), now, [], "step");
    server.newest = 5;
    await source.refresh(experiment("e1", { runs: [now] }), now, [], "step");
    expect([...(source.columns.get("loss")?.steps ?? [])]).toEqual([1, 2, 3, 4, 5]);
  });

  it("of a fork begin with those of the run it comes from", async () => {
    const runs = [run(0, { step: 9 }), run(1, { step: 6, parent: "r1", fork_step: 3 })];
    const fork = runs[1] as (typeof runs)[0];
    expect(piecesOf(runs, fork)).toEqual([
      { run: "r1", first: 1, last: 3 },
      { run: "r2", first: 4, last: 6 },
    ]);
    const server = new Server();
    server.newest = 9;
    const source = new Source(server, "e1");
    await source.refresh(experiment("e1", { runs }), fork, [], "effective");
    expect([...(source.columns.get("loss")?.steps ?? [])]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(source.effective?.values.at(-1)).toBeCloseTo(0.3, 12);
  });
});

describe("wall time", () => {
  it("counts from the first note; a clock that was put back stands still", async () => {
    const server = new Server();
    server.newest = 9;
    const now = run(0, { step: 9 });
    const source = new Source(server, "e1");
    await source.refresh(experiment("e1", { runs: [now] }), now, [], "time");
    expect([...(source.times?.steps ?? [])]).toEqual([0, 2, 5, 9]);
    expect([...(source.times?.values ?? [])]).toEqual([0, 0, 3, 3]);
  });
});

describe("buckets", () => {
  it("keep their extremes, beside rows that came as they are", () => {
    const buckets = recorded({
      first: [1, 3],
      last: [2, 4],
      count: [2, 2],
      bad: [0, 1],
      min: [1, "NaN"],
      max: [5, 6],
      final: [2, "Infinity"],
    });
    const found = joined([buckets, recorded({ steps: [5], values: [7] })]);
    expect([...found.steps]).toEqual([2, 4, 5]);
    expect([...found.values]).toEqual([2, Infinity, 7]);
    expect([...(found.buckets?.max ?? [])]).toEqual([5, 6, 7]);
    expect([...(found.buckets?.first ?? [])]).toEqual([1, 3, 5]);
  });
});
