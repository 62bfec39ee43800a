import { describe, expect, it } from "vitest";
import { type Arrival, firstReached, surfaceVerdict } from "../../src/state/verdict_surface.ts";
import {
  type Comparison,
  halfDifference,
  lossVerdict,
  noisePoints,
  taskVerdict,
} from "../../src/state/verdict_task.ts";

const arrival = (
  name: string,
  reached: number | null,
  changes: Partial<Arrival> = {},
): Arrival => ({
  name,
  dropRate: 0,
  reached,
  diverged: null,
  ...changes,
});

describe("verdict on a surface", () => {
  it("finds the first step within 1e−3 of the minimum", () => {
    const steps = Float64Array.from([1, 2, 3, 4]);
    const values = Float64Array.from([2, 1.0011, 1.0009, 1.0001]);
    expect(firstReached({ n: 4, steps, values }, 1)).toBe(3);
    expect(firstReached({ n: 2, steps, values }, 1)).toBeNull();
  });

  it("says who reached it, when, and who did not", () => {
    const runs = [arrival("Adam", 628), arrival("Adam + LRD", null, { dropRate: 0.5 })];
    expect(surfaceVerdict(runs, 640).text).toBe(
      "Adam reached the minimum after 628 steps; Adam + LRD not within 640.",
    );
  });

  it("tells runs of one name apart by their drop rate", () => {
    const runs = [
      arrival("Adam + LRD", 50, { dropRate: 0.5 }),
      arrival("Adam + LRD", null, { dropRate: 0.9 }),
    ];
    expect(surfaceVerdict(runs, 60).text).toBe(
      "Adam + LRD at 0.5 reached the minimum after 50 steps; Adam + LRD at 0.9 not within 60.",
    );
  });

  it("looks no further than the step looked at", () => {
    expect(surfaceVerdict([arrival("Adam", 628)], 100).text).toBe(
      "No run reached the minimum within 100 steps.",
    );
    expect(surfaceVerdict([arrival("Adam", 628)], 0).text).toBe("No step has been taken yet.");
  });

  it("names the diverged", () => {
    const runs = [arrival("Adam", 5), arrival("SGD", null, { diverged: 3 })];
    expect(surfaceVerdict(runs, 9).text).toBe(
      "Adam reached the minimum after 5 steps; SGD diverged.",
    );
  });

  it("stays short with many runs and always says how sure it is", () => {
    const runs = Array.from({ length: 16 }, (_, i) => arrival(`run ${i}`, i < 9 ? 10 + i : null));
    const { text, sure } = surfaceVerdict(runs, 100);
    expect(text).toBe(
      "9 of 16 runs reached the minimum, run 0 first, after 10 steps; 7 runs not within 100.",
    );
    expect(sure).toContain("an anecdote");
  });
});

describe("verdict on a task", () => {
  const comparison = (changes: Partial<Comparison> = {}): Comparison => ({
    name: "Adam + LRD",
    dropRate: 0.5,
    value: 0.97,
    plain: { name: "Adam", value: 0.972 },
    fair: { name: "Adam, lr ÷ 2", value: 0.97 },
    ...changes,
  });

  it("compares with the plain run and with lr × keep", () => {
    const { text } = taskVerdict([comparison()], "digits");
    expect(text).toContain("−0.2 points to Adam, ±0.0 points to Adam, lr ÷ 2.");
  });

  it("computes the noise of two accuracies on 360 images", () => {
    expect(noisePoints(0.97, 360)).toBeCloseTo(2.543, 3);
    expect(taskVerdict([comparison()], "digits").sure).toContain("below 2.5 points are noise");
    expect(taskVerdict([comparison()], "another").sure).toBe("One seed: no interval.");
  });

  it("says what is missing", () => {
    expect(taskVerdict([], "digits").text).toContain("no run to compare");
    const unknown = comparison({ value: Number.NaN });
    expect(taskVerdict([unknown], "digits").text).toContain("has been measured yet");
    const alone = comparison({ plain: null, fair: null });
    expect(taskVerdict([alone], "digits").text).toContain("add the fair baseline");
  });
});

describe("verdict over seeds", () => {
  // Welch (1947) by hand: variances 0.010²/8 and 0.006²/8, 11.46 degrees of freedom, t = 2.190.
  const a = { value: 0.97, seeds: { count: 8, sd: 0.01 } };
  const b = { value: 0.975, seeds: { count: 8, sd: 0.006 } };

  it("has the interval of Welch's test", () => {
    expect(halfDifference(a, b)).toBeCloseTo(2.19 * Math.sqrt((0.01 ** 2 + 0.006 ** 2) / 8), 4);
    expect(halfDifference(a, { value: 0.9 })).toBeNaN();
    const same = { value: 1, seeds: { count: 8, sd: 0 } };
    expect(halfDifference(same, same)).toBe(0);
  });

  it("says the interval and how many seeds it comes from", () => {
    const one = { ...a, name: "Adam + LRD", dropRate: 0.5, plain: { ...b, name: "Adam" } };
    const { text, sure } = taskVerdict([{ ...one, fair: null }], "digits");
    expect(text).toContain("−0.5 points [−1.4, +0.4] to Adam");
    expect(sure).toContain("8 seeds");
  });
});

it("a task that measures a loss alone is told by ratios of losses", () => {
  const one = {
    name: "Adam + LRD",
    dropRate: 0.5,
    value: 0.02,
    plain: { name: "Adam", value: 0.01 },
    fair: null,
  };
  expect(lossVerdict([one]).text).toBe("Adam + LRD at 0.5: test loss 0.0200, 2.00 × that of Adam.");
  expect(lossVerdict([]).text).toContain("no run to compare");
});
