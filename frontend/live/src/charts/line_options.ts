/** What a line chart is made with. */

import type { Range, Scale } from "./axis.ts";
import type { LineColumn } from "./run_lines.ts";
import type { XAxis } from "./x_axis.ts";

export interface LineChartOptions {
  title: string;
  /** The columns drawn for every run. */
  columns: LineColumn[];
  scale: Scale;
  format: (v: number) => string;
  unit?: string;
  /** Fixed bounds of the value axis, or bounds from the data's smallest and largest value. */
  range?: Range | ((min: number, max: number) => Range);
  /** Told when a person chose another scale; without it there is no choice. */
  onScale?: (scale: Scale) => void;
  /** Draw the mean over the last `window` steps. */
  window?: number;
  /** Small words at the right of the title; by default the window's size. */
  note?: string;
  /** What stands in the place of lines until there are some. */
  empty?: string;
  /** What lines are laid along, if not steps; all of the scene's steps are places on it then. */
  axis?: XAxis;
  /** Told where a person points or the arrow keys go, null when they leave. */
  onHover?: (x: number | null) => void;
}
