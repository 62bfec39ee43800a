/** What the keyboard does on a focused line chart. */

import type { Range } from "./axis.ts";

export interface KeyAction {
  hover?: number | null;
  zoom?: Range | "reset";
}

/** ← → move the hover cursor (with Shift ten times as far), Home End jump, + − zoom, Esc lets go. */
export function chartKeys(
  event: Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">,
  hover: number | null,
  now: number,
  view: Range,
  unit = 1,
): KeyAction | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const span = view[1] - view[0];
  const at = hover ?? now;
  const low = Math.max(unit, view[0]);
  const high = Math.max(low, Math.min(now, view[1]));
  const inside = (step: number) => Math.min(Math.max(step, low), high);
  const stride = Math.max(1, Math.round(span / unit / 300)) * unit * (event.shiftKey ? 10 : 1);
  switch (event.key) {
    case "ArrowLeft":
      return { hover: inside(at - stride) };
    case "ArrowRight":
      return { hover: inside(at + stride) };
    case "Home":
      return { hover: inside(low) };
    case "End":
      return { hover: inside(high) };
    case "+":
    case "=":
      return { zoom: [at - span / 4, at + span / 4] };
    case "-":
      return { zoom: [view[0] - span / 2, view[1] + span / 2] };
    case "0":
      return { zoom: "reset" };
    case "Escape":
      return hover === null ? null : { hover: null };
    default:
      return null;
  }
}
