/** What the keyboard does on a focused line chart. */

import type { Range } from "./axis.ts";

export interface KeyAction {
  hover?: number | null;
  zoom?: Range | "reset";
}

/** Where a chart is when a key comes. */
interface At {
  /** The step pointed at, or the one shown. */
  at: number;
  pointed: boolean;
  stride: number;
  low: number;
  high: number;
  view: Range;
  span: number;
}

interface ChartKey {
  label: string;
  words: string;
  keys: Record<string, (now: At) => KeyAction | null>;
}

const inside = ({ low, high }: At, step: number) => Math.min(Math.max(step, low), high);
const closer = ({ at, span }: At): KeyAction => ({ zoom: [at - span / 4, at + span / 4] });

/** What they do, and what the help says of it. */
export const CHART_KEYS: readonly ChartKey[] = [
  {
    label: "← →",
    words: "read values; with Shift ten times as far",
    keys: {
      ArrowLeft: (now) => ({ hover: inside(now, now.at - now.stride) }),
      ArrowRight: (now) => ({ hover: inside(now, now.at + now.stride) }),
    },
  },
  {
    label: "Home End",
    words: "first and newest value",
    keys: {
      Home: (now) => ({ hover: inside(now, now.low) }),
      End: (now) => ({ hover: inside(now, now.high) }),
    },
  },
  {
    label: "+ − 0",
    words: "zoom in, out, all",
    keys: {
      "+": closer,
      "=": closer,
      "-": ({ view, span }) => ({ zoom: [view[0] - span / 2, view[1] + span / 2] }),
      "0": () => ({ zoom: "reset" }),
    },
  },
  {
    label: "Esc",
    words: "let go of the value",
    keys: { Escape: ({ pointed }) => (pointed ? { hover: null } : null) },
  },
];

/** What a key does on a chart that has the focus; null for nothing. */
export function chartKeys(
  event: Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">,
  hover: number | null,
  now: number,
  view: Range,
  unit = 1,
): KeyAction | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const act = CHART_KEYS.find((one) => Object.hasOwn(one.keys, event.key))?.keys[event.key];
  if (act === undefined) return null;
  const span = view[1] - view[0];
  const low = Math.max(unit, view[0]);
  const high = Math.max(low, Math.min(now, view[1]));
  const stride = Math.max(1, Math.round(span / unit / 300)) * unit * (event.shiftKey ? 10 : 1);
  return act({ at: hover ?? now, pointed: hover !== null, stride, low, high, view, span });
}
