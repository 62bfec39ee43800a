import { describe, expect, it } from "vitest";
import {
  blend,
  PLACE,
  Projected,
  type Projection,
  RANDOM,
  turnBetween,
} from "../src/charts/projected.ts";
import type { Column, Rows } from "../src/charts/types.ts";

const SIZE = 16;

/** Rows of one run: sketch/i at row r is sin(r + i), proj_x = r, proj_y = −r. */
class Growing implements Rows {
  version = 0;
  n = 0;
  private readonly steps = Float64Array.from({ length: 400 }, (_, r) => r + 1);

  column(run: string, name: string): Column | undefined {
    if (run !== "r1") return undefined;
    const values = Float64Array.from({ length: 400 }, (_, r) => this.value(name, r));
    return { n: this.n, steps: this.steps, values };
  }

  value(name: string, row: number): number {
    if (name === "proj_x") return row;
    if (name === "proj_y") return -row;
    return Math.sin(row + Number(name.split("/")[1]));
  }
}

const map = (seed: number): Projection["map"] => [
  Array.from({ length: SIZE }, (_, i) => Math.cos(seed + 3 * i)),
  Array.from({ length: SIZE }, (_, i) => Math.sin(2 * seed + i * i)),
];
const plane = (seed: number, offset: [number, number] = [0, 0]): Projection => ({
  random: 0,
  map: map(seed),
  offset,
});

describe("Projected", () => {
  it("places each row at map · sketch + offset, as rows come", () => {
    const rows = new Growing();
    const through = plane(1, [0.5, -2]);
    const seen = new Projected(rows, through);
    for (const n of [3, 40, 300]) {
      rows.n = n;
      PLACE.forEach((name, axis) => {
        const column = seen.column("r1", name);
        expect(column?.n).toBe(n);
        for (const row of [0, n - 1]) {
          const weights = through.map?.[axis as 0 | 1] as number[];
          const wanted = weights.reduce(
            (sum, weight, i) => sum + weight * rows.value(`sketch/${i}`, row),
            through.offset[axis as 0 | 1],
          );
          expect(column?.values[row]).toBeCloseTo(wanted, 10);
        }
      });
    }
  });

  it("shows the random plane as it was sent, and other columns as they are", () => {
    const rows = new Growing();
    rows.n = 5;
    const seen = new Projected(rows, RANDOM);
    expect(seen.column("r1", PLACE[0])?.values[4]).toBe(4);
    expect(seen.column("r1", PLACE[1])?.values[4]).toBe(-4);
    expect(seen.column("r1", "proj_x")?.values[4]).toBe(4);
  });

  it("has no places for a run without a sketch", () => {
    expect(new Projected(new Growing(), plane(1)).column("r2", PLACE[0])).toBeUndefined();
  });

  it("moves places along straight lines between any two planes", () => {
    const rows = new Growing();
    rows.n = 10;
    for (const [from, to] of [
      [plane(1, [1, 0]), plane(2, [0, 3])],
      [RANDOM, plane(2)],
    ] as const) {
      const at = (through: Projection) =>
        new Projected(rows, through).column("r1", PLACE[0])?.values[7] as number;
      const quarter = at(blend(from, to, 0.25));
      expect(quarter).toBeCloseTo(0.75 * at(from) + 0.25 * at(to), 10);
      expect(at(blend(from, to, 1))).toBeCloseTo(at(to), 10);
    }
  });
});

describe("turnBetween", () => {
  const apply = (turn: NonNullable<ReturnType<typeof turnBetween>>, x: number, y: number) =>
    [0, 1].map((k) => {
      const [a, b] = turn.turn[k as 0 | 1];
      return a * x + b * y + turn.shift[k as 0 | 1];
    });

  it("is exact where the new plane holds the same directions, turned, stretched and moved", () => {
    const from = plane(1, [2, -1]);
    const [m0, m1] = from.map as [number[], number[]];
    const mix = (a: number, b: number) => m0.map((v, i) => a * v + b * (m1[i] as number));
    const to: Projection = { random: 0, map: [mix(0.6, -1.6), mix(0.8, 1.2)], offset: [5, 7] };
    const turn = turnBetween(from, to);
    expect(turn?.shared).toBeCloseTo(1, 12);
    const rows = new Growing();
    rows.n = 20;
    const at = (through: Projection) =>
      PLACE.map((name) => new Projected(rows, through).column("r1", name)?.values[13] as number);
    const [x, y] = at(from) as [number, number];
    const [wantedX, wantedY] = at(to) as [number, number];
    const [gotX, gotY] = apply(turn as NonNullable<typeof turn>, x, y) as [number, number];
    expect(gotX).toBeCloseTo(wantedX, 9);
    expect(gotY).toBeCloseTo(wantedY, 9);
  });

  it("says how much of the new plane is left in the old one", () => {
    const unit = (i: number) => Array.from({ length: SIZE }, (_, k) => (k === i ? 1 : 0));
    const of = (a: number, b: number): Projection => ({
      random: 0,
      map: [unit(a), unit(b)],
      offset: [0, 0],
    });
    expect(turnBetween(of(0, 1), of(2, 3))?.shared).toBe(0);
    expect(turnBetween(of(0, 1), of(1, 2))?.shared).toBe(0.5);
    expect(turnBetween(of(0, 0), of(1, 2))).toBeNull();
    expect(turnBetween(RANDOM, of(1, 2))).toBeNull();
  });
});
