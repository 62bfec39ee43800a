/** The surface as bands of equal loss with hairline contours. */

import { type ContourMultiPolygon, contours } from "d3-contour";
import { MAP_LINE, mapRamp } from "../look/palette.ts";
import type { ThemeName } from "./types.ts";

/** Values of a surface: z[j][i] at (x[i], y[j]), both ascending and evenly spaced. */
export interface Grid {
  x: number[];
  y: number[];
  z: number[][];
}

export const BANDS = 22;

/**
 * Lower edges of the bands. Log-spaced in the height above the lowest value, from where the lowest
 * half percent of the area ends, so that neither a needle-deep minimum nor a steep rim takes all bands.
 */
export function bandEdges(grid: Grid, minimum: number, log: boolean): number[] {
  const sorted = Float64Array.from(grid.z.flat())
    .filter((v) => Number.isFinite(v))
    .sort();
  const high = sorted[sorted.length - 1] ?? 1;
  if (!log) {
    const low = sorted[0] ?? 0;
    return Array.from({ length: BANDS - 1 }, (_, k) => low + ((k + 1) / BANDS) * (high - low));
  }
  const floor = Math.min(minimum, sorted[0] ?? minimum);
  const quantile = (sorted[Math.floor(sorted.length * 0.005)] ?? 0) - floor;
  const top = Math.max(high - floor, 1e-12);
  const low = Math.max(quantile, top * 1e-7);
  const ratio = Math.log(top / low);
  return Array.from(
    { length: BANDS - 1 },
    (_, k) => floor + low * Math.exp((k / (BANDS - 1)) * ratio),
  );
}

/** The lowest value of all that are finite, `minimum` among them. */
export function lowest(grid: Grid, minimum: number): number {
  let least = minimum;
  for (const row of grid.z) for (const v of row) if (v < least) least = v;
  return least;
}

/** Bands computed once per surface, painted once per size and theme. */
export class ContourPicture {
  private readonly polygons: ContourMultiPolygon[];
  private readonly columns: number;
  private readonly rows: number;

  constructor(grid: Grid, minimum: number, log: boolean) {
    this.columns = grid.x.length;
    this.rows = grid.y.length;
    // Interpolation between grid points is linear, so contours are rounder in the logarithm.
    const edges = bandEdges(grid, minimum, log);
    const floor = lowest(grid, minimum);
    const tiny = log ? ((edges[0] as number) - floor) * 1e-3 || 1e-12 : 0;
    const lift = (v: number) => (log ? Math.log(Math.max(v - floor, 0) + tiny) : v);
    const values = grid.z.flat().map((v) => (Number.isFinite(v) ? lift(v) : Number.MAX_VALUE));
    this.polygons = contours()
      .size([this.columns, this.rows])
      .smooth(true)
      .thresholds(edges.map(lift))(values);
  }

  paint(context: CanvasRenderingContext2D, width: number, height: number, theme: ThemeName): void {
    const colors = mapRamp(theme, BANDS);
    context.fillStyle = colors[0] as string;
    context.fillRect(0, 0, width, height);
    context.lineWidth = 1;
    context.lineJoin = "round";
    this.polygons.forEach((polygon, k) => {
      const path = this.trace(polygon, width, height);
      context.fillStyle = colors[k + 1] as string;
      context.fill(path, "evenodd");
      context.strokeStyle = MAP_LINE[theme];
      context.stroke(path);
    });
  }

  /** Grid point i lies at i + 0.5 in d3's units, row 0 at the lowest y. */
  private trace(polygon: ContourMultiPolygon, width: number, height: number): Path2D {
    const path = new Path2D();
    const px = (gx: number) => stretch((gx - 0.5) / (this.columns - 1)) * width;
    const py = (gy: number) => (1 - stretch((gy - 0.5) / (this.rows - 1))) * height;
    for (const rings of polygon.coordinates) {
      for (const ring of rings) {
        ring.forEach(([gx, gy], i) => {
          if (i === 0) path.moveTo(px(gx as number), py(gy as number));
          else path.lineTo(px(gx as number), py(gy as number));
        });
        path.closePath();
      }
    }
    return path;
  }
}

/** Rings close half a cell outside the grid; push that edge far enough out to hide its line. */
function stretch(share: number): number {
  if (share < 0) return share - 0.02;
  return share > 1 ? share + 0.02 : share;
}

/** The surface's value at a point, bilinear between grid points (in the logarithm where asked). */
export function valueAt(grid: Grid, x: number, y: number, minimum: number, log: boolean): number {
  const [i, u] = place(grid.x, x);
  const [j, v] = place(grid.y, y);
  const tiny = 1e-12;
  const at = (jj: number, ii: number) => {
    const z = grid.z[jj]?.[ii] ?? Number.NaN;
    return log ? Math.log(Math.max(z - minimum, 0) + tiny) : z;
  };
  const low = at(j, i) * (1 - u) + at(j, i + 1) * u;
  const high = at(j + 1, i) * (1 - u) + at(j + 1, i + 1) * u;
  const mixed = low * (1 - v) + high * v;
  return log ? Math.exp(mixed) - tiny + minimum : mixed;
}

function place(axis: readonly number[], at: number): [number, number] {
  const first = axis[0] as number;
  const last = axis[axis.length - 1] as number;
  const share = ((at - first) / (last - first)) * (axis.length - 1);
  const i = Math.min(Math.max(0, Math.floor(share)), axis.length - 2);
  return [i, Math.min(1, Math.max(0, share - i))];
}
