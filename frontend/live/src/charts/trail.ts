/** A run's path on a picture, in pixels, thinned to what can be seen; grows with new rows only. */

import { rowAt } from "./derive.ts";
import type { Column } from "./types.ts";

export type Place = (x: number, y: number) => readonly [number, number];

/** Points closer than this to the last one kept add nothing to the picture. */
const CLOSE = 0.6;
/** How far (pixels, along the path) an appended piece reaches back over what is drawn already. */
const OVERLAP = 9;

export class Trail {
  readonly xs: number[] = [];
  readonly ys: number[] = [];
  readonly steps: number[] = [];
  /** Length of the path up to each point. */
  private readonly lengths: number[] = [];
  /** The newest point, kept or not. */
  head: { x: number; y: number; step: number } | null = null;
  private done = 0;
  private firstStep = 0;
  private lastStep = 0;
  private generation = 0;
  private drawn = 0;

  /** Forget everything: the picture's scale or the rows changed. `from` is where the run starts. */
  restart(from: readonly [number, number] | null): void {
    this.xs.length = this.ys.length = this.steps.length = this.lengths.length = 0;
    this.done = 0;
    this.drawn = 0;
    this.head = null;
    if (from !== null) this.keep(from[0], from[1], 0);
  }

  get empty(): boolean {
    return this.done === 0;
  }

  /**
   * False where earlier rows changed, so that the trail must restart. Where a long past has other
   * rows for the same steps, the path is the same to the eye: it goes on.
   */
  continues(x: Column, y: Column): boolean {
    const n = Math.min(x.n, y.n);
    if (this.done === 0) return true;
    if (x.steps[0] !== this.firstStep) return false;
    if ((x.generation ?? 0) !== this.generation) return (x.steps[n - 1] ?? 0) >= this.lastStep;
    return n >= this.done;
  }

  /** Take in rows from step `from` up to `until`; rows that aren't finite are left out. */
  feed(x: Column, y: Column, place: Place, until: number, from = 0): void {
    const n = Math.min(x.n, y.n);
    const generation = x.generation ?? 0;
    if (this.done > 0 && generation !== this.generation) {
      this.done = rowAt(x.steps, n, this.lastStep) + 1;
      this.generation = generation;
    }
    for (let i = this.done; i < n; i++) {
      const step = x.steps[i] as number;
      if (step > until) break;
      this.done = i + 1;
      this.firstStep = x.steps[0] as number;
      this.lastStep = step;
      this.generation = generation;
      if (step < from) continue;
      const vx = x.values[i] as number;
      const vy = y.values[i] as number;
      if (!Number.isFinite(vx) || !Number.isFinite(vy)) continue;
      const [px, py] = place(vx, vy);
      this.head = { x: px, y: py, step };
      const last = this.xs.length - 1;
      const dx = px - (this.xs[last] ?? Infinity);
      const dy = py - (this.ys[last] ?? Infinity);
      if (Math.abs(dx) + Math.abs(dy) >= CLOSE) this.keep(px, py, step);
    }
  }

  private keep(x: number, y: number, step: number): void {
    const last = this.xs.length - 1;
    const way =
      last < 0 ? 0 : Math.hypot(x - (this.xs[last] as number), y - (this.ys[last] as number));
    this.lengths.push((this.lengths[last] ?? 0) + way);
    this.xs.push(x);
    this.ys.push(y);
    this.steps.push(step);
  }

  /** The piece not drawn yet: first point of its halo, first of its line; null where nothing is new. */
  takeNew(): { halo: number; line: number } | null {
    const count = this.xs.length;
    if (count < 2 || count === this.drawn) return null;
    const halo = Math.max(0, this.drawn - 1);
    let line = halo;
    while (line > 0 && this.lengthTo(halo) - this.lengthTo(line) < OVERLAP) line -= 1;
    this.drawn = count;
    return { halo, line };
  }

  /** Length of the path up to point `i`: where its dashes have got to. */
  lengthTo(i: number): number {
    return this.lengths[i] as number;
  }

  /** The path from point `from` on, or from a place before the point after that. */
  path(from: number, place?: { x: number; y: number }): Path2D {
    const path = new Path2D();
    path.moveTo(place?.x ?? (this.xs[from] as number), place?.y ?? (this.ys[from] as number));
    for (let i = from + 1; i < this.xs.length; i++) {
      path.lineTo(this.xs[i] as number, this.ys[i] as number);
    }
    return path;
  }

  /** The place so many pixels along the path before its end, or its start, and the point after it. */
  back(distance: number): { x: number; y: number; at: number; next: number } {
    const end = this.xs.length - 1;
    const at = Math.max(0, this.lengthTo(end) - distance);
    let next = end;
    while (next > 1 && this.lengthTo(next - 1) > at) next -= 1;
    const before = Math.max(0, next - 1);
    const whole = this.lengthTo(next) - this.lengthTo(before);
    const share = whole > 0 ? (at - this.lengthTo(before)) / whole : 0;
    const mix = (of: readonly number[]) =>
      (of[before] as number) + share * ((of[next] as number) - (of[before] as number));
    return { x: mix(this.xs), y: mix(this.ys), at, next };
  }

  /** Step of the kept point nearest to a place, with its distance in pixels. */
  nearest(x: number, y: number): { step: number; distance: number } {
    let step = 0;
    let distance = Infinity;
    for (let i = 0; i < this.xs.length; i++) {
      const d = Math.hypot((this.xs[i] as number) - x, (this.ys[i] as number) - y);
      if (d < distance) [distance, step] = [d, this.steps[i] as number];
    }
    return { step, distance };
  }
}
