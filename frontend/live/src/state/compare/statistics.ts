/**
 * Means, intervals and differences of curves over seeds. Intervals are 95 %, by Student's t
 * distribution; docs/compare.md has the formulas, and a test holds them against SciPy.
 */

import { tQuantile } from "../student.ts";

/** From this many seeds on a mean has an interval; below it the single lines say more. */
export const SEEDS_FOR_INTERVAL = 3;

/** `n` values by their mean and sample standard deviation (0 for one value). */
export interface Sample {
  n: number;
  mean: number;
  sd: number;
}

export const one = (value: number): Sample => ({ n: 1, mean: value, sd: 0 });

/** All values of several samples as one sample. */
export function pooled(samples: readonly Sample[]): Sample {
  const n = samples.reduce((sum, sample) => sum + sample.n, 0);
  const mean = samples.reduce((sum, sample) => sum + sample.n * sample.mean, 0) / n;
  const squares = samples.reduce(
    (sum, sample) => sum + (sample.n - 1) * sample.sd ** 2 + sample.n * (sample.mean - mean) ** 2,
    0,
  );
  return { n, mean, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : 0 };
}

/** Half of the mean's 95 % interval: t(n − 1) · sd / √n; NaN below `SEEDS_FOR_INTERVAL`. */
export function half({ n, sd }: Sample): number {
  return n < SEEDS_FOR_INTERVAL ? Number.NaN : (tQuantile(n - 1) * sd) / Math.sqrt(n);
}

/**
 * The difference of two means with half of its 95 % interval by Welch's test, whose degrees of
 * freedom are those of Welch and Satterthwaite; NaN where one has too few seeds.
 */
export function welch(a: Sample, b: Sample): { difference: number; half: number } {
  const difference = a.mean - b.mean;
  if (Math.min(a.n, b.n) < SEEDS_FOR_INTERVAL) return { difference, half: Number.NaN };
  const [va, vb] = [a.sd ** 2 / a.n, b.sd ** 2 / b.n];
  const spread = va ** 2 / (a.n - 1) + vb ** 2 / (b.n - 1);
  if (spread === 0) return { difference, half: 0 };
  return { difference, half: tQuantile((va + vb) ** 2 / spread) * Math.sqrt(va + vb) };
}

/** Values along increasing steps; each is a mean of `n` seeds with standard deviation `sd`. */
export interface Curve {
  n: number;
  steps: Float64Array;
  /** Where each step lies on the axis. */
  x: Float64Array;
  mean: Float64Array;
  /** Null where `n` is 1. */
  sd: Float64Array | null;
}

/** A curve with half of its interval, NaN where it has none. */
export interface Banded extends Curve {
  half: Float64Array;
}

/**
 * The mean of curves at the steps that all of them have, up to the first at which one of them is
 * not finite; its place on the axis is the mean of theirs, weighted as the values are.
 */
export function meanCurve(curves: readonly Curve[]): Banded {
  const steps = commonSteps(curves.map((curve) => curve.steps));
  const places = curves.map(() => 0);
  const [x, mean, sd, halves, kept]: number[][] = [[], [], [], [], []];
  const n = curves.reduce((sum, curve) => sum + curve.n, 0);
  for (const step of steps) {
    const rows = curves.map((curve, k) => {
      let i = places[k] as number;
      while ((curve.steps[i] as number) < step) i += 1;
      places[k] = i;
      return i;
    });
    const samples = curves.map((curve, k) => sampleAt(curve, rows[k] as number));
    if (!samples.every((sample) => Number.isFinite(sample.mean) && Number.isFinite(sample.sd))) {
      break;
    }
    const sample = pooled(samples);
    kept?.push(step);
    mean?.push(sample.mean);
    sd?.push(sample.sd);
    halves?.push(half(sample));
    const at = curves.reduce((sum, c, k) => sum + c.n * (c.x[rows[k] as number] as number), 0);
    x?.push(at / n);
  }
  return {
    n,
    steps: Float64Array.from(kept ?? []),
    x: Float64Array.from(x ?? []),
    mean: Float64Array.from(mean ?? []),
    sd: Float64Array.from(sd ?? []),
    half: Float64Array.from(halves ?? []),
  };
}

export function sampleAt(curve: Curve, row: number): Sample {
  return {
    n: curve.n,
    mean: curve.mean[row] as number,
    sd: curve.sd ? (curve.sd[row] as number) : 0,
  };
}

/** A single curve with its interval, if it is itself a mean of enough seeds. */
export function banded(curve: Curve): Banded {
  const halves = curve.mean.map((_, row) => half(sampleAt(curve, row)));
  return { ...curve, half: halves };
}

/** What is in all of several increasing lists. */
function commonSteps(lists: readonly Float64Array[]): number[] {
  const [first, ...others] = lists;
  if (!first) return [];
  const places = others.map(() => 0);
  return [...first].filter((step) =>
    others.every((list, k) => {
      let i = places[k] as number;
      while (i < list.length && (list[i] as number) < step) i += 1;
      places[k] = i;
      return list[i] === step;
    }),
  );
}

/** The value at a place on the axis, linear between two rows; NaN outside or beside a gap. */
export function valueOn(x: Float64Array, values: Float64Array, at: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  if (low >= x.length) return Number.NaN;
  if (x[low] === at) return values[low] as number;
  if (low === 0) return Number.NaN;
  const [x0, x1] = [x[low - 1] as number, x[low] as number];
  const [y0, y1] = [values[low - 1] as number, values[low] as number];
  return y0 + ((at - x0) / (x1 - x0)) * (y1 - y0);
}

/** One curve minus another at the places of the first, as long as both are there. */
export function minus(a: Curve, b: Curve): Curve {
  const rows = rowsWithin(a, b);
  const x = picked(a.x, rows);
  const mean = rows.map((row, i) => (a.mean[row] as number) - valueOn(b.x, b.mean, x[i] as number));
  return { n: 1, steps: picked(a.steps, rows), x, mean: Float64Array.from(mean), sd: null };
}

/** The difference of two means over seeds that have nothing to do with one another. */
export function minusUnpaired(a: Curve, b: Curve): Banded {
  const rows = rowsWithin(a, b);
  const x = picked(a.x, rows);
  const found = rows.map((row, i) => {
    const at = x[i] as number;
    const sd = b.sd ? valueOn(b.x, b.sd, at) : 0;
    return welch(sampleAt(a, row), { n: b.n, mean: valueOn(b.x, b.mean, at), sd });
  });
  return {
    n: Math.min(a.n, b.n),
    steps: picked(a.steps, rows),
    x,
    mean: Float64Array.from(found, ({ difference }) => difference),
    sd: null,
    half: Float64Array.from(found, ({ half: reach }) => reach),
  };
}

/** The rows of `a` that lie between the ends of `b` on the axis. */
function rowsWithin(a: Curve, b: Curve): number[] {
  const from = b.x[0] ?? Infinity;
  const to = b.x[b.x.length - 1] ?? -Infinity;
  return [...a.x.keys()].filter(
    (row) => (a.x[row] as number) >= from && (a.x[row] as number) <= to,
  );
}

function picked(values: Float64Array, rows: readonly number[]): Float64Array {
  return Float64Array.from(rows, (row) => values[row] as number);
}

/** Means over the last `window` finite rows of each; a row that is not finite stays so. */
export function smoothed(values: Float64Array, window: number): Float64Array {
  if (window <= 1) return values;
  const means = new Float64Array(values.length);
  for (let row = 0; row < values.length; row++) {
    let [sum, count] = [0, 0];
    for (let i = Math.max(0, row - window + 1); i <= row; i++) {
      const value = values[i] as number;
      if (Number.isFinite(value)) [sum, count] = [sum + value, count + 1];
    }
    means[row] = Number.isFinite(values[row] as number) ? sum / count : Number.NaN;
  }
  return means;
}

/** Whether a column is better when it is larger. */
export const risesWell = (column: string): boolean => column.includes("accuracy");

/** The best finite value; NaN without one. */
export function best(values: Float64Array, rising: boolean): number {
  let found = Number.NaN;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (!(rising ? value <= found : value >= found)) found = value;
  }
  return found;
}

/** Index of the first value that is at the target or better; −1 if none is. */
export function firstReached(values: Float64Array, target: number, rising: boolean): number {
  return values.findIndex((value) => (rising ? value >= target : value <= target));
}
