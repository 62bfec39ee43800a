import { describe, expect, it } from "vitest";
import type { Grid } from "../src/charts/contours.ts";
import { heightScale, Relief } from "../src/charts/relief.ts";
import type { Rgb } from "../src/look/palette.ts";

class Image {
  readonly data: Uint8ClampedArray;
  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}
Object.assign(globalThis, { ImageData: Image });

const COLORS: Rgb[] = Array.from({ length: 22 }, (_, k) => [10 + 10 * k, 100, 200]);
const SIZE = 200;
const ABOVE = { turn: 0, tilt: Math.PI / 2 };

function gridOf(f: (x: number, y: number) => number, n = 41): Grid {
  const axis = Array.from({ length: n }, (_, i) => -1 + (2 * i) / (n - 1));
  return { x: axis, y: axis, z: axis.map((y) => axis.map((x) => f(x, y))) };
}

/** Share of pixels that show the surface. */
function covered(image: ImageData): number {
  let count = 0;
  for (let k = 3; k < image.data.length; k += 4) count += image.data[k] === 255 ? 1 : 0;
  return count / (image.width * image.height);
}

describe("relief", () => {
  it("has the map's heights: the logarithm where bands are spaced by it", () => {
    const grid = gridOf((x, y) => 10 ** (3 * x) + 0 * y);
    const linear = heightScale(grid, 0, false);
    const log = heightScale(grid, 0, true);
    expect(linear(1000)).toBeCloseTo(1, 1);
    expect(linear(1)).toBeLessThan(0.05);
    expect(log(1) - log(0.1)).toBeCloseTo(log(100) - log(10), 5);
    expect(log(-5)).toBe(0);
  });

  it("fills the square of its ground without a hole, seen from above", () => {
    const relief = new Relief(
      gridOf((x, y) => x * x - y * y),
      -1,
      false,
    );
    const image = relief.paint(SIZE, SIZE, ABOVE, COLORS);
    // The ground's side is 0.94 of what its diagonal leaves.
    const side = 0.94 / Math.SQRT2;
    expect(covered(image)).toBeCloseTo(side * side, 2);
    const from = Math.ceil(SIZE * (0.5 - side / 2)) + 1;
    for (let y = from; y < SIZE - from; y++) {
      for (let x = from; x < SIZE - from; x++) {
        expect(image.data[4 * (y * SIZE + x) + 3]).toBe(255);
      }
    }
  });

  it("places corners where they are drawn, and turns them", () => {
    const relief = new Relief(
      gridOf((x) => x),
      -1,
      false,
    );
    relief.paint(SIZE, SIZE, ABOVE, COLORS);
    const half = (0.94 * SIZE) / (2 * Math.SQRT2);
    const corner = relief.place(1, 1, 1);
    expect(corner?.x).toBeCloseTo(100 + half, 3);
    expect(corner?.y).toBeCloseTo(100 - half, 3);
    relief.paint(SIZE, SIZE, { ...ABOVE, turn: Math.PI / 2 }, COLORS);
    expect(relief.place(1, 1, 1)?.x).toBeCloseTo(100 - half, 3);
    expect(relief.place(1.01, 0.5, 0)).toBeNull();
    expect(relief.place(0.5, 0.5, Number.NaN)).toBeNull();
  });

  it("hides what lies behind a wall", () => {
    const wall = gridOf((_, y) => (Math.abs(y) < 0.15 ? 1 : 0));
    const relief = new Relief(wall, 0, false);
    relief.paint(SIZE, SIZE, { turn: 0, tilt: 0.35 }, COLORS);
    expect(relief.place(0.5, 0.2, 0)?.seen).toBe(true);
    expect(relief.place(0.5, 0.5, 1)?.seen).toBe(true);
    expect(relief.place(0.5, 0.75, 0)?.seen).toBe(false);
  });

  it("leaves out where a formula has no value", () => {
    const half = gridOf((x) => (x < 0 ? Number.NaN : 1 + x));
    const image = new Relief(half, 1, false).paint(SIZE, SIZE, ABOVE, COLORS);
    const left = image.data[4 * (100 * SIZE + 60) + 3];
    const right = image.data[4 * (100 * SIZE + 140) + 3];
    expect([left, right]).toEqual([0, 255]);
    // The rim of the hole is lit like the rest.
    const words = new Uint32Array(image.data.buffer);
    expect(words.filter((pixel) => pixel === 0xff000000)).toHaveLength(0);
  });
});
