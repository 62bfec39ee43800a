import { formatPercent, formatSigned, formatStep } from "../look/format.ts";
import type { Run } from "../protocol.ts";
import { fairOf, plainOf } from "./fair.ts";
import { baseName, type Menus, rate } from "./names.ts";
import { halfInterval } from "./student.ts";
import { NO_MINIMUM, type Swarm, type SwarmPicture } from "./swarm.ts";
import type { Verdict } from "./verdict_surface.ts";

/** What a run's starts did otherwise than those of another run. */
export interface Difference {
  /** Median steps, this run's less the other's; null where one has none. */
  steps: number | null;
  /** Share of all starts that reached a minimum, this run's less the other's. */
  reached: number;
  /** Of the starts that reached a minimum with both: the share that reached another one. */
  moved: number;
}

/** A run against the one with nothing dropped, and against the one with the same mean step. */
export interface Comparison {
  plain: Difference | null;
  fair: Difference | null;
}

/** When a start counts as having reached a minimum. */
const REACHED = "Reached: within 2 % of the view's shorter side.";

/** Comparisons by run, one map a mask seed. */
export type Sample = ReadonlyMap<string, Comparison>[];

export function differenceOf(a: SwarmPicture, b: SwarmPicture): Difference {
  let both = 0;
  let moved = 0;
  for (let i = 0; i < a.which.length; i++) {
    if (a.which[i] === NO_MINIMUM || b.which[i] === NO_MINIMUM) continue;
    both += 1;
    if (a.which[i] !== b.which[i]) moved += 1;
  }
  return {
    steps: a.median === null || b.median === null ? null : a.median - b.median,
    reached: a.reached - b.reached,
    moved: both === 0 ? 0 : moved / both,
  };
}

/** Every run that drops against its baselines among `runs` (one picture each, in order). */
export function comparisonsOf(swarm: Swarm, runs: Run[], menus: Menus): Map<string, Comparison> {
  const picture = (run: Run | undefined) => (run ? swarm.pictures[runs.indexOf(run)] : undefined);
  const against = (mine: SwarmPicture, other: Run | undefined) => {
    const theirs = picture(other);
    return theirs ? differenceOf(mine, theirs) : null;
  };
  const all = new Map<string, Comparison>();
  for (const run of runs) {
    const mine = picture(run);
    if (run.drop_rate === 0 || !mine) continue;
    const plain = plainOf(run, runs);
    const fair = fairOf(run, runs, menus);
    all.set(run.id, {
      plain: against(mine, plain),
      fair: fair === plain ? null : against(mine, fair),
    });
  }
  return all;
}

/** The run that the sentence is about: the chosen one, else the first that drops and has a baseline. */
export function subjectOf(runs: Run[], selected: string | null): Run | undefined {
  const dropping = runs.filter((run) => run.drop_rate > 0);
  return (
    dropping.find((run) => run.id === selected) ??
    dropping.find((run) => plainOf(run, runs)) ??
    dropping[0]
  );
}

/** What dropping does to the basins, and how sure the mask seeds of `sample` make us. */
export function basinVerdict(
  subject: Run | undefined,
  swarm: Swarm,
  sample: Sample,
  menus: Menus,
): Verdict {
  const starts = `${formatStep(swarm.n ** 2)} starts${swarm.masks === "shared" ? " under the same masks" : ""}`;
  const seeds = sample.length === 1 ? "one mask seed" : `${sample.length} mask seeds`;
  const basis = `${starts}, ${seeds}`;
  if (!subject) {
    return { text: "No run drops anything: move a slider.", sure: `${basis}. ${REACHED}` };
  }
  const mine = sample.map((one) => one.get(subject.id));
  const plain = mine.flatMap((one) => one?.plain ?? []);
  const fair = mine.flatMap((one) => one?.fair ?? []);
  const name = baseName(subject, menus.optimizers);
  const who = `Drop rate ${rate(subject.drop_rate)}`;
  if (plain.length === 0) {
    const text = `${who} has no baseline here: add ${name} at the same settings, nothing dropped.`;
    return { text, sure: `${basis}. ${REACHED}` };
  }
  const parts = [cost(meanOf(plain, "steps"), name), reach(meanOf(plain, "reached"))];
  const moved = meanOf(plain, "moved") ?? 0;
  if (swarm.minima.length > 1) {
    parts.push(
      moved < 0.0005
        ? "sends none to another minimum"
        : `sends ${formatPercent(moved)} of the starts to another minimum`,
    );
  }
  const text = `${who} ${listed(parts)}.`;
  const sure = [`${basis}${plain.length > 1 ? ", 95 % intervals" : ""}.`];
  if (plain.length > 1) sure.push(`Against nothing dropped: ${measured(plain)}.`);
  if (fair.length > 0) {
    sure.push(`Against ${name} at lr × ${rate(1 - subject.drop_rate)}: ${measured(fair)}.`);
  }
  sure.push(REACHED);
  return { text, sure: sure.join(" ") };
}

function cost(steps: number | null, name: string): string {
  if (steps === null) return `leaves ${name} without a median to compare`;
  const whole = Math.round(steps);
  if (whole === 0) return `costs ${name} no step at the median`;
  const count = `${formatStep(Math.abs(whole))} ${Math.abs(whole) === 1 ? "step" : "steps"}`;
  return whole > 0
    ? `costs ${name} ${count.replace(" step", " more step")} at the median`
    : `saves ${name} ${count} at the median`;
}

function reach(share: number | null): string {
  const points = Math.abs((share ?? 0) * 100);
  if (points < 0.05) return "reaches a minimum from as many starts";
  const word = (share ?? 0) < 0 ? "fewer" : "more";
  return `reaches a minimum from ${points.toFixed(1)} points ${word} starts`;
}

/** Differences in numbers, each with its interval where there are several. */
function measured(differences: Difference[]): string {
  const steps = differences.flatMap((one) => one.steps ?? []);
  const parts = steps.length === differences.length ? [`${interval(steps, 1)} steps`] : [];
  const points = differences.map((one) => one.reached * 100);
  parts.push(`${interval(points, 1)} points`);
  return parts.join(", ");
}

function interval(values: number[], digits: number): string {
  const mean = average(values);
  if (values.length === 1) return formatSigned(mean, digits);
  const half = halfWidth(values);
  const [low, high] = [mean - half, mean + half].map((end) => formatSigned(end, digits));
  return `${formatSigned(mean, digits)} [${low}, ${high}]`;
}

/** Half the width of Student's 95 % interval of the mean. */
export function halfWidth(values: number[]): number {
  const mean = average(values);
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const { length } = values;
  return halfInterval(length) * Math.sqrt(square / (length - 1));
}

function meanOf(differences: Difference[], key: keyof Difference): number | null {
  const values = differences.map((one) => one[key]);
  return values.includes(null) ? null : average(values as number[]);
}

const average = (values: number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function listed(parts: string[]): string {
  return `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
}
