import { signal } from "@preact/signals";
import { describe, expect, it } from "vitest";
import { BasinSeeds, SEEDS } from "../../src/state/basin_seeds.ts";
import type { Shown, Wish } from "../../src/state/basins.ts";
import { decodeSwarm, type SwarmAsk } from "../../src/state/swarm.ts";
import { MENUS, run } from "./runs.ts";
import { answer, type Starts } from "./swarms.ts";

const RUNS = [run(0), run(1, { drop_rate: 0.5 })];

/** LRD takes 20 steps more than the baseline, and one more with every seed. */
function bytesFor(seed: number): ArrayBuffer {
  const plain: Starts = [[0, 10]];
  const lrd: Starts = [[0, 30 + seed]];
  return answer({ n: 1, steps: 90, pictures: [plain, lrd] }).slice().buffer;
}

function setUp(key = "now") {
  const asks: SwarmAsk[] = [];
  const ask = {
    settings: {},
    problem: "beale",
    steps: 90,
    seed: 4,
    masks: "own" as const,
    runs: [],
  };
  const wish: Wish = { ask, runs: RUNS, key };
  const shown: Shown = { wish, swarm: decodeSwarm(bytesFor(4)), fine: true };
  const wanted = signal<Wish | null>(wish);
  return { asks, shown, wanted };
}

describe("mask seeds", () => {
  it("repeats the same pictures with the seeds that follow", async () => {
    const { asks, shown, wanted } = setUp();
    const swarm = async (ask: SwarmAsk) => {
      asks.push(ask);
      return bytesFor(ask.seed);
    };
    const seeds = new BasinSeeds({ swarm }, "me", wanted);
    await seeds.repeat(shown, MENUS);
    expect(asks.map((ask) => ask.seed)).toEqual(Array.from({ length: SEEDS - 1 }, (_, i) => 5 + i));
    const sample = seeds.sampled.value?.sample ?? [];
    expect(sample.map((one) => one.get("r2")?.plain?.steps)).toEqual(
      Array.from({ length: SEEDS }, (_, i) => 24 + i),
    );
    expect(seeds.count.value).toBeNull();
  });

  it("stops when other pictures are wanted", async () => {
    const { asks, shown, wanted } = setUp();
    const swarm = async (ask: SwarmAsk) => {
      asks.push(ask);
      if (asks.length === 3) wanted.value = { ...shown.wish, key: "other" };
      return bytesFor(ask.seed);
    };
    const seeds = new BasinSeeds({ swarm }, "me", wanted);
    await seeds.repeat(shown, MENUS);
    expect(asks).toHaveLength(3);
    expect(seeds.sampled.value).toBeNull();
    expect(seeds.count.value).toBeNull();
  });

  it("can be tried again after a failure", async () => {
    const { shown, wanted } = setUp();
    const swarm = () => Promise.reject(new Error("away"));
    const seeds = new BasinSeeds({ swarm }, "me", wanted);
    await expect(seeds.repeat(shown, MENUS)).rejects.toThrow("away");
    expect(seeds.count.value).toBeNull();
  });
});
