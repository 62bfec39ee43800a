import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Experiment, Run } from "../../src/protocol.ts";
import { ApiError } from "../../src/state/api.ts";
import { Basins, COARSE } from "../../src/state/basins.ts";
import type { Session } from "../../src/state/session.ts";
import type { SwarmAsk } from "../../src/state/swarm.ts";
import { run } from "./runs.ts";
import { answer, type Starts } from "./swarms.ts";

/** A server whose answers come when the test says so. */
class FakeServer {
  readonly asks: SwarmAsk[] = [];
  private readonly waiting: {
    ask: SwarmAsk;
    resolve: (data: ArrayBuffer) => void;
    reject: (error: Error) => void;
  }[] = [];

  swarm = (ask: SwarmAsk): Promise<ArrayBuffer> => {
    this.asks.push(ask);
    return new Promise((resolve, reject) => this.waiting.push({ ask, resolve, reject }));
  };

  get rates(): (number | undefined)[] {
    return this.asks.map((ask) => ask.runs[1]?.drop_rate);
  }

  async answer(): Promise<void> {
    const next = this.waiting.shift();
    if (!next) throw new Error("nothing was asked for");
    const starts: Starts = [[0, 3]];
    const data = answer({ n: 1, steps: 5, pictures: next.ask.runs.map(() => starts) });
    next.resolve(data.slice().buffer);
    await vi.advanceTimersByTimeAsync(0);
  }

  async refuse(status: number): Promise<void> {
    const detail = { field: "steps", value: 1, allowed: "", message: `status ${status}` };
    this.waiting.shift()?.reject(new ApiError(status, detail));
    await vi.advanceTimersByTimeAsync(0);
  }
}

function sessionOf(runs: Run[], problem = "beale", state = "running") {
  const kind = "surface";
  const experiment = {
    id: problem,
    problem,
    settings: {},
    kind,
    seed: 7,
    state,
    connected: true,
  } as Experiment;
  return { experiment: signal(experiment), runs: signal(runs), phase: signal("live") };
}

describe("basins", () => {
  const runs = [run(0), run(1, { drop_rate: 0.5 })];
  let server: FakeServer;
  let open: ReturnType<typeof signal<boolean>>;
  let page: ReturnType<typeof sessionOf>;
  let session: ReturnType<typeof signal<Session | null>>;
  let basins: Basins;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer();
    open = signal(true);
    page = sessionOf(runs);
    session = signal<Session | null>(page as unknown as Session);
    basins = new Basins(server, "me", session as never, open as never);
  });

  afterEach(() => {
    basins.stop();
    vi.useRealTimers();
  });

  it("asks for the runs as they are, as fine as chosen, with the experiment's seed", async () => {
    expect(server.asks).toHaveLength(1);
    expect(server.asks[0]).toMatchObject({ problem: "beale", n: 256, steps: 500, seed: 7 });
    expect(server.asks[0]).toMatchObject({ masks: "own", client: "me" });
    expect(server.asks[0]?.runs.map((one) => one.drop_rate)).toEqual([0, 0.5]);
    await server.answer();
    expect(basins.pictureOf("r2")?.median).toBe(3);
    expect(basins.pictureOf("r9")).toBeUndefined();
  });

  it("follows a finger coarsely, newest only, one at a time; finely once it rests", async () => {
    await server.answer();
    for (const rate of [0.51, 0.52, 0.53, 0.54]) basins.finger("r2", rate);
    expect(server.rates).toEqual([0.5, 0.51]);
    expect(server.asks[1]?.n).toBe(COARSE);
    await server.answer();
    expect(server.rates).toEqual([0.5, 0.51, 0.54]);
    expect(basins.shown.value?.fine).toBe(false);
    await server.answer();
    expect(server.asks).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(200);
    expect(server.asks[3]).toMatchObject({ n: 256 });
    expect(server.rates[3]).toBe(0.54);
    await server.answer();
    expect(basins.shown.value?.fine).toBe(true);
  });

  it("asks for nothing anew when the finger is gone and the server agrees", async () => {
    await server.answer();
    basins.finger("r2", 0.6);
    await server.answer();
    await vi.advanceTimersByTimeAsync(200);
    await server.answer();
    page.runs.value = [run(0), run(1, { drop_rate: 0.6, step: 90 })];
    basins.finger("r2", null);
    page.experiment.value = { ...page.experiment.value, state: "paused" } as Experiment;
    await vi.advanceTimersByTimeAsync(5000);
    expect(server.rates).toEqual([0.5, 0.6, 0.6]);
  });

  it("follows a supposed rate while the run itself cannot be moved, and no longer", async () => {
    await server.answer();
    const now = page as unknown as Session;
    const [, second] = runs as [Run, Run];
    basins.whatIf.suppose(now, second, 0.8);
    expect(server.rates).toEqual([0.5]);
    page.experiment.value = { ...page.experiment.value, state: "cancelled" } as Experiment;
    expect(server.rates).toEqual([0.5, 0.8]);
    await server.answer();
    expect(basins.shown.value?.wish.runs[1]?.drop_rate).toBe(0.8);
    // It was resumed, trained on, and ended again.
    page.experiment.value = { ...page.experiment.value, state: "running" } as Experiment;
    await server.answer();
    page.runs.value = [run(0), run(1, { drop_rate: 0.5, step: 90 })];
    page.experiment.value = { ...page.experiment.value, state: "cancelled" } as Experiment;
    expect(server.rates).toEqual([0.5, 0.8, 0.5]);
  });

  it("forgets what was supposed; another experiment's run of that name never had it", async () => {
    page.experiment.value = { ...page.experiment.value, state: "failed" } as Experiment;
    const now = page as unknown as Session;
    const [, second] = runs as [Run, Run];
    basins.whatIf.suppose(now, second, 0.8);
    expect(basins.whatIf.rateOf(now, second)).toBe(0.8);
    const other = sessionOf(runs, "himmelblau", "failed") as unknown as Session;
    expect(basins.whatIf.rateOf(other, second)).toBeNull();
    basins.whatIf.forget(now, second);
    expect(basins.whatIf.rateOf(now, second)).toBeNull();
  });

  it("asks for nothing while it is not on the page, and keeps what it has", async () => {
    await server.answer();
    open.value = false;
    basins.finger("r2", 0.9);
    basins.finger("r2", null);
    await vi.advanceTimersByTimeAsync(5000);
    open.value = true;
    expect(server.asks).toHaveLength(1);
    expect(basins.shown.value).not.toBeNull();
  });

  it("shows an answer that came while it was not on the page", async () => {
    open.value = false;
    await server.answer();
    open.value = true;
    expect(basins.shown.value?.swarm.steps).toBe(5);
    expect(server.asks).toHaveLength(1);
  });

  it("never shows the basins of the surface before", async () => {
    session.value = sessionOf(runs, "himmelblau") as unknown as Session;
    await server.answer();
    expect(basins.shown.value).toBeNull();
    expect(server.asks[1]?.problem).toBe("himmelblau");
    await server.answer();
    expect(basins.shown.value?.wish.ask.problem).toBe("himmelblau");
  });

  it("says why the server refused, keeps the pictures, and takes up the next good setting", async () => {
    await server.answer();
    basins.steps.value = 5000;
    await server.refuse(422);
    expect(basins.trouble.value).toBe("status 422");
    expect(basins.shown.value?.wish.ask.steps).toBe(500);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.asks).toHaveLength(2);
    basins.steps.value = 500;
    await server.answer();
    expect(basins.trouble.value).toBe("");
  });

  it("tries again where the server was away, and is silent about an overtaken request", async () => {
    await server.refuse(0);
    expect(basins.trouble.value).toBe("status 0");
    await vi.advanceTimersByTimeAsync(2000);
    expect(server.asks).toHaveLength(2);
    await server.answer();
    expect(basins.trouble.value).toBe("");
    basins.seed.value = 3;
    await server.refuse(409);
    expect(basins.trouble.value).toBe("");
  });

  it("says so when the answer takes long, and only then", async () => {
    expect(basins.waited.value).toBeNull();
    await vi.advanceTimersByTimeAsync(600);
    expect(basins.waited.value).toBe(0);
    await vi.advanceTimersByTimeAsync(2000);
    expect(basins.waited.value).toBe(2);
    await server.answer();
    expect(basins.waited.value).toBeNull();
    await vi.advanceTimersByTimeAsync(2000);
    expect(basins.waited.value).toBeNull();
  });
});
