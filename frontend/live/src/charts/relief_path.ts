/** A run's path over a relief, in pixels: what is in sight, what the surface hides, and its tail. */

import { rowAt } from "./derive.ts";
import type { Column } from "./types.ts";

/** A place in the picture, and whether the surface leaves it in sight. */
export interface Seen {
  x: number;
  y: number;
  seen: boolean;
}

/** Points closer than this (pixels) to the last one kept add nothing to the picture. */
const CLOSE = 0.6;

type Point = Seen & { step: number };

export class ReliefPath {
  private readonly points: Point[] = [];
  /** By point whether it is joined to the one before: not across places outside the picture. */
  private readonly joined: boolean[] = [];
  private readonly lengths: number[] = [];
  private newest: Point | null = null;
  private done = 0;
  private inside = false;
  private basis = "";

  /**
   * @param place from the surface's units into the picture; null outside of it
   * @param start where the run starts; null where its parent drew what came before
   */
  constructor(
    private readonly place: (x: number, y: number) => Seen | null,
    start: { x: number; y: number } | null,
  ) {
    if (start !== null) this.take(start.x, start.y, 0);
    this.newest = null;
  }

  /** False where earlier rows changed, so that the path must be made anew. */
  continues(x: Column, y: Column): boolean {
    return this.done === 0 || (Math.min(x.n, y.n) >= this.done && basisOf(x) === this.basis);
  }

  /** Take in rows from step `from` up to `until`; true where the picture changes. */
  feed(x: Column, y: Column, from: number, until: number): boolean {
    const before = this.points.length;
    const n = Math.min(x.n, y.n);
    for (let i = this.done; i < n; i++) {
      const step = x.steps[i] as number;
      if (step > until) break;
      this.done = i + 1;
      if (step >= from) this.take(x.values[i] as number, y.values[i] as number, step);
    }
    if (this.done > 0) this.basis = basisOf(x);
    return this.points.length > before;
  }

  /** The newest point; null where it lies outside or nothing was trained. */
  get head(): Point | null {
    return this.newest;
  }

  get first(): Seen | null {
    return this.points[0] ?? null;
  }

  /** The last so many pixels of the path, in parts that are in sight or hidden. */
  trace(hidden: boolean, back = Number.POSITIVE_INFINITY): Path2D {
    const path = new Path2D();
    const { points } = this;
    const least = (this.lengths[points.length - 1] ?? 0) - back;
    let first = points.length;
    while (first > 1 && (this.lengths[first - 1] as number) > least) first -= 1;
    let drawn = -1;
    for (let i = first; i < points.length; i++) {
      if (!this.joined[i]) continue;
      const [a, b] = [points[i - 1] as Seen, points[i] as Seen];
      if (hidden === (a.seen && b.seen)) continue;
      const whole = (this.lengths[i] as number) - (this.lengths[i - 1] as number);
      const cut = Math.max(0, least - (this.lengths[i - 1] as number)) / (whole || 1);
      if (drawn !== i - 1) path.moveTo(a.x + cut * (b.x - a.x), a.y + cut * (b.y - a.y));
      path.lineTo(b.x, b.y);
      drawn = i;
    }
    return path;
  }

  /** The step whose point in sight is nearest to a pixel, and how far that is. */
  nearest(x: number, y: number): { step: number; distance: number } {
    let [step, distance] = [0, Number.POSITIVE_INFINITY];
    for (const point of this.points) {
      const away = Math.hypot(point.x - x, point.y - y);
      if (point.seen && away < distance) [step, distance] = [point.step, away];
    }
    return { step, distance };
  }

  private take(x: number, y: number, step: number): void {
    const here = this.place(x, y);
    this.newest = here && { x: here.x, y: here.y, seen: here.seen, step };
    if (this.newest === null) {
      this.inside = false;
      return;
    }
    const last = this.inside ? this.points[this.points.length - 1] : undefined;
    const way = last ? Math.hypot(this.newest.x - last.x, this.newest.y - last.y) : 0;
    if (last && way < CLOSE) return;
    this.lengths.push((this.lengths[this.lengths.length - 1] ?? 0) + way);
    this.joined.push(this.inside);
    this.points.push(this.newest);
    this.inside = true;
  }
}

const basisOf = (x: Column): string => `${x.generation ?? 0}/${x.steps[0]}`;

/** What a column has at a step, or NaN. */
export function valueAtStep(column: Column | undefined, step: number): number {
  const row = column ? rowAt(column.steps, column.n, step) : -1;
  return column?.steps[row] === step ? (column.values[row] as number) : Number.NaN;
}
