import type { Column } from "../charts/types.ts";
import { formatStep } from "../look/format.ts";
import { rate } from "./names.ts";

/** A run counts as arrived once its loss is this close to the surface's minimum. */
export const REACHED = 1e-3;

/** A sentence and how sure it is. */
export interface Verdict {
  text: string;
  sure: string;
}

/** A run as the verdict sees it. */
export interface Arrival {
  name: string;
  dropRate: number;
  /** First step with loss − minimum < `REACHED`, or null. */
  reached: number | null;
  diverged: number | null;
}

/** First step at which a loss column comes within `REACHED` of `minimum`, looked for from row `from`. */
export function firstReached(column: Column, minimum: number, from = 0): number | null {
  for (let i = from; i < column.n; i++) {
    if ((column.values[i] as number) - minimum < REACHED) return column.steps[i] as number;
  }
  return null;
}

/** Who reached the minimum by `step`, and how sure one start makes us. */
export function surfaceVerdict(runs: Arrival[], step: number): Verdict {
  const sure = "One start, one seed: an anecdote. Reached means f within 1e−3 of its minimum.";
  if (step < 1 || runs.length === 0) return { text: "No step has been taken yet.", sure };
  const names = distinct(runs);
  const arrived = runs
    .map((run, i) => ({ name: names[i] as string, at: run.reached }))
    .filter((run): run is { name: string; at: number } => run.at !== null && run.at <= step)
    .sort((a, b) => a.at - b.at);
  const lost = runs.filter((run) => run.diverged !== null && run.diverged <= step);
  const missing = runs.filter(
    (run) => !(run.reached !== null && run.reached <= step) && !lost.includes(run),
  );
  const parts = [arrivals(arrived, runs.length)];
  if (missing.length > 0 && arrived.length > 0) {
    const who = missing.map((run) => names[runs.indexOf(run)] as string);
    parts.push(`${listed(who)} not within ${formatStep(step)}`);
  }
  if (arrived.length === 0) parts[0] = `No run reached the minimum within ${steps(step)}`;
  if (lost.length > 0) {
    const who = lost.map((run) => names[runs.indexOf(run)] as string);
    parts.push(`${listed(who)} diverged`);
  }
  return { text: `${parts.join("; ")}.`, sure };
}

/** Of a surface that is lower at its border than anywhere else: there is nothing to reach. */
export function openVerdict(step: number): Verdict {
  return {
    text: "f has no lowest point in the drawn part, so no run can reach it.",
    sure: step < 1 ? "No step has been taken yet." : "The loss tells how far down a run has come.",
  };
}

function arrivals(arrived: { name: string; at: number }[], total: number): string {
  const [first, ...rest] = arrived;
  if (!first) return "";
  const head = `${first.name} reached the minimum after ${steps(first.at)}`;
  if (arrived.length > 3) {
    return `${arrived.length} of ${total} runs reached the minimum, ${first.name} first, after ${steps(first.at)}`;
  }
  return [head, ...rest.map((run) => `${run.name} after ${formatStep(run.at)}`)].join(", ");
}

/** Names that differ: where two runs have the same, the drop rate is added. */
export function distinct(runs: { name: string; dropRate: number }[]): string[] {
  return runs.map((run) => {
    const twins = runs.filter((other) => other.name === run.name);
    return twins.length > 1 ? `${run.name} at ${rate(run.dropRate)}` : run.name;
  });
}

function listed(names: string[]): string {
  if (names.length > 3) return `${names.length} runs`;
  return names.length < 2
    ? (names[0] ?? "")
    : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

function steps(count: number): string {
  return count === 1 ? "1 step" : `${formatStep(count)} steps`;
}
