import { describe, expect, it } from "vitest";
import type { Run } from "../../src/protocol.ts";
import { decodeSwarm } from "../../src/state/swarm.ts";
import {
  basinVerdict,
  comparisonsOf,
  differenceOf,
  halfWidth,
  subjectOf,
} from "../../src/state/verdict_basins.ts";
import { MENUS, run } from "./runs.ts";
import { answer, type Starts } from "./swarms.ts";

const PLAIN: Starts = [
  [0, 10],
  [0, 20],
  [1, 30],
  [1, 40],
];
const LRD: Starts = [[0, 20], [1, 50], [1, 60], null];
const HALF: Starts = [
  [0, 20],
  [0, 40],
  [1, 61],
  [1, 80],
];
const RUNS = [
  run(0, { settings: { lr: 0.1 } }),
  run(1, { settings: { lr: 0.1 }, drop_rate: 0.5 }),
  run(2, { settings: { lr: 0.05 } }),
];

function verdict(pictures: Starts[], runs: Run[], selected: string | null = null) {
  const swarm = decodeSwarm(answer({ n: 2, steps: 100, pictures }));
  const sample = [comparisonsOf(swarm, runs, MENUS)];
  return basinVerdict(subjectOf(runs, selected), swarm, sample, MENUS);
}

describe("difference", () => {
  it("counts steps, reach, and starts that changed their minimum", () => {
    const [a, b] = decodeSwarm(answer({ n: 2, steps: 100, pictures: [LRD, PLAIN] })).pictures;
    const difference = differenceOf(a as never, b as never);
    expect(difference).toEqual({ steps: 20, reached: -0.25, moved: 1 / 3 });
  });
});

describe("verdict", () => {
  it("compares a drop rate with its plain optimizer, in numbers of starts and seeds", () => {
    const { text, sure } = verdict([PLAIN, LRD], RUNS.slice(0, 2));
    expect(text).toBe(
      "Drop rate 0.5 costs Adam 20 more steps at the median, " +
        "reaches a minimum from 25.0 points fewer starts and " +
        "sends 33.3\u202f% of the starts to another minimum.",
    );
    expect(sure).toContain("4 starts, one mask seed.");
  });

  it("adds the baseline with the same mean step where it is there", () => {
    const { sure } = verdict([PLAIN, LRD, HALF], RUNS);
    expect(sure).toContain("Against Adam at lr × 0.5: −11.0 steps, −25.0 points.");
  });

  it("says a no as clearly as a yes", () => {
    const { text } = verdict([PLAIN, PLAIN], RUNS.slice(0, 2));
    expect(text).toContain("costs Adam no step at the median");
    expect(text).toContain("from as many starts");
    expect(text).toContain("sends none to another minimum");
  });

  it("is about the chosen run, and names what it lacks", () => {
    const runs = [...RUNS.slice(0, 2), run(3, { optimizer: "sgd", drop_rate: 0.9 })];
    const { text } = verdict([PLAIN, LRD, HALF], runs, "r4");
    expect(text).toMatch(/^Drop rate 0.9 has no baseline here: add SGD/);
    expect(verdict([PLAIN, LRD, HALF], runs).text).toMatch(/^Drop rate 0.5 costs/);
    expect(verdict([PLAIN], RUNS.slice(0, 1)).text).toContain("No run drops anything");
  });

  it("has an interval over mask seeds", () => {
    const runs = RUNS.slice(0, 2);
    const seed = (late: number) => {
      const starts: Starts = [
        [0, 20],
        [0, 30],
        [1, late],
        [1, 90],
      ];
      const swarm = decodeSwarm(answer({ n: 2, steps: 100, pictures: [PLAIN, starts] }));
      return { swarm, comparison: comparisonsOf(swarm, runs, MENUS) };
    };
    const seeds = [50, 60, 70].map(seed);
    const swarm = seeds[0]?.swarm as never;
    const sample = seeds.map(({ comparison }) => comparison);
    const { text, sure } = basinVerdict(runs[1], swarm, sample, MENUS);
    expect(text).toContain("costs Adam 30 more steps");
    // Mean 30, standard deviation 10, three seeds: ± 4.303 · 10 / √3 = 24.8.
    expect(sure).toMatch(/3 mask seeds, 95 % intervals\. .*\+30\.0 \[\+5\.2, \+54\.8\] steps/);
  });
});

describe("interval", () => {
  it("is Student's, of the mean", () => {
    // Standard deviation 1 of five values: 2.7764 / √5.
    const values = [
      -1.2649110640673518, -0.6324555320336759, 0, 0.6324555320336759, 1.2649110640673518,
    ];
    expect(halfWidth(values)).toBeCloseTo(1.2416, 2);
  });
});
