import { describe, expect, it } from "vitest";
import { bandPoints } from "../src/charts/band.ts";
import { type Frame, yOf } from "../src/charts/line_shape.ts";
import type { Column } from "../src/charts/types.ts";
import { halfInterval, tQuantile } from "../src/state/student.ts";

const frame: Frame = {
  width: 100,
  height: 50,
  ratio: 1,
  x: [0, 100],
  y: [0, 10],
  scale: "linear",
};

function column(values: number[], every = 10): Column {
  const steps = Float64Array.from(values, (_, i) => (i + 1) * every);
  return { n: values.length, steps, values: Float64Array.from(values) };
}

describe("band", () => {
  it("reaches factor × spread above and below the mean", () => {
    const [piece] = bandPoints(frame, {
      mean: column([4, 6]),
      spread: column([1, 0.5]),
      factor: 2,
    });
    expect(piece).toEqual([
      { x: 10, top: yOf(frame, 6), bottom: yOf(frame, 2) },
      { x: 20, top: yOf(frame, 7), bottom: yOf(frame, 5) },
    ]);
  });

  it("is one point a pixel column, as wide as the widest of its rows", () => {
    const mean = column([4, 5, 4], 0.2);
    const [piece] = bandPoints(frame, { mean, spread: column([1, 1, 3], 0.2), factor: 1 });
    expect(piece).toHaveLength(1);
    expect(piece?.[0]).toMatchObject({ top: yOf(frame, 7), bottom: yOf(frame, 1) });
  });

  it("is broken where there is no mean, and begins after a fork", () => {
    const mean = column([4, Number.NaN, 5, 6]);
    const band = { mean, spread: column([1, 1, 1, 1]), factor: 1 };
    const pieces = bandPoints(frame, band);
    expect(pieces.map((piece) => piece.map(({ x }) => x))).toEqual([[10], [30, 40]]);
    const own = bandPoints(frame, { ...band, from: 30 });
    expect(own.flat().map(({ x }) => x)).toEqual([40]);
  });

  it("is averaged over the same steps as its line", () => {
    const mean = column([2, 4, Number.NaN, 6]);
    const spread = column([1, 2, 1, 3]);
    const pieces = bandPoints(frame, { mean, spread, factor: 1, window: 30 });
    // Steps 20 and 40 are within 30 of step 40; step 30 has no value.
    expect(pieces[1]).toEqual([{ x: 40, top: yOf(frame, 7.5), bottom: yOf(frame, 2.5) }]);
    expect(pieces[0]?.[1]).toEqual({ x: 20, top: yOf(frame, 4.5), bottom: yOf(frame, 1.5) });
  });
});

describe("tQuantile", () => {
  // Table of the t distribution, two-sided 95 %.
  it.each([
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [7, 2.365],
    [15, 2.131],
    [31, 2.04],
    [120, 1.98],
  ])("with %i degrees of freedom is %f", (degrees, wanted) => {
    expect(Math.abs(tQuantile(degrees) / wanted - 1)).toBeLessThan(0.002);
  });

  it("gives the interval of a mean of 8: 2.365 / √8 standard deviations", () => {
    expect(halfInterval(8)).toBeCloseTo(0.836, 3);
  });
});
