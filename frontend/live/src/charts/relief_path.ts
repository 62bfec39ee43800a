/** A run's path over a relief, in pixels: what is in sight, what the surface hides, and its tail. */

import type { Column } from "./types.ts";

/** A place in the picture, and whether the surface leaves it in sight. */
export interface Seen {
  x: number;
  y: number;
  seen: boolean;
}

/** Points of a path that are drawn at most. */
const MOST_POINTS = 1500;

export class ReliefPath {
  private readonly points: (Seen & { step: number })[] = [];
  /** After each point, whether the next one is joined to it: not across places outside the picture. */
  private readonly joined: boolean[] = [];
  private readonly lengths: number[] = [];

  /**
   * @param place from the surface's units into the picture; null outside of it
   * @param start where the run starts; null where its parent drew what came before
   */
  constructor(
    x: Column,
    y: Column,
    private readonly place: (x: number, y: number) => Seen | null,
    start: { x: number; y: number } | null,
    from: number,
    until: number,
  ) {
    let n = Math.min(x.n, y.n);
    while (n > 0 && (x.steps[n - 1] as number) > until) n -= 1;
    let joined = start !== null && this.take(start.x, start.y, 0, false);
    const every = Math.max(1, Math.ceil(n / MOST_POINTS));
    for (let i = 0; i < n; i = i === n - 1 ? n : Math.min(i + every, n - 1)) {
      const step = x.steps[i] as number;
      if (step < from) continue;
      joined = this.take(x.values[i] as number, y.values[i] as number, step, joined);
    }
    this.endsInside = joined && n > 0;
  }

  private readonly endsInside: boolean;

  /** The newest point; null where it lies outside or nothing was trained. */
  get head(): (Seen & { step: number }) | null {
    return this.endsInside ? (this.points[this.points.length - 1] ?? null) : null;
  }

  get first(): Seen | null {
    return this.points[0] ?? null;
  }

  /** The last so many pixels of the path, in parts that are in sight or hidden. */
  trace(hidden: boolean, back = Number.POSITIVE_INFINITY): Path2D {
    const path = new Path2D();
    const { points } = this;
    const least = (this.lengths[points.length - 1] ?? 0) - back;
    let drawn = -1;
    for (let i = 1; i < points.length; i++) {
      if (!this.joined[i] || (this.lengths[i] as number) <= least) continue;
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

  private take(x: number, y: number, step: number, joined: boolean): boolean {
    const here = this.place(x, y);
    if (here === null) return false;
    const last = this.points[this.points.length - 1];
    const way = last && joined ? Math.hypot(here.x - last.x, here.y - last.y) : 0;
    this.lengths.push((this.lengths[this.lengths.length - 1] ?? 0) + way);
    this.joined.push(joined);
    this.points.push({ ...here, step });
    return true;
  }
}

/** What a column has at a step, or NaN. */
export function valueAtStep(column: Column | undefined, step: number): number {
  let [low, high] = [0, (column?.n ?? 0) - 1];
  while (column && low <= high) {
    const middle = (low + high) >> 1;
    const found = column.steps[middle] as number;
    if (found === step) return column.values[middle] as number;
    if (found < step) low = middle + 1;
    else high = middle - 1;
  }
  return Number.NaN;
}
