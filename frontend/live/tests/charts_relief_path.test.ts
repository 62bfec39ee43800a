import { describe, expect, it } from "vitest";
import { LONGEST, tilted } from "../src/charts/arrows.ts";
import { ReliefPath, type Seen, valueAtStep } from "../src/charts/relief_path.ts";
import { named } from "../src/charts/surface_signs.ts";
import { CAMERA, turnedBy } from "../src/charts/turning.ts";
import type { Column } from "../src/charts/types.ts";

const column = (values: readonly number[]): Column => ({
  n: values.length,
  steps: Float64Array.from(values, (_, i) => i + 1),
  values: Float64Array.from(values),
});

/** A hundred pixels a unit; what lies above 0.5 is hidden, what is left of 0 outside. */
const place = (x: number, y: number): Seen | null =>
  x < 0 ? null : { x: 100 * x, y: 100 * y, seen: y <= 0.5 };

function made(
  x: Column,
  y: Column,
  start: { x: number; y: number } | null,
  from = 0,
  until = Number.POSITIVE_INFINITY,
): ReliefPath {
  const path = new ReliefPath(place, start);
  path.feed(x, y, from, until);
  return path;
}

describe("a path over a relief", () => {
  const x = column([0.1, 0.2, 0.3, 0.4]);
  const y = column([0, 0.2, 0.8, 0.2]);

  it("is read at the nearest point in sight", () => {
    const path = made(x, y, { x: 0, y: 0 });
    expect(path.nearest(22, 20)).toEqual({ step: 2, distance: 2 });
    expect(path.nearest(0, 3)).toEqual({ step: 0, distance: 3 });
    // The third is hidden.
    expect(path.nearest(30, 80).step).not.toBe(3);
    expect(path.head).toEqual({ x: 40, y: 20, seen: true, step: 4 });
  });

  it("ends at the step looked at, begins where a fork does, and has no head outside", () => {
    const looked = made(x, y, { x: 0, y: 0 }, 0, 2);
    expect(looked.head?.step).toBe(2);
    const fork = made(x, y, null, 3);
    expect(fork.first).toMatchObject({ x: 30, y: 80 });
    const gone = made(column([0.1, -1]), column([0, 0]), null);
    expect(gone.head).toBeNull();
  });

  it("only takes in what is new, and notices that earlier rows are gone", () => {
    const path = new ReliefPath(place, null);
    const zeros = column([0, 0, 0]);
    expect(path.feed(column([0.1, 0.2]), zeros, 0, 9)).toBe(true);
    // Not even a pixel further.
    expect(path.feed(column([0.1, 0.2, 0.201]), zeros, 0, 9)).toBe(false);
    expect(path.head?.step).toBe(3);
    expect(path.continues(column([0.1, 0.2, 0.201]), zeros)).toBe(true);
    expect(path.continues(column([0.1]), zeros)).toBe(false);
  });

  it("says what a column has at a step", () => {
    expect(valueAtStep(y, 3)).toBe(0.8);
    expect(valueAtStep(y, 9)).toBeNaN();
    expect(valueAtStep(undefined, 1)).toBeNaN();
  });
});

describe("a relief", () => {
  it("turns and shortens arrows as its axes are, and leaves out those without a direction", () => {
    const parts = [
      { x: 40, y: 0, kept: true },
      { x: 0, y: -40, kept: false },
    ];
    expect(tilted(parts, { x: [0.8, 0.6], y: [0, -0.05] })).toEqual([{ x: 32, y: 24, kept: true }]);
    const [steep] = tilted(parts, { x: [0, 9], y: [0, 0] });
    expect(Math.hypot(steep?.x ?? 0, steep?.y ?? 0)).toBeCloseTo(LONGEST, 9);
  });

  it("is turned by keys, never below its ground or past its zenith", () => {
    expect(turnedBy(CAMERA, "ArrowRight")?.turn).toBeCloseTo(CAMERA.turn + Math.PI / 24, 9);
    let camera = CAMERA;
    for (let i = 0; i < 40; i++) camera = turnedBy(camera, "ArrowDown") ?? camera;
    expect(camera.tilt).toBe(Math.PI / 2);
    expect(turnedBy(camera, "Home")).toEqual(CAMERA);
    expect(turnedBy(camera, "x")).toBeNull();
  });

  it("names few points, not many", () => {
    const at = (kind: "minimum" | "saddle") => ({ x: 0, y: 0, kind });
    const many = Array.from({ length: 5 }, () => at("saddle"));
    expect(named([at("minimum"), ...many])).toEqual([at("minimum")]);
  });
});
