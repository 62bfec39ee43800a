/** A loss over a plane as hairline contours. */

import { contours } from "d3-contour";
import { type Grid, valueAt } from "./contours.ts";
import type { Place } from "./trail.ts";

/** z[i][j] is the loss at (x[j], y[i]); null where it is not finite. */
export interface LossGrid {
  x: readonly number[];
  y: readonly number[];
  z: readonly (readonly (number | null)[])[];
}

export const LEVELS = 14;

/** Evenly spaced losses between the lowest and the highest; in the logarithm where all are positive. */
export function lossLevels(values: readonly number[], count = LEVELS): number[] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [];
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  if (!(high > low)) return [];
  const share = (k: number) => (k + 0.5) / count;
  return Array.from({ length: count }, (_, k) =>
    low > 0 ? low * (high / low) ** share(k) : low + share(k) * (high - low),
  );
}

type Points = [number, number][];

export class ContourLines {
  readonly levels: number[];
  /** Open lines in the plane's own units. */
  readonly lines: Points[] = [];
  private readonly grid: Grid;
  private readonly log: boolean;
  private readonly floor: number;

  constructor(given: LossGrid) {
    const z = given.z.map((row) => row.map((v) => v ?? Number.NaN));
    this.grid = { x: [...given.x], y: [...given.y], z };
    const values = z.flat();
    this.levels = lossLevels(values);
    this.floor = values
      .filter(Number.isFinite)
      .reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    this.log = this.floor > 0;
    const lift = (v: number) => (this.log ? Math.log(v) : v);
    const columns = given.x.length;
    const rows = given.y.length;
    const lifted = values.map((v) => (Number.isFinite(v) ? lift(v) : Number.MAX_VALUE));
    const found = contours().size([columns, rows]).smooth(true).thresholds(this.levels.map(lift))(
      lifted,
    );
    const onEdge = ([gx, gy]: Points[number]) => gx <= 0 || gy <= 0 || gx >= columns || gy >= rows;
    const placed = ([gx, gy]: Points[number]): Points[number] => [
      between(given.x, gx - 0.5),
      between(given.y, gy - 0.5),
    ];
    for (const { coordinates } of found) {
      for (const ring of coordinates.flat() as Points[]) {
        // Rings are closed along the grid's edge, where there is no contour.
        for (const part of parts(ring, onEdge)) this.lines.push(part.map(placed));
      }
    }
  }

  /** One path in pixels. */
  trace(place: Place): Path2D {
    const path = new Path2D();
    for (const line of this.lines) {
      line.forEach(([x, y], i) => {
        const [px, py] = place(x, y);
        if (i === 0) path.moveTo(px, py);
        else path.lineTo(px, py);
      });
    }
    return path;
  }

  /** The loss at a place in the plane; NaN outside of the grid. */
  at(x: number, y: number): number {
    const { x: xs, y: ys } = this.grid;
    const inside = (v: number, axis: readonly number[]) =>
      v >= (axis[0] as number) && v <= (axis[axis.length - 1] as number);
    if (!inside(x, xs) || !inside(y, ys)) return Number.NaN;
    return valueAt(this.grid, x, y, this.log ? 0 : this.floor, this.log);
  }
}

/** The pieces of a ring between points that are left out. */
function parts(ring: Points, leaveOut: (point: Points[number]) => boolean): Points[] {
  const found: Points[] = [];
  let open: Points = [];
  for (const point of ring) {
    if (!leaveOut(point)) {
      open.push(point);
      continue;
    }
    if (open.length > 1) found.push(open);
    open = [];
  }
  if (open.length > 1) found.push(open);
  return found;
}

/** The coordinate at a fractional index of an evenly spaced axis. */
function between(axis: readonly number[], index: number): number {
  const first = axis[0] as number;
  const last = axis[axis.length - 1] as number;
  return first + (index / (axis.length - 1)) * (last - first);
}
