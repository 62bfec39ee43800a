/** The cells of a sweep: which is best, what colour a value has, who is beside whom. */

import type { Sweep, SweepCell } from "../../protocol.ts";
import type { Sample } from "../compare/statistics.ts";
import { DROP_RATE, LR } from "./axis.ts";
import type { Measure } from "./measures.ts";

export interface Spot {
  x: number;
  y: number;
}

export type Cells = ReadonlyMap<string, SweepCell>;

export const spotKey = ({ x, y }: Spot): string => `${x}.${y}`;

/** A spot in an address; null if it is none of the sweep. */
export function spotOf(text: string | null, sweep: Sweep): Spot | null {
  const found = /^(\d+)\.(\d+)$/.exec(text ?? "");
  if (!found) return null;
  const [x, y] = [Number(found[1]), Number(found[2])];
  return x < sweep.x.values.length && y < sweep.y.values.length ? { x, y } : null;
}

/** The cells with those that are new. */
export function updated(cells: Cells, fresh: readonly SweepCell[]): Cells {
  if (fresh.length === 0) return cells;
  return new Map([...cells, ...fresh.map((cell): [string, SweepCell] => [spotKey(cell), cell])]);
}

/** A cell's value with its scatter; null where it has none, or went out of bounds. */
export function sampleOf(cell: SweepCell | undefined, measure: Measure): Sample | null {
  const value = cell?.values[measure.name];
  if (!cell || cell.state === "diverged" || !value || value.mean === null) return null;
  // A scatter that is not known is not none: no difference is more than it.
  return { n: value.n, mean: value.mean, sd: value.sd ?? (value.n > 1 ? Number.NaN : 0) };
}

/** The measures that any cell has a value of; all of them while there are none. */
export function measured(cells: Cells, sweep: Sweep): string[] {
  const found = sweep.measures.filter((name) =>
    [...cells.values()].some((cell) => cell.values[name] !== undefined),
  );
  return found.length > 0 ? found : sweep.measures;
}

/** Whether a cell counts when the best is looked for: not if some of its seeds lack the value. */
export function counts(cell: SweepCell, sweep: Sweep, measure: Measure): boolean {
  return (sampleOf(cell, measure)?.n ?? 0) >= sweep.seeds;
}

const isBetter = (a: number, b: number, measure: Measure): boolean =>
  measure.higher ? a > b : a < b;

/** The best cell of those that `may` be; the first among equals. */
export function bestOf(
  cells: Cells,
  sweep: Sweep,
  measure: Measure,
  may: (cell: SweepCell) => boolean = () => true,
): SweepCell | null {
  let best: SweepCell | null = null;
  let value = Number.NaN;
  for (const cell of cells.values()) {
    const sample = sampleOf(cell, measure);
    if (!sample || !may(cell) || !counts(cell, sweep, measure)) continue;
    if (best === null || isBetter(sample.mean, value, measure)) [best, value] = [cell, sample.mean];
  }
  return best;
}

/** Maps values to [0, 1], 1 the best; with ends and a middle for a legend. */
export interface HeatScale {
  log: boolean;
  low: number;
  high: number;
  share: (value: number) => number;
  /** The value that has a share. */
  at: (share: number) => number;
}

/** So many orders of magnitude are told apart; what is better than that looks like the best. */
const DECADES = 12;

/** The scale of all values that are there; null while there are none. */
export function heatScale(
  cells: Cells,
  measure: Measure,
  wanted: "log" | "linear" | null,
): HeatScale | null {
  const { shortfall } = measure;
  if (shortfall) {
    // An accuracy has its orders of magnitude in what is missing: 99 % is as far from 90 % as 90 %
    // from 0 %.
    const bare: Measure = { ...measure, higher: false };
    delete bare.shortfall;
    const scale = scaleOf(means(cells, measure).map(shortfall), bare, wanted);
    if (!scale) return null;
    return {
      ...scale,
      low: shortfall(scale.high),
      high: shortfall(scale.low),
      share: (value) => scale.share(shortfall(value)),
      at: (share) => shortfall(scale.at(share)),
    };
  }
  return scaleOf(means(cells, measure), measure, wanted);
}

const means = (cells: Cells, measure: Measure): number[] =>
  [...cells.values()].flatMap((cell) => sampleOf(cell, measure)?.mean ?? []);

function scaleOf(
  values: readonly number[],
  measure: Measure,
  wanted: "log" | "linear" | null,
): HeatScale | null {
  if (values.length === 0) return null;
  let low = Math.min(...values);
  const high = Math.max(...values);
  const log = (wanted ?? (measure.log ? "log" : "linear")) === "log" && high > 0;
  if (log) {
    const positive = values.filter((value) => value > 0);
    low = Math.max(Math.min(...positive), high * 10 ** -DECADES);
  }
  const up = (value: number) => {
    if (high === low) return 0.5;
    if (!log) return (value - low) / (high - low);
    return value <= low ? 0 : Math.log(value / low) / Math.log(high / low);
  };
  const share = (value: number) => {
    const t = Math.min(1, Math.max(0, up(value)));
    return high !== low && !measure.higher ? 1 - t : t;
  };
  const at = (wantedShare: number) => {
    const t = measure.higher ? wantedShare : 1 - wantedShare;
    return log ? low * (high / low) ** t : low + t * (high - low);
  };
  return { log, low, high, share, at };
}

/** The cells to the left, right, below and above, as far as there are any. */
export function neighbours({ x, y }: Spot, sweep: Sweep): Spot[] {
  return [
    { x: x - 1, y },
    { x: x + 1, y },
    { x, y: y - 1 },
    { x, y: y + 1 },
  ].filter(
    (spot) =>
      spot.x >= 0 &&
      spot.y >= 0 &&
      spot.x < sweep.x.values.length &&
      spot.y < sweep.y.values.length,
  );
}

/** Where an arrow key leads; y grows upwards. */
export function moved({ x, y }: Spot, key: string, sweep: Sweep): Spot | null {
  const last = { x: sweep.x.values.length - 1, y: sweep.y.values.length - 1 };
  const to: Record<string, Spot> = {
    ArrowLeft: { x: x - 1, y },
    ArrowRight: { x: x + 1, y },
    ArrowUp: { x, y: y + 1 },
    ArrowDown: { x, y: y - 1 },
    Home: { x: 0, y },
    End: { x: last.x, y },
    PageUp: { x, y: last.y },
    PageDown: { x, y: 0 },
  };
  const next = to[key];
  if (!next) return null;
  const inside = (v: number, most: number) => Math.min(Math.max(v, 0), most);
  return { x: inside(next.x, last.x), y: inside(next.y, last.y) };
}

/** Which axis is the drop rate and which the learning rate; null unless these are the two. */
export function dropAndLr(sweep: Sweep): { drop: "x" | "y"; lr: "x" | "y" } | null {
  const names = [sweep.x.setting, sweep.y.setting];
  if (names[0] === DROP_RATE && names[1] === LR) return { drop: "x", lr: "y" };
  return names[0] === LR && names[1] === DROP_RATE ? { drop: "y", lr: "x" } : null;
}

/** The value of a sweep's axis at a cell. */
export const valueAt = (sweep: Sweep, axis: "x" | "y", spot: Spot): number =>
  sweep[axis].values[spot[axis]] as number;

/** lr × keep at a cell. */
export function effectiveLr(sweep: Sweep, spot: Spot): number | null {
  const axes = dropAndLr(sweep);
  if (!axes) return null;
  return valueAt(sweep, axes.lr, spot) * (1 - valueAt(sweep, axes.drop, spot));
}

/** Points of a dense line along an axis, as fractions of cells between their middles. */
const PARTS = 8;

/**
 * The line through a cell along which lr × keep stays as it is there: points as fractions of the
 * map's width and height from its lower left corner, or null where the axes are others. Between
 * cells the drop rate is taken linearly and the learning rate by its logarithm.
 */
export function evenLine(sweep: Sweep, through: Spot): [number, number][] | null {
  const axes = dropAndLr(sweep);
  const product = effectiveLr(sweep, through);
  if (!axes || product === null || product <= 0) return null;
  const drops = sweep[axes.drop].values;
  const rates = sweep[axes.lr].values;
  const points: [number, number][] = [];
  for (let k = 0; k <= (drops.length - 1) * PARTS; k++) {
    const at = k / PARTS;
    const i = Math.min(Math.floor(at), drops.length - 2);
    const from = drops[i] ?? 0;
    const drop = drops.length === 1 ? from : from + (at - i) * ((drops[i + 1] as number) - from);
    const place = placeOf(product / (1 - drop), rates);
    if (place === null) continue;
    const [a, b] = [(at + 0.5) / drops.length, (place + 0.5) / rates.length];
    points.push(axes.drop === "x" ? [a, b] : [b, a]);
  }
  return points.length > 1 ? points : null;
}

/** Where a value lies among ascending ones, by logarithm, half a cell beyond the ends at most. */
function placeOf(value: number, among: readonly number[]): number | null {
  if (among.length < 2) return null;
  const logs = among.map(Math.log);
  const v = Math.log(value);
  let i = logs.findIndex((edge) => edge > v) - 1;
  if (i === -2) i = logs.length - 2;
  i = Math.max(0, i);
  const [a, b] = [logs[i] as number, logs[i + 1] as number];
  const place = i + (v - a) / (b - a);
  return place >= -0.5 && place <= among.length - 0.5 ? place : null;
}
