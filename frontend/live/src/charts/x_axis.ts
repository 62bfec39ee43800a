/** What lines are laid along: steps, or another measure of how far a run has gone. */

import { formatStep, formatTick, formatTicks, formatValue } from "../look/format.ts";
import { linearTicks, niceStep, type Range, stepTicks } from "./axis.ts";

export interface XAxis {
  /** The word before a place: "step 640". */
  name: string;
  /** Places are told apart by this much; the pointer and the arrow keys stop at its multiples. */
  unit: number;
  format(x: number): string;
  ticks(range: Range, most: number): number[];
  labels(ticks: readonly number[]): string[];
}

export const STEPS: XAxis = {
  name: "step",
  unit: 1,
  format: formatStep,
  ticks: stepTicks,
  labels: (ticks) => ticks.map(formatStep),
};

/** An axis of real numbers up to `end`. */
export function realAxis(name: string, end: number): XAxis {
  return {
    name,
    unit: end > 0 ? niceStep(end / 2000) : 0.001,
    format: formatValue,
    ticks: linearTicks,
    labels: (ticks) => formatTicks(ticks, formatTick),
  };
}

/** The nearest place that an axis can tell. */
export function snapped(x: number, { unit }: XAxis): number {
  return Number((Math.round(x / unit) * unit).toPrecision(12));
}
