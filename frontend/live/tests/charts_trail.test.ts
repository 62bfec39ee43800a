import { describe, expect, it, vi } from "vitest";
import { fades, strokesOf, tailLength } from "../src/charts/tails.ts";
import { Trail } from "../src/charts/trail.ts";
import type { Column } from "../src/charts/types.ts";

const column = (values: readonly number[]): Column => ({
  n: values.length,
  steps: Float64Array.from(values, (_, i) => i + 1),
  values: Float64Array.from(values),
});
const place = (x: number, y: number) => [x, y] as const;

describe("Trail", () => {
  it("keeps what can be seen and always knows its head", () => {
    const trail = new Trail();
    trail.restart([0, 0]);
    trail.feed(column([5, 5.1, 5.2, 9]), column([0, 0, 0, 0]), place, Infinity);
    expect(trail.xs).toEqual([0, 5, 9]);
    trail.feed(column([5, 5.1, 5.2, 9, 9.1]), column([0, 0, 0, 0, 0]), place, Infinity);
    expect(trail.head).toEqual({ x: 9.1, y: 0, step: 5 });
  });

  it("ends at the step looked at", () => {
    const trail = new Trail();
    trail.restart(null);
    trail.feed(column([1, 2, 3, 4]), column([0, 0, 0, 0]), place, 2);
    expect(trail.head?.step).toBe(2);
  });

  it("of a fork begins where it leaves the run it comes from, and not before", () => {
    const trail = new Trail();
    trail.restart(null);
    const [x, y] = [column([10, 20, 30, 40]), column([0, 0, 0, 0])];
    trail.feed(x, y, place, 2, 3);
    expect(trail.head).toBeNull();
    trail.feed(x, y, place, Infinity, 3);
    expect([trail.xs, trail.steps]).toEqual([
      [30, 40],
      [3, 4],
    ]);
  });

  it("leaves out rows that aren't finite", () => {
    const trail = new Trail();
    trail.restart(null);
    trail.feed(column([1, Number.NaN, Infinity]), column([0, 0, 0]), place, Infinity);
    expect(trail.head).toEqual({ x: 1, y: 0, step: 1 });
  });

  it("hands out only what is new, joined to what was drawn", () => {
    const trail = new Trail();
    trail.restart([0, 0]);
    const xs = Array.from({ length: 100 }, (_, i) => (i + 1) * 2);
    const zeros = xs.map(() => 0);
    trail.feed(column(xs.slice(0, 50)), column(zeros.slice(0, 50)), place, Infinity);
    expect(trail.takeNew()).toEqual({ halo: 0, line: 0 });
    expect(trail.takeNew()).toBeNull();
    trail.feed(column(xs), column(zeros), place, Infinity);
    const piece = trail.takeNew();
    expect(piece?.halo).toBe(50);
    expect(trail.lengthTo(50) - trail.lengthTo(piece?.line ?? 0)).toBeGreaterThanOrEqual(9);
  });

  it("finds the step nearest to a place", () => {
    const trail = new Trail();
    trail.restart(null);
    trail.feed(column([10, 20, 30]), column([0, 0, 0]), place, Infinity);
    expect(trail.nearest(21, 3).step).toBe(2);
  });

  it("notices that earlier rows are gone", () => {
    const trail = new Trail();
    trail.restart(null);
    trail.feed(column([1, 2, 3]), column([0, 0, 0]), place, Infinity);
    expect(trail.continues(column([1, 2, 3, 4]), column([0, 0, 0, 0]))).toBe(true);
    expect(trail.continues(column([1]), column([0]))).toBe(false);
  });

  it("goes on where a long past has other rows for the same steps", () => {
    const rows = (steps: number[], generation: number): Column => {
      const all = Float64Array.from(steps);
      return { n: steps.length, steps: all, values: all.map((step) => 10 * step), generation };
    };
    const trail = new Trail();
    trail.restart(null);
    const feed = (steps: number[], generation: number) => {
      const column = rows(steps, generation);
      const goesOn = trail.continues(column, column);
      trail.feed(column, column, place, Infinity);
      return goesOn;
    };
    expect(feed([1, 2, 3, 4], 1)).toBe(true);
    expect(feed([1, 4, 5], 2)).toBe(true);
    expect(trail.steps).toEqual([1, 2, 3, 4, 5]);
    expect(feed([1, 4, 5, 6], 2)).toBe(true);
    expect(trail.steps).toEqual([1, 2, 3, 4, 5, 6]);
    // One that ends before it, or begins elsewhere, is another path.
    expect([1, 2].map((k) => trail.continues(rows([k, 5], 3), rows([k, 5], 3)))).toEqual([
      false,
      false,
    ]);
  });
});

describe("a fading tail", () => {
  it("begins so many pixels along the path before its end, between points too", () => {
    const trail = new Trail();
    trail.restart([0, 0]);
    trail.feed(column([10, 10, 40]), column([0, 20, 20]), place, Infinity);
    expect(trail.back(15)).toEqual({ x: 25, y: 20, at: 45, next: 3 });
    expect(trail.back(40)).toEqual({ x: 10, y: 10, at: 20, next: 2 });
    expect(trail.back(1000)).toEqual({ x: 0, y: 0, at: 0, next: 1 });
  });

  it("is as long as the picture is large", () => {
    expect(tailLength(400, 300)).toBe(tailLength(800, 600) / 2);
  });

  it("is left out where many would cover each other, and for people who want no motion", () => {
    let reduced = false;
    vi.stubGlobal("matchMedia", () => ({
      get matches() {
        return reduced;
      },
    }));
    expect([fades(1), fades(6), fades(7)]).toEqual([true, true, false]);
    reduced = true;
    expect(fades(1)).toBe(false);
    vi.unstubAllGlobals();
  });

  it("grows from nothing to opaque by equal amounts", () => {
    const strokes = strokesOf(90, true);
    expect(strokes.map(({ back }) => back)).toEqual([90, 60, 30]);
    let through = 1;
    const seen = strokes.map(({ alpha }) => {
      through *= 1 - alpha;
      return 1 - through;
    });
    for (const [i, share] of [1 / 3, 2 / 3, 1].entries()) expect(seen[i]).toBeCloseTo(share, 9);
  });
});
