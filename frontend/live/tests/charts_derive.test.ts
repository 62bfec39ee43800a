import { describe, expect, it } from "vitest";
import { Derived, rowAt } from "../src/charts/derive.ts";
import type { Column } from "../src/charts/types.ts";

function column(values: readonly number[], every = 1): Column {
  const steps = Float64Array.from(values, (_, i) => (i + 1) * every);
  return { n: values.length, steps, values: Float64Array.from(values) };
}

describe("Derived", () => {
  it("passes a column through where nothing is asked", () => {
    const given = column([3, 1, 2]);
    const drawn = new Derived().update(given, 0, 0);
    expect(drawn.raw).toBe(given.values);
    expect(drawn.smooth).toBe(given.values);
  });

  it("means over the last steps, not rows", () => {
    expect([...new Derived().update(column([1, 2, 3, 4]), 2, 0).raw].slice(0, 4)).toEqual([
      1, 1.5, 2.5, 3.5,
    ]);
    const everyTen = new Derived().update(column([1, 2, 3, 4], 10), 20, 0).raw;
    expect([...everyTen].slice(0, 4)).toEqual([1, 1.5, 2.5, 3.5]);
  });

  it("can draw the mean over the rows, which stay as they are", () => {
    const given = column([1, 2, 3, 4]);
    const drawn = new Derived().update(given, 2, 0, true);
    expect(drawn.raw).toBe(given.values);
    expect([...drawn.smooth].slice(0, 4)).toEqual([1, 1.5, 2.5, 3.5]);
  });

  it("smooths without a pull towards zero at the start, around gaps", () => {
    const smooth = new Derived().update(column([5, 5, Number.NaN, 5]), 0, 0.9).smooth;
    expect(smooth[0]).toBeCloseTo(5, 12);
    expect(smooth[1]).toBeCloseTo(5, 12);
    expect(smooth[2]).toBeNaN();
    expect(smooth[3]).toBeCloseTo(5, 12);
  });

  it("gives the same for a growing column as for a whole one", () => {
    const values = Array.from({ length: 700 }, (_, i) => Math.sin(i) + (i % 90 ? 0 : Number.NaN));
    const whole = new Derived().update(column(values), 40, 0.8);
    const growing = new Derived();
    for (let n = 1; n < 700; n += 37) growing.update(column(values.slice(0, n)), 40, 0.8);
    const grown = growing.update(column(values), 40, 0.8);
    expect([...grown.smooth].slice(0, 700)).toEqual([...whole.smooth].slice(0, 700));
    expect(growing.generation).toBe(new Derived().update(column([]), 0, 0).n + 1);
  });

  it("starts over when the rows are another experiment's", () => {
    const derived = new Derived();
    derived.update(column([1, 1, 1]), 0, 0.5);
    const drawn = derived.update(column([9, 9, 9, 9]), 0, 0.5);
    expect(drawn.smooth[0]).toBeCloseTo(9, 12);
    expect(drawn.smooth[3]).toBeCloseTo(9, 12);
  });
});

describe("rowAt", () => {
  it("finds the last row at or before a step", () => {
    const steps = Float64Array.from([10, 20, 30, 0]);
    expect([5, 10, 19, 30, 99].map((step) => rowAt(steps, 3, step))).toEqual([-1, 0, 0, 2, 2]);
  });
});
