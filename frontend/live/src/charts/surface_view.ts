/** What there is to know of a surface before anything is drawn. */

import type { Grid } from "./contours.ts";

/** What the catalogue says about a surface. */
export interface SurfaceView {
  x: readonly [number, number];
  y: readonly [number, number];
  log: boolean;
  points: readonly { x: number; y: number; kind: "minimum" | "local minimum" | "saddle" }[];
  minimum: number;
  formula: string;
}

export interface SurfaceMapOptions {
  surface: SurfaceView;
  grid: Grid;
  start: { x: number; y: number };
  /** Another surface than the one that trains: paths would lie wrong on it. */
  bare?: boolean;
}
