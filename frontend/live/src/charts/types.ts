/** What charts draw and how they are told; the border between state and pictures. */

import type { Exported } from "./figure.ts";

/** Growing columns of one run; only the first `n` entries are valid, arrays are replaced as they grow. */
export interface Column {
  readonly n: number;
  readonly steps: Float64Array;
  readonly values: Float64Array;
  /** Another number where earlier rows are no longer what they were. */
  readonly generation?: number;
  /** Ranges of steps, ends included, of which only some rows are here; ascending. */
  readonly thin?: readonly (readonly [number, number])[];
  /** Of a line: the points that stand for many rows. */
  readonly buckets?: Buckets;
}

/** Points of a line that are the smallest, largest and last value of many rows. */
export interface Buckets {
  /** By point its bucket; −1 is a row itself. */
  readonly of: Int32Array;
  /** By bucket the steps of its first and last row, and the values between which all are. */
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** NaN where it is not known. */
  readonly mean: readonly number[];
}

/** Steps that a chart shows, and how many pixels they have. */
export interface View {
  from: number;
  to: number;
  width: number;
}

/** Where charts read rows from. `version` grows with every change. */
export interface Rows {
  readonly version: number;
  /** Why there are no rows yet, in words; empty where there simply are none. */
  readonly waiting?: string;
  /**
   * Rows as they were recorded; of a long past every so many, all of them where `view` is small.
   * Undefined until the run has sent a row with this column.
   */
  column(run: string, name: string, view?: View): Column | undefined;
  /**
   * The same as a line: of a long past buckets, no more than can be told apart in `view`. Where it
   * is missing, the rows themselves are the line.
   */
  line?(run: string, name: string, view: View): Column | undefined;
}

/** A run as charts see it. Slot 0–15 fixes colour, glyph and dash for life. */
export interface RunView {
  id: string;
  slot: number;
  name: string;
  /** The step at which its loss stopped being finite; its line ends in a cross there. */
  divergedStep: number | null;
  /** Its own line begins after this step: what lies before is drawn by a run it shares it with. */
  from?: number;
  /** It has no values after this place, so that none is read out there; by default its last goes on. */
  until?: number;
}

/** A control that took effect, as a mark on time axes. */
export interface Mark {
  step: number;
  /** Run id, or null for all runs. */
  run: string | null;
  text: string;
}

export type ThemeName = "light" | "dark";

/** All that a picture depends on besides its rows. */
export interface Scene {
  rows: Rows;
  runs: RunView[];
  marks: Mark[];
  theme: ThemeName;
  /** Planned length: right end of time axes. */
  steps: number;
  /** Newest step of the experiment. */
  head: number;
  /** Step looked at while scrubbing; null follows the head. */
  cursor: number | null;
  /** Run whose line is lifted above the others (card hovered or selected). */
  lifted: string | null;
  /** 0 (off) to 0.99: exponential smoothing; the raw line stays faintly visible. */
  smoothing: number;
}

/** Every chart: made on a host element, told a scene once per animation frame at most, thrown away. */
export interface Chart {
  update(scene: Scene): void;
  destroy(): void;
  /** As it can be saved; null while there is nothing to see. */
  exported?(): Exported | null;
}
