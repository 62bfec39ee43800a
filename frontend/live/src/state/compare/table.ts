/** The table of a comparison: one column's figures for every line, and the same as CSV. */

import { csvField } from "../../look/csv.ts";
import type { Axis, Target } from "./choice.ts";
import type { MemberCurve } from "./drawn.ts";
import type { Line, Member } from "./facts.ts";
import {
  best,
  firstReached,
  half,
  pooled,
  risesWell,
  type Sample,
  sampleAt,
  valueOn,
} from "./statistics.ts";

/** A mean over seeds with half of its 95 % interval, NaN where there is none. */
export interface Figure {
  value: number;
  half: number;
  /** Not from this very step: between two that are known. */
  about: boolean;
}

export interface Row {
  line: Line;
  /** How its training stands, in words. */
  state: string;
  steps: number;
  final: Figure;
  best: Figure;
  /** At the last place that all lines reach. */
  at: Figure;
  /** Where the target was reached first, a mean over the seeds that did. */
  reached: Figure;
  /** Seeds, or single curves, that reached it, and of how many. */
  reachedBy: [number, number];
}

export interface Table {
  column: string;
  /** The last place on the axis that all lines reach which have not diverged; NaN without lines. */
  common: number;
  /** Whether all lines are equally long. */
  equal: boolean;
  rows: Row[];
}

const NOTHING: Figure = { value: Number.NaN, half: Number.NaN, about: false };

type CurvesOf = (line: Line) => { member: Member; curve: MemberCurve }[];

export function tableOf(
  lines: readonly Line[],
  column: string,
  curvesOf: CurvesOf,
  target: Target | null,
): Table {
  const found = lines.map((line) => ({ line, curves: curvesOf(line) }));
  const ends = found.flatMap(({ curves }) =>
    curves.filter(alive).map(({ curve }) => lastOf(curve.x)),
  );
  const common = ends.length > 0 ? Math.min(...ends) : Number.NaN;
  const rows = found.map(({ line, curves }) => rowOf(line, curves, column, common, target));
  return { column, common, equal: new Set(ends).size < 2, rows };
}

const alive = ({ member }: { member: Member }): boolean => member.run.diverged_step === null;

const lastOf = (values: Float64Array): number => values[values.length - 1] ?? Number.NaN;

function rowOf(
  line: Line,
  curves: ReturnType<CurvesOf>,
  column: string,
  common: number,
  target: Target | null,
): Row {
  const rising = risesWell(column);
  const over = (sample: (curve: MemberCurve) => Sample) => {
    const whole = curves.length === line.members.length;
    return whole ? figureOf(curves.map(({ curve }) => sample(curve))) : NOTHING;
  };
  const finals = curves.every(alive)
    ? over((curve) => sampleAt(curve, curve.steps.length - 1))
    : NOTHING;
  const bests = over((curve) => ({ ...single(bestOf(curve, rising)) }));
  const ats = curves.every(alive) ? over((curve) => sampleOn(curve, common)) : NOTHING;
  const hits = target?.column === column ? reachedBy(curves, target.value, rising) : null;
  return {
    line,
    state: stateOf(line.members),
    steps: Math.max(0, ...line.members.map((member) => member.run.step)),
    final: finals,
    best: bests,
    at: { ...ats, about: curves.some(({ curve }) => !curve.x.includes(common)) },
    reached: hits?.figure ?? NOTHING,
    reachedBy: hits?.by ?? [0, 0],
  };
}

const single = (mean: number): Sample => ({ n: 1, mean, sd: 0 });

function figureOf(samples: readonly Sample[]): Figure {
  if (samples.length === 0) return NOTHING;
  const sample = pooled(samples);
  return { value: sample.mean, half: half(sample), about: false };
}

function bestOf(curve: MemberCurve, rising: boolean): number {
  const { buckets } = curve.recorded;
  if (buckets === null) return best(curve.mean, rising);
  return best(rising ? buckets.max : buckets.min, rising);
}

function sampleOn(curve: MemberCurve, place: number): Sample {
  const sd = curve.sd ? valueOn(curve.x, curve.sd, place) : 0;
  return { n: curve.n, mean: valueOn(curve.x, curve.mean, place), sd };
}

function reachedBy(
  curves: readonly { curve: MemberCurve }[],
  target: number,
  rising: boolean,
): { figure: Figure; by: [number, number] } {
  const places = curves.flatMap(({ curve }) => {
    const { buckets } = curve.recorded;
    const values = buckets === null ? curve.mean : rising ? buckets.max : buckets.min;
    const row = firstReached(values, target, rising);
    return row < 0 ? [] : [curve.x[row] as number];
  });
  const about = curves.some(({ curve }) => curve.recorded.buckets !== null);
  return { figure: { ...figureOf(places.map(single)), about }, by: [places.length, curves.length] };
}

/** What to know of a line's runs: those that diverged, failed or still train are named. */
export function stateOf(members: readonly Member[]): string {
  const states = members.map(({ run, experiment }) => {
    if (run.diverged_step !== null) return `diverged at ${run.diverged_step}`;
    const ended = ["cancelled", "failed"].includes(experiment.state);
    if (ended && run.step < experiment.steps) {
      return experiment.state === "failed" ? "failed" : "stopped early";
    }
    if (run.state === "removed") return "removed";
    return run.step >= experiment.steps ? "finished" : experiment.state;
  });
  const kinds = [...new Set(states)];
  if (kinds.length === 1) return kinds[0] ?? "";
  return kinds
    .map((kind) => `${states.filter((state) => state === kind).length} ${kind}`)
    .join(", ");
}

export type SortKey = "name" | "seeds" | "steps" | "final" | "best" | "at" | "reached";

/** Rows in the order of one column; those without a value come last, either way. */
export function sortedRows(rows: readonly Row[], key: SortKey, descending: boolean): Row[] {
  const value = (row: Row): number | string => {
    if (key === "name") return row.line.name;
    if (key === "seeds") return row.line.seeds;
    return key === "steps" ? row.steps : row[key].value;
  };
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (typeof x === "string" || typeof y === "string") {
      return sign * String(x).localeCompare(String(y), "en", { numeric: true });
    }
    if (Number.isNaN(x) || Number.isNaN(y))
      return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return sign * (x - y);
  });
}

const HEAD = [
  "line",
  "runs",
  "seeds",
  "state",
  "last_step",
  "column",
  "axis",
  "final",
  "final_half_interval",
  "best",
  "best_half_interval",
  "common_end",
  "at_common_end",
  "at_common_end_half_interval",
  "target",
  "target_reached_at",
  "target_reached_by",
  "target_reached_of",
];

/** The rows as they are shown, every number with all its digits; empty where there is none. */
export function csvOf(
  { column, common }: Pick<Table, "column" | "common">,
  rows: readonly Row[],
  axis: Axis,
  target: Target | null,
): string {
  const number = (value: number): string => (Number.isNaN(value) ? "" : String(value));
  const asked = target?.column === column ? target.value : Number.NaN;
  const lines = rows.map(({ line, ...row }) => [
    line.name,
    line.members.map((member) => member.key).join(" "),
    String(line.seeds),
    row.state,
    String(row.steps),
    column,
    axis,
    number(row.final.value),
    number(row.final.half),
    number(row.best.value),
    number(row.best.half),
    number(common),
    number(row.at.value),
    number(row.at.half),
    number(asked),
    number(row.reached.value),
    Number.isNaN(asked) ? "" : String(row.reachedBy[0]),
    Number.isNaN(asked) ? "" : String(row.reachedBy[1]),
  ]);
  return [HEAD, ...lines]
    .map((line) => line.map(csvField).join(","))
    .join("\r\n")
    .concat("\r\n");
}
