import { describe, expect, it } from "vitest";
import { ContourLines, lossLevels } from "../src/charts/contour_lines.ts";

const axis = (n: number, low: number, high: number) =>
  Array.from({ length: n }, (_, i) => low + (i / (n - 1)) * (high - low));

/** A grid of f over [−2, 4] × [−1, 1]; rows are y, columns x. */
function grid(f: (x: number, y: number) => number | null, n = 31) {
  const x = axis(n, -2, 4);
  const y = axis(n, -1, 1);
  return { x, y, z: y.map((v) => x.map((u) => f(u, v))) };
}

describe("ContourLines", () => {
  it("lie where the loss has the level's value", () => {
    const f = (x: number, y: number) => Math.exp(0.5 * x + y);
    const lines = new ContourLines(grid(f));
    expect(lines.lines.length).toBeGreaterThan(5);
    for (const line of lines.lines) {
      const heights = line.map(([x, y]) => f(x, y));
      const level = lines.levels.reduce((near, one) =>
        Math.abs(one / (heights[0] as number) - 1) < Math.abs(near / (heights[0] as number) - 1)
          ? one
          : near,
      );
      for (const height of heights) expect(Math.abs(height / level - 1)).toBeLessThan(0.01);
    }
  });

  it("are open at the grid's edge: nothing is drawn along it or outside", () => {
    const lines = new ContourLines(grid((x) => 1 + x * x));
    for (const [x, y] of lines.lines.flat()) {
      expect(x).toBeGreaterThanOrEqual(-2);
      expect(x).toBeLessThanOrEqual(4);
      expect(Math.abs(y)).toBeLessThanOrEqual(1 + 1e-9);
    }
    const along = lines.lines.filter((line) => line.every(([, y]) => Math.abs(y) > 0.99));
    expect(along).toEqual([]);
  });

  it("tells the loss at a place, and nothing outside of the grid", () => {
    const lines = new ContourLines(grid((x, y) => Math.exp(x + y)));
    expect(lines.at(1.05, 0.31) / Math.exp(1.36)).toBeCloseTo(1, 2);
    expect(lines.at(4.1, 0)).toBeNaN();
  });

  it("leaves out what is not finite, and a flat loss has no contours", () => {
    const holed = new ContourLines(grid((x) => (x > 2 ? null : 1 + x * x)));
    expect(holed.levels.every(Number.isFinite)).toBe(true);
    expect(holed.lines.length).toBeGreaterThan(0);
    expect(new ContourLines(grid(() => 3)).lines).toEqual([]);
    expect(new ContourLines(grid(() => null)).lines).toEqual([]);
  });
});

describe("lossLevels", () => {
  it("are even in the logarithm for losses, even as they are where some are not positive", () => {
    const ratios = lossLevels([0.01, 1], 4).map((v, i, all) => v / (all[i - 1] ?? Number.NaN));
    for (const ratio of ratios.slice(1)) expect(ratio).toBeCloseTo(100 ** 0.25, 9);
    expect(lossLevels([-1, 1], 4)).toEqual([-0.75, -0.25, 0.25, 0.75]);
  });
});
