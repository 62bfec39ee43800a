/** Rows with every run's place in a plane, computed from the columns of its sketch. */

import { areAligned } from "./aligned.ts";
import type { Column, Rows } from "./types.ts";

/** Names of the columns that are computed here. */
export const PLACE: readonly [string, string] = ["place_x", "place_y"];

/** How a row is placed: `random` × (proj_x, proj_y) + map · sketch + offset. */
export interface Projection {
  random: number;
  map: readonly [readonly number[], readonly number[]] | null;
  offset: readonly [number, number];
}

/** The two fixed random directions, which are columns of their own. */
export const RANDOM: Projection = { random: 1, map: null, offset: [0, 0] };

/** Between two projections: places move along straight lines as `share` goes from 0 to 1. */
export function blend(from: Projection, to: Projection, share: number): Projection {
  const mix = (a: number, b: number) => a + share * (b - a);
  const size = Math.max(from.map?.[0].length ?? 0, to.map?.[0].length ?? 0);
  const row = (k: 0 | 1) =>
    Array.from({ length: size }, (_, i) => mix(from.map?.[k][i] ?? 0, to.map?.[k][i] ?? 0));
  return {
    random: mix(from.random, to.random),
    map: size > 0 ? [row(0), row(1)] : null,
    offset: [mix(from.offset[0], to.offset[0]), mix(from.offset[1], to.offset[1])],
  };
}

interface Grown {
  n: number;
  /** Another one means that earlier rows are others now. */
  basis: string;
  values: Float64Array;
}

/** Rows seen through one projection; each place is computed once. */
export class Projected implements Rows {
  private readonly grown = new Map<string, Grown>();

  constructor(
    readonly base: Rows,
    readonly projection: Projection,
  ) {}

  get version(): number {
    return this.base.version;
  }

  column(run: string, name: string): Column | undefined {
    const axis = PLACE.indexOf(name);
    if (axis < 0) return this.base.column(run, name);
    const terms = this.terms(run, axis as 0 | 1);
    const base = terms?.[0]?.column;
    if (terms === null || base === undefined) return undefined;
    if (!terms.every(({ column }) => areAligned(base, column))) return undefined;
    const n = Math.min(...terms.map(({ column }) => column.n));
    const basis = terms.map(({ column }) => column.generation ?? 0).join() + base.steps[0];
    const key = `${run}\n${axis}`;
    let grown = this.grown.get(key);
    if (grown === undefined || grown.basis !== basis || grown.n > n || grown.values.length < n) {
      const kept = grown?.basis === basis && grown.n <= n ? grown : null;
      const values = new Float64Array(base.steps.length);
      if (kept) values.set(kept.values.subarray(0, kept.n));
      grown = { n: kept?.n ?? 0, basis, values };
      this.grown.set(key, grown);
    }
    const { values } = grown;
    values.fill(this.projection.offset[axis as 0 | 1], grown.n, n);
    for (const { weight, column } of terms) {
      for (let i = grown.n; i < n; i++) {
        values[i] = (values[i] as number) + weight * (column.values[i] as number);
      }
    }
    grown.n = n;
    return { ...base, n, values };
  }

  /** Columns that are summed up; null while one is missing. */
  private terms(run: string, axis: 0 | 1): { weight: number; column: Column }[] | null {
    const { random, map } = this.projection;
    const wanted: [string, number][] = (map?.[axis] ?? []).map((weight, i) => [
      `sketch/${i}`,
      weight,
    ]);
    if (random !== 0) wanted.push([axis === 0 ? "proj_x" : "proj_y", random]);
    const found: { weight: number; column: Column }[] = [];
    for (const [name, weight] of wanted) {
      const column = this.base.column(run, name);
      if (column === undefined) return null;
      found.push({ weight, column });
    }
    return found;
  }
}

/** Takes a place in one plane to the nearest in another: p ↦ turn · p + shift. */
export interface Turn {
  turn: readonly [readonly [number, number], readonly [number, number]];
  shift: readonly [number, number];
  /** Share of the new plane's directions that lies in the old one: 1 for the same plane. */
  shared: number;
}

/**
 * How places in one plane lie in another, by least squares on the maps' rows: turn = N Mᵀ (M Mᵀ)⁻¹.
 * Null where a plane has no two directions.
 */
export function turnBetween(from: Projection, to: Projection): Turn | null {
  if (from.map === null || to.map === null) return null;
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);
  const [m0, m1] = from.map;
  const [aa, ab, bb] = [dot(m0, m0), dot(m0, m1), dot(m1, m1)];
  const determinant = aa * bb - ab * ab;
  if (!(determinant > 1e-12 * aa * bb)) return null;
  const row = (n: readonly number[]): [number, number] => {
    const [p, q] = [dot(n, m0), dot(n, m1)];
    return [(p * bb - q * ab) / determinant, (q * aa - p * ab) / determinant];
  };
  const rows = [row(to.map[0]), row(to.map[1])] as const;
  let [left, all] = [0, 0];
  to.map.forEach((n, k) => {
    const [a, b] = rows[k as 0 | 1];
    n.forEach((v, i) => {
      left += (v - a * (m0[i] as number) - b * (m1[i] as number)) ** 2;
      all += v * v;
    });
  });
  const moved = (k: 0 | 1) =>
    to.offset[k] - rows[k][0] * from.offset[0] - rows[k][1] * from.offset[1];
  return { turn: rows, shift: [moved(0), moved(1)], shared: all > 0 ? 1 - left / all : 0 };
}
