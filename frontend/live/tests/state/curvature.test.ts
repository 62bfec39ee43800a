import { describe, expect, it } from "vitest";
import type { ControlOut, Experiment } from "../../src/protocol.ts";
import { costShare, curvatureEvery } from "../../src/state/curvature.ts";
import { mergeColumns } from "../../src/state/merged.ts";
import { StepRate } from "../../src/state/rate.ts";

const experiment = { curvature_every: 25 } as Experiment;
const chose = (value: number): ControlOut => ({
  id: String(value),
  kind: "curvature",
  run: null,
  step: 3,
  received_step: 3,
  changes: [{ run: null, setting: "curvature_every", old: 0, new: value, step: 4 }],
  at: "2026-01-01T00:00:00Z",
  who: "",
});

describe("curvature", () => {
  it("is measured as was chosen last, else as the experiment began", () => {
    expect(curvatureEvery(experiment, [])).toBe(25);
    expect(curvatureEvery(experiment, [chose(50), chose(0)])).toBe(0);
  });

  it("costs every run's time once an interval", () => {
    // Two runs, 12 ms each, every 50 steps at 100 steps a second: 24 ms of every half second.
    expect(costShare([12, 12], 50, 100)).toBeCloseTo(0.048, 12);
  });
});

describe("step rate", () => {
  it("is that of the last seconds, and unknown at first", () => {
    const rate = new StepRate();
    expect(rate.update(0, 0)).toBeNaN();
    for (let t = 100; t <= 10_000; t += 100) rate.update(t, t < 5000 ? 0 : (t - 5000) / 10);
    expect(rate.update(10_100, 510)).toBeCloseTo(100, 6);
    expect(rate.update(10_200, 5)).toBeNaN();
  });
});

describe("mergeColumns", () => {
  const column = (steps: number[], scale: number) => ({
    n: steps.length,
    steps: Float64Array.from([...steps, 999]),
    values: Float64Array.from([...steps.map((step) => step * scale), 999]),
  });

  it("orders rows of several intervals by step, the first column's first", () => {
    const merged = mergeColumns([column([50, 100], 1), column([75, 100, 125], -1)]);
    expect([...merged.steps.subarray(0, merged.n)]).toEqual([50, 75, 100, 125]);
    expect([...merged.values.subarray(0, merged.n)]).toEqual([50, -75, 100, -125]);
  });
});
