/** What a chart gives to be put on paper: a drawing without its screen, and the rows it is made of. */

import type { RunView, ThemeName } from "./types.ts";

/** A place on an axis, in pixels from the drawing's left or upper edge. */
export interface Tick {
  at: number;
  label: string;
}

export interface FigureAxis {
  name: string;
  ticks: Tick[];
}

export interface Figure {
  title: string;
  /** Small words beside the title. */
  note?: string;
  /** Size of the drawing in pixels, without title, legend and axes. */
  width: number;
  height: number;
  theme: ThemeName;
  /** The colour that it stands on. */
  ground: string;
  /** Runs of the legend. */
  runs: readonly RunView[];
  x?: FigureAxis;
  y?: FigureAxis;
  /** Lines across at the ticks of y. */
  grid?: boolean;
  /** Draws it; the context's origin is its corner. `cursor`: as at another step. */
  paint(context: CanvasRenderingContext2D, cursor?: number | null): void;
}

/** Rows as they are stored: these columns of these runs, steps `first` to `last`. */
export interface StoredData {
  kind: "stored";
  columns: string[];
  runs: string[];
  first: number;
  last: number;
}

/** Numbers or words that are made here, by column; all have the same length. */
export type DrawnTable = Record<string, Float64Array | readonly number[] | readonly string[]>;

export interface DrawnData {
  kind: "drawn";
  table(): DrawnTable;
  first: number;
  last: number;
}

/** A chart as it can be saved. */
export interface Exported {
  figure: Figure;
  /** Null of a picture that has no rows. */
  data: StoredData | DrawnData | null;
  /** Paths that can be seen to grow. */
  moves?: boolean;
}
