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

/** An axis of seconds up to `end`, which are written as minutes or hours where there are many. */
export function durationAxis(name: string, end: number): XAxis {
  const [size, unit] = end > 7200 ? [3600, "h"] : end > 180 ? [60, "min"] : [1, "s"];
  return {
    ...realAxis(name, end),
    format: (x) => `${formatValue(x / size)} ${unit}`,
    ticks: ([from, to], most) =>
      linearTicks([from / size, to / size], most).map((tick) => tick * size),
    labels: (ticks) =>
      formatTicks(
        ticks.map((x) => x / size),
        formatTick,
      ).map((t) => `${t} ${unit}`),
  };
}

/** The nearest place that an axis can tell. */
export function snapped(x: number, { unit }: XAxis): number {
  return Number((Math.round(x / unit) * unit).toPrecision(12));
}
