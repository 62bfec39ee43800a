/** A column as it is drawn: mean of the last steps, exponential smoothing; computed once per new row. */

import type { Column } from "./types.ts";

/** Columns as drawn; `smooth` is `raw` itself where nothing is smoothed. */
export interface Drawn {
  n: number;
  steps: Float64Array;
  raw: Float64Array;
  smooth: Float64Array;
}

type Row = readonly [step: number, value: number];

const rowOf = ({ steps, values }: Column, i: number): Row => [
  steps[i] as number,
  values[i] as number,
];

const sameRow = (row: Row, column: Column, i: number): boolean =>
  row[0] === column.steps[i] && Object.is(row[1], column.values[i]);

export class Derived {
  private meanValues: Float64Array = new Float64Array(0);
  private smoothValues: Float64Array = new Float64Array(0);
  private done = 0;
  private rows = 0;
  /** First and last row taken in, to notice when the rows are other ones now. */
  private first: Row = [0, 0];
  private last: Row = [0, 0];
  private window = 0;
  private smoothing = 0;
  private average = 0;
  private weight = 0;
  /** Grows when earlier rows are no longer what they were. */
  generation = 0;

  /**
   * Bring up to date with a column that has grown.
   *
   * @param window mean of the rows of the last `window` steps; 0 or 1 for none
   * @param smoothing 0 (off) to 0.99, weight of the past per row, corrected for the start
   * @param over the means are drawn over the rows themselves, which stay `raw`
   */
  update(column: Column, window: number, smoothing: number, over = false): Drawn {
    const { n, steps, values, buckets, generation = 0 } = column;
    const changed =
      generation !== this.rows ||
      window !== this.window ||
      smoothing !== this.smoothing ||
      n < this.done ||
      (this.done > 0 && !sameRow(this.first, column, 0)) ||
      (this.done > 0 && !sameRow(this.last, column, this.done - 1));
    if (changed) this.restart(window, smoothing);
    this.rows = generation;
    const base = window > 1 || buckets ? this.means(column) : values;
    const smooth = smoothing > 0 ? this.smoothed(base, column) : base;
    this.done = n;
    if (n > 0) {
      this.first = rowOf(column, 0);
      this.last = rowOf(column, n - 1);
    }
    // The means of buckets stand over their extremes, so that nothing is hidden.
    const below = over || (buckets !== undefined && window <= 1);
    return { n, steps, raw: below ? values : base, smooth };
  }

  private restart(window: number, smoothing: number): void {
    this.window = window;
    this.smoothing = smoothing;
    this.done = 0;
    this.average = 0;
    this.weight = 0;
    this.generation += 1;
  }

  private means(column: Column): Float64Array {
    const { n, steps, values, buckets } = column;
    this.meanValues = grown(this.meanValues, n);
    for (let i = this.done; i < n; i++) {
      const mean = meanOf(column, i);
      if (mean !== undefined) {
        this.meanValues[i] = mean;
        continue;
      }
      if (this.window <= 1) {
        this.meanValues[i] = values[i] as number;
        continue;
      }
      const from = (steps[i] as number) - this.window;
      let sum = 0;
      let count = 0;
      for (let j = i; j >= 0 && (steps[j] as number) > from; j--) {
        if ((buckets?.of[j] ?? -1) >= 0) break;
        const v = values[j] as number;
        if (Number.isFinite(v)) {
          sum += v;
          count += 1;
        }
      }
      this.meanValues[i] = Number.isFinite(values[i] as number) ? sum / count : Number.NaN;
    }
    return this.meanValues;
  }

  private smoothed(raw: Float64Array, column: Column): Float64Array {
    const { n } = column;
    this.smoothValues = grown(this.smoothValues, n);
    const past = this.smoothing;
    for (let i = this.done; i < n; i++) {
      const mean = meanOf(column, i);
      if (mean !== undefined) {
        // Of so many rows that what came before no longer counts.
        this.smoothValues[i] = mean;
        if (Number.isFinite(mean)) [this.average, this.weight] = [mean, 1];
        continue;
      }
      const v = raw[i] as number;
      if (!Number.isFinite(v)) {
        this.smoothValues[i] = Number.NaN;
        continue;
      }
      this.average = past * this.average + (1 - past) * v;
      this.weight = past * this.weight + (1 - past);
      this.smoothValues[i] = this.average / this.weight;
    }
    return this.smoothValues;
  }
}

/** The mean of the rows that a point stands for; undefined where it is a row, or not known. */
function meanOf({ values, buckets }: Column, i: number): number | undefined {
  const bucket = buckets?.of[i] ?? -1;
  if (buckets === undefined || bucket < 0) return undefined;
  // Rows that are not finite break the line of means as well.
  if (!Number.isFinite(values[i] as number)) return Number.NaN;
  const mean = buckets.mean[bucket] as number;
  return Number.isFinite(mean) ? mean : undefined;
}

function grown(array: Float64Array, n: number): Float64Array {
  if (array.length >= n) return array;
  const larger = new Float64Array(Math.max(n, 2 * array.length, 256));
  larger.set(array);
  return larger;
}

/** Index of the last row at or before `step`; −1 where there is none. */
export function rowAt(steps: Float64Array, n: number, step: number): number {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as number) <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
