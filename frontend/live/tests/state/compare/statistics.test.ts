import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  banded,
  best,
  type Curve,
  firstReached,
  half,
  meanCurve,
  minus,
  minusUnpaired,
  one,
  pooled,
  smoothed,
  valueOn,
  welch,
} from "../../../src/state/compare/statistics.ts";
import { tQuantile } from "../../../src/state/student.ts";

/** NumPy's and SciPy's figures; tests/frontend/compare_reference.py makes them. */
const reference = JSON.parse(
  readFileSync(new URL("./reference.json", import.meta.url), "utf8"),
) as {
  quantiles: [number, number][];
  a: number[];
  b: number[];
  interval: [number, number];
  welch: [number, number];
  paired: [number, number];
  groups: number[][];
  pooled: { n: number; mean: number; sd: number };
  curve: (number | null)[];
  smoothed: (number | null)[];
  x: number[];
  y: number[];
  at: number[];
  interpolated: number[];
};

const floats = (values: (number | null)[]) => Float64Array.from(values, (v) => v ?? Number.NaN);
const sample = (values: number[]) => pooled(values.map(one));

function curve(values: number[], changes: Partial<Curve> = {}): Curve {
  const steps = Float64Array.from(values, (_, i) => i + 1);
  return { n: 1, steps, x: steps, mean: Float64Array.from(values), sd: null, ...changes };
}

describe("against SciPy", () => {
  it("has the same quantiles of Student's t", () => {
    for (const [degrees, value] of reference.quantiles) {
      expect(tQuantile(degrees) / value).toBeCloseTo(1, 9);
    }
  });

  it("has the same interval of a mean", () => {
    const found = sample(reference.a);
    expect(found.mean - half(found)).toBeCloseTo(reference.interval[0], 9);
    expect(found.mean + half(found)).toBeCloseTo(reference.interval[1], 9);
  });

  it("has the same interval of a difference, unpaired and paired", () => {
    const found = welch(sample(reference.a), sample(reference.b));
    expect(found.difference - found.half).toBeCloseTo(reference.welch[0], 9);
    expect(found.difference + found.half).toBeCloseTo(reference.welch[1], 9);
    const pairs = sample(reference.b.map((b, i) => (reference.a[i] as number) - b));
    expect(pairs.mean - half(pairs)).toBeCloseTo(reference.paired[0], 9);
    expect(pairs.mean + half(pairs)).toBeCloseTo(reference.paired[1], 9);
  });

  it("pools samples of several sizes into the sample of all their values", () => {
    const found = pooled(reference.groups.map(sample));
    expect(found.n).toBe(reference.pooled.n);
    expect(found.mean).toBeCloseTo(reference.pooled.mean, 10);
    expect(found.sd).toBeCloseTo(reference.pooled.sd, 10);
  });

  it("smooths over rows, leaving those out that are not finite", () => {
    const found = smoothed(floats(reference.curve), 5);
    floats(reference.smoothed).forEach((value, i) => {
      if (Number.isNaN(value)) expect(found[i]).toBeNaN();
      else expect(found[i]).toBeCloseTo(value, 10);
    });
  });

  it("interpolates between rows, and never beyond them", () => {
    const [x, y] = [floats(reference.x), floats(reference.y)];
    reference.at.forEach((at, i) => {
      expect(valueOn(x, y, at)).toBeCloseTo(reference.interpolated[i] as number, 10);
    });
    expect(valueOn(x, y, (x[0] as number) - 0.1)).toBeNaN();
    expect(valueOn(x, y, (x[x.length - 1] as number) + 0.1)).toBeNaN();
  });
});

describe("means over seeds", () => {
  it("are taken at the steps that all have, and end with the shortest", () => {
    const every2 = Float64Array.of(2, 4, 6);
    const found = meanCurve([
      curve([1, 2, 3, 4, 5]),
      curve([4, 6, 8], { steps: every2, x: every2 }),
      curve([3, 4, 5, 6, 7, 8]),
    ]);
    expect([...found.steps]).toEqual([2, 4]);
    expect([...found.mean]).toEqual([10 / 3, 16 / 3]);
    expect(found.half[0]).toBeCloseTo((tQuantile(2) * Math.sqrt(4 / 3)) / Math.sqrt(3), 10);
  });

  it("end where one of them is no number any more", () => {
    const found = meanCurve([curve([1, 2, Number.NaN]), curve([1, 2, 3]), curve([1, 2, 3])]);
    expect([...found.steps]).toEqual([1, 2]);
  });

  it("have no interval below three seeds", () => {
    expect([...meanCurve([curve([1, 2]), curve([3, 5])]).half]).toEqual([Number.NaN, Number.NaN]);
    expect(half({ n: 2, mean: 0, sd: 1 })).toBeNaN();
  });

  it("lie where their seeds lie on the axis on average", () => {
    const found = meanCurve([
      curve([1, 1], { x: Float64Array.of(0.1, 0.2) }),
      curve([1, 1], { x: Float64Array.of(0.3, 0.6) }),
    ]);
    expect(found.x[1]).toBeCloseTo(0.4, 12);
  });

  it("count the copies of a run that was recorded as mean and deviation", () => {
    const copies = curve([2], { n: 4, sd: Float64Array.of(1) });
    expect(banded(copies).half[0]).toBeCloseTo(tQuantile(3) / 2, 10);
    const both = meanCurve([copies, curve([4])]);
    expect(both.n).toBe(5);
    expect(both.mean[0]).toBeCloseTo(2.4, 12);
  });
});

describe("differences", () => {
  it("are taken where both are, on the axis", () => {
    const a = curve([5, 6, 7], { x: Float64Array.of(0.5, 1.5, 9) });
    const b = curve([1, 3], { x: Float64Array.of(0, 2) });
    const found = minus(a, b);
    expect([...found.x]).toEqual([0.5, 1.5]);
    expect([...found.mean]).toEqual([3.5, 3.5]);
  });

  it("of unpaired means have Welch's interval", () => {
    const a = curve([5], { n: 4, sd: Float64Array.of(1) });
    const b = curve([3], { n: 3, sd: Float64Array.of(2) });
    const expected = welch({ n: 4, mean: 5, sd: 1 }, { n: 3, mean: 3, sd: 2 });
    const found = minusUnpaired(a, b);
    expect(found.mean[0]).toBe(2);
    expect(found.half[0]).toBe(expected.half);
  });
});

describe("figures of a table", () => {
  it("are the best of finite values, whichever way is up", () => {
    const values = Float64Array.of(Number.NaN, 3, 1, Infinity, 2);
    expect(best(values, false)).toBe(1);
    expect(best(Float64Array.of(0.2, 0.9, 0.5), true)).toBe(0.9);
    expect(best(Float64Array.of(Number.NaN), true)).toBeNaN();
  });

  it("say when a target was reached first, or that it was not", () => {
    expect(firstReached(Float64Array.of(3, 2, 1, 2), 2, false)).toBe(1);
    expect(firstReached(Float64Array.of(0.1, 0.95), 0.95, true)).toBe(1);
    expect(firstReached(Float64Array.of(3, Number.NaN), 2, false)).toBe(-1);
  });
});
