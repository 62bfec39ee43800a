import { describe, expect, it } from "vitest";
import { BANDS, bandEdges, type Grid, valueAt } from "../src/charts/contours.ts";

function bowl(n: number, f: (x: number, y: number) => number): Grid {
  const axis = Array.from({ length: n }, (_, i) => -2 + (4 * i) / (n - 1));
  return { x: axis, y: axis, z: axis.map((y) => axis.map((x) => f(x, y))) };
}

describe("bandEdges", () => {
  it("rise, log-spaced above the minimum", () => {
    const edges = bandEdges(
      bowl(81, (x, y) => x * x + 5 * y * y - 7),
      -7,
      true,
    );
    expect(edges).toHaveLength(BANDS - 1);
    const ratios = edges.slice(1).map((e, k) => (e + 7) / ((edges[k] as number) + 7));
    for (const ratio of ratios) expect(ratio).toBeCloseTo(ratios[0] as number, 6);
    expect(ratios[0]).toBeGreaterThan(1);
  });

  it("are evenly spaced where the surface isn't logarithmic", () => {
    const edges = bandEdges(
      bowl(41, (x) => x),
      -2,
      false,
    );
    const gaps = edges.slice(1).map((e, k) => e - (edges[k] as number));
    for (const gap of gaps) expect(gap).toBeCloseTo(4 / BANDS, 9);
  });

  it("survive a flat surface and infinite corners", () => {
    for (const grid of [bowl(11, () => 3), bowl(11, (x, y) => (x > 1.9 ? Infinity : y * y))]) {
      expect(bandEdges(grid, 0, true).every(Number.isFinite)).toBe(true);
    }
  });
});

describe("valueAt", () => {
  it("is exact at grid points and near between them", () => {
    const f = (x: number, y: number) => (x - 0.3) ** 2 + 2 * (y + 0.1) ** 2;
    const grid = bowl(161, f);
    expect(valueAt(grid, -2, 2, 0, true)).toBeCloseTo(f(-2, 2), 9);
    expect(valueAt(grid, 1.013, -0.777, 0, true)).toBeCloseTo(f(1.013, -0.777), 3);
    expect(
      valueAt(
        bowl(161, (x, y) => x * y),
        0.511,
        -0.777,
        -4,
        false,
      ),
    ).toBeCloseTo(-0.397, 3);
  });
});
