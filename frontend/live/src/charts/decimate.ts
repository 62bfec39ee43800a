/**
 * Lines of any length in a bounded number of points: per pixel column the first, lowest, highest and
 * last row (M4: Jugel et al. 2014), which gives the same pixels as drawing all. Fed row by row, so a
 * frame costs its new rows only.
 */

import type { Range } from "./axis.ts";
import { rowAt } from "./derive.ts";

export class PixelColumns {
  private range: Range = [0, 1];
  private width = 0;
  private done = 0;
  /** Rows are kept by index; −1 is none. Column 0 holds what lies left of the view, `width + 1` right. */
  private first = new Int32Array(0);
  private low = new Int32Array(0);
  private high = new Int32Array(0);
  private last = new Int32Array(0);
  private gapFirst = new Int32Array(0);
  private gapLast = new Int32Array(0);
  /** Of the values in view. */
  private min = Infinity;
  private max = -Infinity;
  private minPositive = Infinity;
  /** The newest column in view with rows or gaps; 0 is none. */
  private newestInView = 0;

  /** Set the view: steps from and to, and the number of pixel columns; forgets rows if it changed. */
  view(range: Range, width: number): void {
    if (width === this.width && range[0] === this.range[0] && range[1] === this.range[1]) return;
    if (width !== this.width) {
      const make = () => new Int32Array(width + 2);
      [this.first, this.low, this.high, this.last] = [make(), make(), make(), make()];
      [this.gapFirst, this.gapLast] = [make(), make()];
    }
    this.range = [range[0], range[1]];
    this.width = width;
    this.reset();
  }

  reset(): void {
    this.done = 0;
    for (const array of [this.first, this.low, this.high, this.last, this.gapFirst, this.gapLast]) {
      array.fill(-1);
    }
    [this.min, this.max, this.minPositive] = [Infinity, -Infinity, Infinity];
    this.newestInView = 0;
  }

  /** Take in rows up to `n`; values that aren't finite are gaps. */
  feed(steps: Float64Array, values: Float64Array, n: number): void {
    const [from, to] = this.range;
    const perStep = this.width / (to - from);
    if (this.done === 0) this.done = Math.max(0, rowAt(steps, n, from) - 1);
    for (let i = this.done; i < n; i++) {
      const step = steps[i] as number;
      let column = Math.floor((step - from) * perStep) + 1;
      if (step < from) column = 0;
      else if (step > to) column = this.width + 1;
      else if (column > this.width) column = this.width;
      if (column > this.width && this.first[column] !== -1) break;
      this.put(column, i, values);
    }
    this.done = Math.max(this.done, n);
  }

  /** The last column up to one (counted from 0) that a line can be begun in. */
  private begin(from: number): number {
    let c = Math.min(Math.max(0, from + 1), this.width + 1);
    while (c > 0 && this.first[c] === -1) c -= 1;
    return c;
  }

  private put(column: number, i: number, values: Float64Array): void {
    const v = values[i] as number;
    const inView = column >= 1 && column <= this.width;
    if (inView && column > this.newestInView) this.newestInView = column;
    if (!Number.isFinite(v)) {
      if (this.gapFirst[column] === -1) this.gapFirst[column] = i;
      this.gapLast[column] = i;
      return;
    }
    if (this.first[column] === -1) {
      this.first[column] = this.low[column] = this.high[column] = i;
    } else {
      if (v < (values[this.low[column] as number] as number)) this.low[column] = i;
      if (v > (values[this.high[column] as number] as number)) this.high[column] = i;
    }
    this.last[column] = i;
    if (!inView) return;
    if (v < this.min) this.min = v;
    if (v > this.max) this.max = v;
    if (v > 0 && v < this.minPositive) this.minPositive = v;
  }

  /** Smallest and largest value in view; for log axes the smallest positive. NaN without data. */
  extent(positive: boolean): Range {
    const [min, max] = [positive ? this.minPositive : this.min, this.max];
    return min <= max ? [min, max] : [Number.NaN, Number.NaN];
  }

  /** The newest pixel column with rows in view, counted from 0; −1 without any. */
  get newest(): number {
    return this.newestInView - 1;
  }

  /**
   * Visit the rows to draw in order, from a pixel column on; `broken` where a gap lies before the
   * row.
   */
  each(visit: (row: number, broken: boolean) => void, from = -1): void {
    const rows = [0, 0, 0, 0];
    let before = -1;
    let gap = true;
    const end = this.newest + 1;
    for (let c = this.begin(from); c < this.width + 2; c++) {
      // Nothing is between the newest rows and what lies right of the view.
      if (c === end + 1) c = this.width + 1;
      const gapFirst = this.gapFirst[c] as number;
      const gapLast = this.gapLast[c] as number;
      if (this.first[c] !== -1) {
        rows[0] = this.first[c] as number;
        rows[1] = Math.min(this.low[c] as number, this.high[c] as number);
        rows[2] = Math.max(this.low[c] as number, this.high[c] as number);
        rows[3] = this.last[c] as number;
        for (const row of rows) {
          if (row === before) continue;
          const inside =
            (gapFirst > before && gapFirst < row) || (gapLast > before && gapLast < row);
          visit(row, gap || inside);
          before = row;
          gap = false;
        }
      }
      // A gap after the last row drawn, or a column of nothing but gaps, breaks before the next row.
      if (gapLast > before) gap = true;
    }
  }
}
