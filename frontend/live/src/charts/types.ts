/** What charts draw and how they are told; the border between state and pictures. */

/** Growing columns of one run; only the first `n` entries are valid, arrays are replaced as they grow. */
export interface Column {
  readonly n: number;
  readonly steps: Float64Array;
  readonly values: Float64Array;
}

/** Where charts read rows from. `version` grows with every change. */
export interface Rows {
  readonly version: number;
  /** Undefined until the run has sent a row with this column. */
  column(run: string, name: string): Column | undefined;
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
}
