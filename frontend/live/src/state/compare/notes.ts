/** What a person has to know before believing the picture, in sentences. */

import { formatStep } from "../../look/format.ts";
import type { Compare } from "./compare.ts";
import { type Line, type Member, seedsOf } from "./facts.ts";
import { AXIS_LABELS, type Picture } from "./picture.ts";
import { SEEDS_FOR_INTERVAL } from "./statistics.ts";

export interface Note {
  text: string;
  /** It limits what may be compared. */
  warns: boolean;
}

const warn = (text: string): Note => ({ text, warns: true });
const tell = (text: string): Note => ({ text, warns: false });

export function notesOf(compare: Compare, picture: Picture): Note[] {
  const lines = compare.lines.value;
  return [
    ...problems(compare.members.value),
    ...scales(compare),
    ...lengths(lines),
    ...diverged(lines),
    ...withoutAxis(compare, picture),
    ...repeats(lines),
    ...few(compare),
    ...differences(compare, picture),
    ...means(lines),
    ...buckets(compare, picture),
  ];
}

function problems(members: readonly Member[]): Note[] {
  const found = new Set(members.map((member) => member.experiment.problem));
  if (found.size < 2) return [];
  return [warn("These are runs of different problems: their losses have no common scale.")];
}

/** A learning rate means another thing to every optimizer. */
function scales(compare: Compare): Note[] {
  const found = new Set(compare.members.value.map((member) => member.run.optimizer));
  if (compare.choice.value.axis !== "effective" || found.size < 2) return [];
  return [
    warn(
      "Learning rates of different optimizers, and so their effective steps, have no common scale.",
    ),
  ];
}

function lengths(lines: readonly Line[]): Note[] {
  const groups = new Map<number, string[]>();
  for (const line of lines) {
    for (const { run } of line.members) {
      if (run.diverged_step !== null) continue;
      const names = groups.get(run.step) ?? [];
      if (!names.includes(line.name)) names.push(line.name);
      groups.set(run.step, names);
    }
  }
  if (groups.size < 2) return [];
  const steps = [...groups.keys()].sort((a, b) => a - b);
  const words = steps.slice(0, 4).map((step) => {
    const names = groups.get(step) ?? [];
    const shown = names.length > 2 ? `${names.length} lines` : names.join(" and ");
    return `${shown} at ${formatStep(step)}`;
  });
  const more = steps.length > 4 ? ", and others" : "";
  return [
    warn(
      `Not equally long: ${words.join("; ")}${more}. The table's “at” compares at the last place that all reach.`,
    ),
  ];
}

function diverged(lines: readonly Line[]): Note[] {
  return lines.flatMap((line) => {
    const ended = line.members.filter(({ run }) => run.diverged_step !== null);
    if (ended.length === 0) return [];
    const at = Math.min(...ended.map(({ run }) => run.diverged_step as number));
    if (line.members.length === 1) {
      return [warn(`${line.name} diverged at step ${formatStep(at)}.`)];
    }
    return [
      warn(
        `${line.name}: ${ended.length} of ${line.members.length} runs diverged, the first at step ${formatStep(at)}; the mean ends there.`,
      ),
    ];
  });
}

function withoutAxis(compare: Compare, picture: Picture): Note[] {
  const { axis } = compare.choice.value;
  const without = compare.lines.value.filter((line) =>
    line.members.some((member) => picture.curveOf(member, "loss") === null),
  );
  if (axis === "step" || without.length === 0) return [];
  if (axis === "effective" || (axis === "time" && compare.loading)) {
    return [tell(`The ${AXIS_LABELS[axis]} is on its way.`)];
  }
  const names = without.map((line) => line.name).join(", ");
  return [warn(`Not drawn, since no ${AXIS_LABELS[axis]} is known: ${names}.`)];
}

function repeats(lines: readonly Line[]): Note[] {
  return lines.flatMap(({ name, repeated }) => {
    if (repeated.length === 0) return [];
    const seeds = [...new Set(repeated.flatMap(seedsOf))].sort((a, b) => a - b);
    const which = `${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}`;
    return [warn(`${name}: ${which} was trained more than once; each seed counts once.`)];
  });
}

/** Two seeds make no interval. */
function few(compare: Compare): Note[] {
  if (!compare.choice.value.grouped) return [];
  const twins = compare.lines.value.filter((line) => line.seeds === 2);
  return twins.map((line) =>
    tell(`${line.name}: a mean of 2 seeds; an interval needs ${SEEDS_FOR_INTERVAL}.`),
  );
}

function means(lines: readonly Line[]): Note[] {
  if (!lines.some((line) => line.seeds >= SEEDS_FOR_INTERVAL)) return [];
  return [
    tell(
      "A line of 3 seeds or more is their mean at equal steps, its band the mean’s 95 % interval by Student’s t.",
    ),
  ];
}

/** How every line's difference to the baseline was made, by the first column. */
function differences(compare: Compare, picture: Picture): Note[] {
  const [column = "loss"] = compare.columns.value;
  const made = compare.lines.value.flatMap((line) => {
    const found = picture.differenceOf(line, column);
    return found ? [`${line.name}: ${found.how}`] : [];
  });
  return made.length > 0 ? [tell(`Minus the baseline: ${made.join("; ")}.`)] : [];
}

function buckets(compare: Compare, picture: Picture): Note[] {
  const long = compare.lines.value.filter((line) =>
    picture.curvesOf(line, "loss").some(({ curve }) => curve.recorded.buckets !== null),
  );
  if (long.length === 0) return [];
  const names = long.map((line) => line.name).join(", ");
  return [
    tell(
      `Too many rows to draw each: ${names}. Single lines show the lowest and highest of every bucket; means take its last row.`,
    ),
  ];
}
