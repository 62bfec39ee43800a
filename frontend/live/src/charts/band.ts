/** The interval around a mean as a pale band behind its line. */

import { type Frame, xOf, yOf } from "./line_shape.ts";
import type { Column } from "./types.ts";

/** Half the interval is `factor` × the values of another column. */
export interface BandColumn {
  column: string;
  factor: number;
}

export interface BandPoint {
  x: number;
  top: number;
  bottom: number;
}

interface Band {
  mean: Column;
  spread: Column;
  factor: number;
  /** Both edges are means over the rows of the last `window` steps, as the line between them is. */
  window?: number;
  /** Rows up to this step are left out. */
  from?: number | undefined;
}

/**
 * Upper and lower edge in pixels, at most one point a pixel column, in pieces between rows that
 * are not finite.
 */
export function bandPoints(frame: Frame, band: Band): BandPoint[][] {
  const { mean, spread, factor, window = 0, from = 0 } = band;
  const pieces: BandPoint[][] = [];
  let piece: BandPoint[] = [];
  const n = Math.min(mean.n, spread.n);
  const sums = new Sums(mean, spread);
  for (let i = 0; i < n; i++) {
    const step = mean.steps[i] as number;
    const x = xOf(frame, step);
    const known = sums.add(i, step - window);
    // A little beyond the view is enough.
    if (step <= from || x < -frame.width) continue;
    if (x > 2 * frame.width) break;
    if (!known) {
      if (piece.length > 0) pieces.push(piece);
      piece = [];
      continue;
    }
    const half = factor * sums.spread;
    const top = yOf(frame, sums.mean + half);
    const bottom = yOf(frame, sums.mean - half);
    const last = piece[piece.length - 1];
    if (last !== undefined && Math.floor(last.x) === Math.floor(x)) {
      last.top = Math.min(last.top, top);
      last.bottom = Math.max(last.bottom, bottom);
    } else piece.push({ x, top, bottom });
  }
  if (piece.length > 0) pieces.push(piece);
  return pieces;
}

/** Means of the last rows; rows that are not finite are left out. */
class Sums {
  private first = 0;
  private count = 0;
  private sums: [number, number] = [0, 0];

  constructor(
    private readonly of: Column,
    private readonly beside: Column,
  ) {}

  get mean(): number {
    return this.sums[0] / this.count;
  }

  get spread(): number {
    return this.sums[1] / this.count;
  }

  /** Takes in row `i`, lets go of those up to step `until`; false if the row is not finite. */
  add(i: number, until: number): boolean {
    const known = this.take(i, 1);
    while (this.first < i && (this.of.steps[this.first] as number) <= until) {
      this.take(this.first, -1);
      this.first += 1;
    }
    return known;
  }

  private take(i: number, sign: 1 | -1): boolean {
    const value = this.of.values[i] as number;
    const spread = this.beside.values[i] as number;
    if (!Number.isFinite(value) || !Number.isFinite(spread)) return false;
    this.sums[0] += sign * value;
    this.sums[1] += sign * spread;
    this.count += sign;
    return true;
  }
}

export function traceBand(pieces: readonly (readonly BandPoint[])[]): Path2D {
  const path = new Path2D();
  for (const piece of pieces) {
    piece.forEach(({ x, top }, i) => {
      if (i === 0) path.moveTo(x, top);
      else path.lineTo(x, top);
    });
    for (let i = piece.length - 1; i >= 0; i--) {
      const { x, bottom } = piece[i] as BandPoint;
      path.lineTo(x, bottom);
    }
    path.closePath();
  }
  return path;
}
