/** Curves as they are drawn and counted: laid along the axis, smoothed, with means and differences. */

import type { Column } from "../../charts/types.ts";
import type { ProblemInfo } from "../../protocol.ts";
import type { Axis } from "./choice.ts";
import type { Line, Member } from "./facts.ts";
import { firstRows, type Recorded, type Source } from "./source.ts";
import {
  type Banded,
  banded,
  type Curve,
  meanCurve,
  minus,
  minusUnpaired,
  smoothed,
  valueOn,
} from "./statistics.ts";

/** Rows of a task's train loss that the drawn line is a mean of: single batches scatter. */
export const LOSS_WINDOW = 20;
/** Rows of a surface's kept share that its line is a mean of: it has two coordinates. */
export const KEPT_WINDOW = 40;

/** A run's curve, and what the single rows under it are. */
export interface MemberCurve extends Curve {
  /** Rows as they came, where the curve is smoothed. */
  raw: Float64Array | null;
  /** What was recorded; `buckets` is null if every row is there. */
  recorded: Recorded;
}

/** Rows that a column's curve is a mean of. */
export function windowOf(column: string, member: Member): number {
  const { kind } = member.experiment;
  if (column === "loss" && kind === "task") return LOSS_WINDOW;
  return column === "keep_rate" && kind === "surface" ? KEPT_WINDOW : 1;
}

/** Steps of an epoch; 0 if there is none, or it is not known. */
export function stepsPerEpoch(member: Member, problems: readonly ProblemInfo[]): number {
  const { experiment } = member;
  const examples = problems.find((one) => one.name === experiment.problem)?.examples ?? 0;
  const batch = Number(experiment.settings.batch ?? 1);
  return Math.floor(examples / batch);
}

/** Where steps lie on an axis; null if this run has no such axis. */
export function placesOf(
  axis: Axis,
  steps: Float64Array,
  member: Member,
  source: Source,
  problems: readonly ProblemInfo[],
): Float64Array | null {
  if (axis === "step") return steps;
  if (axis === "epoch") {
    const each = stepsPerEpoch(member, problems);
    return each > 0 ? steps.map((step) => step / each) : null;
  }
  const sums = axis === "time" ? source.times : source.effective;
  return sums && steps.map((step) => valueOn(sums.steps, sums.values, step));
}

/** One run's curve; undefined if it has not measured the column, null if it has no such axis. */
export function memberCurve(
  member: Member,
  source: Source,
  column: string,
  axis: Axis,
  problems: readonly ProblemInfo[],
): MemberCurve | null | undefined {
  const copies = member.experiment.seeds;
  const spread = copies > 1 ? source.columns.get(`${column}/sd`) : undefined;
  const whole = spread ? source.columns.get(`${column}/mean`) : source.columns.get(column);
  if (!whole || whole.steps.length === 0) return undefined;
  const places = placesOf(axis, whole.steps, member, source, problems);
  if (places === null) return null;
  // The place of the newest steps may not be known yet.
  let rows = places.length;
  while (rows > 0 && !Number.isFinite(places[rows - 1] as number)) rows -= 1;
  if (rows === 0) return undefined;
  const [recorded, x] = [firstRows(whole, rows), places.slice(0, rows)];
  const window = recorded.buckets === null ? windowOf(column, member) : 1;
  return {
    n: spread ? copies : 1,
    steps: recorded.steps,
    x,
    mean: smoothed(recorded.values, window),
    // The deviation of a mean over rows is at most the mean of their deviations.
    sd: spread ? smoothed(spread.values.slice(0, rows), window) : null,
    raw: window > 1 && !spread ? recorded.values : null,
    recorded,
  };
}

/** The mean of a line's runs with its interval, or the one run it is. */
export function lineCurve(curves: readonly MemberCurve[]): Banded | null {
  const [first] = curves;
  if (!first) return null;
  return curves.length === 1 ? banded(first) : meanCurve(curves);
}

/** How a difference was made. */
export interface Difference extends Banded {
  how: string;
}

type CurveOf = (member: Member) => MemberCurve | null | undefined;

/** A line minus the baseline's runs: seed by seed where both have the seed, else mean minus mean. */
export function difference(
  line: Line,
  baseline: readonly Member[],
  curveOf: CurveOf,
): Difference | null {
  const found = (member: Member) => curveOf(member) ?? null;
  const pairs = line.members.flatMap((member) => {
    if (member.experiment.seeds > 1) return [];
    const partner = baseline.find(
      (other) => other.experiment.seeds === 1 && other.experiment.seed === member.experiment.seed,
    );
    const [a, b] = [found(member), partner ? found(partner) : null];
    return a && b ? [minus(a, b)] : [];
  });
  const whole = pairs.length === line.members.length;
  if (whole && pairs.length === 1) {
    return {
      ...banded(pairs[0] as Curve),
      how: `seed ${line.members[0]?.experiment.seed} of both`,
    };
  }
  if (pairs.length >= 3) {
    const mean = meanCurve(pairs);
    const left = line.members.length - pairs.length;
    const rest = left > 0 ? `, ${left} without a partner left out` : "";
    return { ...mean, how: `paired by seed, ${pairs.length} seeds${rest}` };
  }
  const there = (members: readonly Member[]) => members.flatMap((m) => found(m) ?? []);
  const a = lineCurve(there(line.members));
  const b = lineCurve(there(baseline));
  if (!a || !b) return null;
  const result = minusUnpaired(a, b);
  const counts = `${a.n} against ${b.n} ${b.n === 1 ? "seed" : "seeds"}, not paired`;
  const without = result.half.some(Number.isFinite) ? "" : ", no interval below 3";
  return { ...result, how: counts + without };
}

/** Points of a line; of buckets the lowest and the highest are drawn as well. */
export function pointsOf(curve: MemberCurve): Column {
  const { buckets, steps } = curve.recorded;
  if (buckets === null || curve.n > 1) return asColumn(curve.x, curve.mean);
  const x = new Float64Array(3 * steps.length);
  const values = new Float64Array(3 * steps.length);
  steps.forEach((_, i) => {
    const to = curve.x[i] as number;
    const before = i > 0 ? (curve.x[i - 1] as number) : to;
    x.set([before + (to - before) / 3, before + (2 * (to - before)) / 3, to], 3 * i);
    const [min, max] = [buckets.min[i] as number, buckets.max[i] as number];
    values.set([min, max, curve.mean[i] as number], 3 * i);
  });
  return asColumn(x, values);
}

export function asColumn(x: Float64Array, values: Float64Array): Column {
  return { n: x.length, steps: x, values };
}
