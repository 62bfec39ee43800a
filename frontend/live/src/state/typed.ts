import type { Experiment } from "../protocol.ts";
import { type Settings, startOf } from "./shape.ts";

/** The problem whose formula is typed. */
export const OWN = "own_formula";

export const RANGES = [
  { name: "x_low", label: "x from" },
  { name: "x_high", label: "x to" },
  { name: "y_low", label: "y from" },
  { name: "y_high", label: "y to" },
] as const;

/** The ends of the drawn ranges as they are typed. */
export function rangesOf(settings: Settings): Record<string, string> {
  return Object.fromEntries(RANGES.map(({ name }) => [name, String(settings[name])]));
}

/** Settings with a start inside the ranges: the one there is, or a point off the middle. */
export function fitted(settings: Settings, experiment: Experiment): Settings {
  const { x, y } = startOf(experiment);
  const axis = (value: number, low: number, high: number, share: number) =>
    value >= low && value <= high ? value : Number((low + share * (high - low)).toPrecision(4));
  const end = (name: string) => Number(settings[name]);
  return {
    ...settings,
    start_x: axis(x, end("x_low"), end("x_high"), 0.15),
    start_y: axis(y, end("y_low"), end("y_high"), 0.6),
  };
}
