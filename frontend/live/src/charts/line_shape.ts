/** One line of a chart: from rows to pixels. Kept from frame to frame, fed with new rows only. */

import type { Range, Scale } from "./axis.ts";
import type { Band } from "./coincide.ts";
import { PixelColumns } from "./decimate.ts";
import { Derived, type Drawn, rowAt } from "./derive.ts";
import type { Column } from "./types.ts";

/** Maps steps and values to pixels of the plot area (CSS pixels, y downwards). */
export interface Frame {
  width: number;
  height: number;
  ratio: number;
  x: Range;
  y: Range;
  scale: Scale;
}

export const xOf = (frame: Frame, step: number): number =>
  ((step - frame.x[0]) / (frame.x[1] - frame.x[0])) * frame.width;

/** Values that a log axis can't show lie on its lower edge; far ones just outside the plot. */
export function yOf(frame: Frame, value: number): number {
  const [low, high] = frame.y;
  const share =
    frame.scale === "log"
      ? value > 0
        ? Math.log(value / low) / Math.log(high / low)
        : 0
      : (value - low) / (high - low);
  return (1 - Math.min(3, Math.max(-3, share))) * frame.height;
}

/** What is known of a line at a step. */
export interface Point {
  step: number;
  value: number;
  drawn: number;
  /** Steps of the rows that are drawn as one, and the values between which they are. */
  within?: { first: number; last: number; low: number; high: number };
}

/** A polyline with gaps. */
export interface Polyline {
  path: Path2D;
  band: Band;
}

const NONE = new Float64Array(0);
const NO_ROWS: Column = { n: 0, steps: NONE, values: NONE };

export class LineShape {
  private readonly derived = new Derived();
  private readonly rawColumns = new PixelColumns();
  private readonly smoothColumns = new PixelColumns();
  private generation = -1;
  private drawn: Drawn = { n: 0, steps: NONE, raw: NONE, smooth: NONE };
  private smoothed = false;
  private column: Column = NO_ROWS;

  /** Take in new rows. `view` and `width` (device pixels) decide which rows matter. */
  update(
    column: Column | undefined,
    window: number,
    smoothing: number,
    over: boolean,
    view: Range,
    width: number,
  ): void {
    const given = column ?? NO_ROWS;
    this.column = given;
    this.drawn = this.derived.update(given, window, smoothing, over);
    this.smoothed = smoothing > 0 || over || given.buckets !== undefined;
    const columns = this.smoothed ? [this.rawColumns, this.smoothColumns] : [this.rawColumns];
    for (const c of columns) {
      c.view(view, width);
      if (this.generation !== this.derived.generation) c.reset();
    }
    this.generation = this.derived.generation;
    const { steps, raw, smooth, n } = this.drawn;
    this.rawColumns.feed(steps, raw, n);
    if (this.smoothed) this.smoothColumns.feed(steps, smooth, n);
  }

  get empty(): boolean {
    return this.drawn.n === 0;
  }

  /** Step of its first point; −1 without any. */
  get first(): number {
    return this.drawn.n > 0 ? (this.drawn.steps[0] as number) : -1;
  }

  /** Changes where earlier rows are no longer what they were. */
  get state(): number {
    return this.generation;
  }

  /** Newest pixel column (device pixels) with rows in view. */
  get newest(): number {
    return this.rawColumns.newest;
  }

  extent(scale: Scale): Range {
    return this.rawColumns.extent(scale === "log");
  }

  /**
   * The value at a step: that of the last row at or before it; undefined without one, or where it
   * is not known. Where a point stands for many rows, `within` says of which.
   */
  at(step: number): Point | undefined {
    const { steps, raw, smooth, n } = this.drawn;
    const row = rowAt(steps, n, step);
    if (row < 0) return undefined;
    const { buckets, thin } = this.column;
    const found = { step: steps[row] as number, drawn: smooth[row] as number };
    const bucket = buckets?.of[row] ?? -1;
    if (buckets !== undefined && bucket >= 0 && step < (buckets.last[bucket] as number)) {
      const part = (numbers: readonly number[]) => numbers[bucket] as number;
      const within = {
        first: part(buckets.first),
        last: part(buckets.last),
        low: part(buckets.low),
        high: part(buckets.high),
      };
      return { ...found, value: Number.NaN, within };
    }
    const missing = thin?.some(([from, to]) => from <= step && to > found.step);
    if (buckets === undefined && missing && found.step !== step) return undefined;
    return { ...found, value: raw[row] as number };
  }

  /** The last finite point at or before a step: where a line's head is. */
  head(step: number): { step: number; drawn: number } | undefined {
    const { steps, smooth, n } = this.drawn;
    for (let row = rowAt(steps, n, step); row >= 0; row--) {
      const drawn = smooth[row] as number;
      if (Number.isFinite(drawn)) return { step: steps[row] as number, drawn };
    }
    return undefined;
  }

  /**
   * The line as drawn, and the raw one under it where it is smoothed; both begin at the last row
   * up to step `from`. `column`: from that pixel column (device pixels) on.
   */
  trace(frame: Frame, from = 0, column = -1): { main: Polyline; raw: Path2D | null } {
    const { steps, raw, smooth } = this.drawn;
    const begin = { from, column };
    if (!this.smoothed) {
      return { main: trace(frame, this.rawColumns, steps, raw, begin), raw: null };
    }
    const main = trace(frame, this.smoothColumns, steps, smooth, begin);
    return { main, raw: trace(frame, this.rawColumns, steps, raw, begin).path };
  }
}

function trace(
  frame: Frame,
  columns: PixelColumns,
  steps: Float64Array,
  values: Float64Array,
  { from, column }: { from: number; column: number },
): Polyline {
  const path = new Path2D();
  // Of a line's end alone it is not asked what it covers; a plot may be smaller than its axes.
  const width = column < 0 ? Math.max(0, Math.ceil(frame.width)) : 0;
  const top = new Float32Array(width).fill(Number.NaN);
  const bottom = new Float32Array(width).fill(Number.NaN);
  const cover = (c: number, y: number) => {
    if (c < 0 || c >= width) return;
    if (!((top[c] as number) <= y)) top[c] = y;
    if (!((bottom[c] as number) >= y)) bottom[c] = y;
  };
  let lastX = 0;
  let lastY = 0;
  let begun = false;
  columns.each((row, broken) => {
    const x = xOf(frame, steps[row] as number);
    const y = yOf(frame, values[row] as number);
    if ((steps[row] as number) <= from) {
      [lastX, lastY] = [x, y];
      return;
    }
    if (!begun && !broken) path.moveTo(lastX, lastY);
    begun = true;
    if (broken) {
      path.moveTo(x, y);
      // A lone point between gaps is still drawn, as a dot of the line's own width.
      path.lineTo(x + 0.01, y);
    } else {
      path.lineTo(x, y);
      for (let c = Math.max(0, Math.ceil(lastX)); c < Math.min(width, x); c++) {
        cover(c, lastY + ((c - lastX) / (x - lastX)) * (y - lastY));
      }
    }
    cover(Math.floor(x), y);
    lastX = x;
    lastY = y;
  }, column);
  return { path, band: { top, bottom } };
}
