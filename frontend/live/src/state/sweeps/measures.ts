/** What can be measured of a cell: its words, its format, and which way is better. */

import { formatPercent, formatStep, formatTick, formatValue } from "../../look/format.ts";
import type { Sweep } from "../../protocol.ts";

export interface Measure {
  name: string;
  label: string;
  /** What it is, in a few words. */
  help: string;
  higher: boolean;
  /** It spans orders of magnitude: its shortfall does, where it has one. */
  log: boolean;
  /** What is missing to the best that there could be: a share of errors. */
  shortfall?: (value: number) => number;
  format: (value: number) => string;
  /** Of a standard deviation or a half interval. */
  formatHalf: (value: number) => string;
}

const half = (value: number): string => formatTick(Number(value.toPrecision(2)));
const points = (value: number): string => `${half(100 * value)} %`;

export function measureOf(
  sweep: Pick<Sweep, "kind" | "window" | "measures">,
  name: string,
): Measure {
  const made = (label: string, help: string, more: Partial<Measure> = {}): Measure => ({
    name,
    label,
    help,
    higher: false,
    log: true,
    format: formatValue,
    formatHalf: half,
    ...more,
  });
  const ends = sweep.measures.includes("distance");
  switch (name) {
    case "test_accuracy":
      return made("test accuracy", "of the held-out examples, at the newest test", {
        higher: true,
        shortfall: (value) => 1 - value,
        format: formatPercent,
        formatHalf: points,
      });
    case "test_loss":
      return made("test loss", "on held-out examples, at the newest test");
    case "steps_to_minimum":
      return made("steps to the minimum", "first step with f within 1e−3 of its minimum", {
        format: formatStep,
      });
    case "distance":
      return made("distance to the minimum", "from the newest position to the nearest minimum");
    default:
      if (sweep.kind === "task")
        return made("train loss", `mean of the last ${sweep.window} steps`);
      return ends
        ? made("f above its minimum", "at the newest position")
        : made("f", "the surface’s value at the newest position", { log: false });
  }
}
