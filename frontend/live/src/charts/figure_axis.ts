/** The axis of a picture where it is saved: on the screen it has none. */

import { formatTick, formatTicks } from "../look/format.ts";
import { linearTicks, type Range } from "./axis.ts";
import type { FigureAxis } from "./figure.ts";

const EVERY_PX = 90;

/** Ticks of a range that fills `pixels`; `up` where it grows upwards. */
export function axisOf(
  name: string,
  range: readonly [number, number],
  pixels: number,
  up: boolean,
): FigureAxis {
  const [low, high] = range;
  const most = Math.max(3, Math.floor(pixels / EVERY_PX) + 1);
  const ticks = linearTicks(range as Range, most).filter((tick) => tick >= low && tick <= high);
  const labels = formatTicks(ticks, formatTick);
  return {
    name,
    ticks: ticks.map((tick, i) => {
      const share = (tick - low) / (high - low);
      return { at: (up ? 1 - share : share) * pixels, label: labels[i] ?? "" };
    }),
  };
}
