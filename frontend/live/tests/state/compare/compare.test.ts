// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Catalogue, Experiment } from "../../../src/protocol.ts";
import { type Api, ApiError } from "../../../src/state/api.ts";
import { MOST_RUNS } from "../../../src/state/compare/choice.ts";
import { Compare } from "../../../src/state/compare/compare.ts";
import { run } from "../runs.ts";
import { experiment } from "./made.ts";

/** Experiments whose runs have made no step yet: only the choice is looked at here. */
class Server {
  readonly known = new Map<string, Experiment>();
  reachable = true;

  readonly api = {
    experiment: (id: string) => {
      const plain = { field: "id", value: id, allowed: "", message: "" };
      if (!this.reachable)
        return Promise.reject(new ApiError(0, { ...plain, message: "no server" }));
      const found = this.known.get(id);
      return found
        ? Promise.resolve(found)
        : Promise.reject(new ApiError(404, { ...plain, message: "there is no such experiment" }));
    },
    controls: () => Promise.resolve([]),
  } as unknown as Api;

  has(id: string, rates: number[], seed = 0): void {
    const runs = rates.map((drop_rate, slot) => run(slot, { drop_rate, step: 0 }));
    this.known.set(id, experiment(id, { runs, seed }));
  }
}

let server: Server;
let compare: Compare;

beforeEach(() => {
  sessionStorage.clear();
  history.replaceState(null, "", "/compare");
  server = new Server();
  const catalogue = signal<Catalogue | null>(null);
  compare = new Compare(server.api, catalogue, signal(true), () => undefined);
});

afterEach(() => compare.stop());

const settled = async (check: () => boolean): Promise<void> => {
  for (let i = 0; i < 200 && !check(); i++) await new Promise((done) => setTimeout(done, 5));
  expect(check()).toBe(true);
};

const words = () => new URLSearchParams(location.search).get("runs")?.split(",") ?? [];

describe("the choice", () => {
  it("takes up all runs of an experiment that were not removed, and writes them to the address", async () => {
    server.has("a", [0, 0.5, 0.9]);
    const removed = server.known.get("a")?.runs[1];
    if (removed) removed.state = "removed";
    compare.follow("?add=a&by=epoch");
    await settled(() => words().length > 0);
    expect(words()).toEqual(["a.r1.0", "a.r3.2"]);
    expect(location.search).toContain("by=epoch");
    expect(location.search).not.toContain("add=");
  });

  it("gives runs that differ only in their seed one slot, others one of their own", async () => {
    server.has("a", [0, 0.5]);
    server.has("b", [0.5, 0.9], 1);
    compare.follow("?add=a");
    await settled(() => words().length === 2);
    compare.addAll("b");
    await settled(() => words().length === 4);
    expect(words()).toEqual(["a.r1.0", "a.r2.1", "b.r1.1", "b.r2.2"]);
    compare.remove(["a.r1"]);
    expect(words()).toEqual(["a.r2.1", "b.r1.1", "b.r2.2"]);
  });

  it("is what it was when one comes back to the page, and what is added joins it", async () => {
    server.has("a", [0]);
    server.has("b", [0.5]);
    compare.follow("?runs=a.r1.4&seeds=apart");
    compare.follow("");
    expect(words()).toEqual(["a.r1.4"]);
    compare.follow("?add=b");
    await settled(() => words().length === 2);
    expect(words()).toEqual(["a.r1.4", "b.r1.0"]);
    expect(location.search).toContain("seeds=apart");
    compare.clear();
    expect(location.search).toBe("");
    compare.follow("");
    expect(compare.choice.value.runs).toEqual([]);
  });

  it("keeps what cannot be reached, with the reason, until it can", async () => {
    server.has("a", [0]);
    server.reachable = false;
    compare.follow("?add=a");
    await settled(() => compare.watched.loaded.value.get("a")?.error === "no server");
    expect(compare.choice.value.add).toEqual(["a"]);
    server.reachable = true;
    compare.retry();
    await settled(() => words().length === 1);
    expect(compare.watched.loaded.value.get("a")?.error).toBe("");
  });

  it("says how many runs were left out where they are too many", async () => {
    for (let i = 0; i < 5; i++)
      server.has(
        `e${i}`,
        Array.from({ length: 16 }, (_, k) => k / 20),
        i,
      );
    compare.follow(`?add=${[...server.known.keys()].join(",")}`);
    await settled(() => words().length === MOST_RUNS);
    expect(compare.leftOut.value).toBe(16);
  });

  it("loses its baseline with the run that it was", async () => {
    server.has("a", [0, 0.5]);
    compare.follow("?runs=a.r1.0,a.r2.1&baseline=a.r1");
    compare.remove(["a.r1"]);
    expect(compare.choice.value.baseline).toBeNull();
  });
});
