/** Which runs differ only in their seed, and what every line is called beside the others. */

import type { ChangeInfo, Experiment, ProblemInfo, Run, Value } from "../../protocol.ts";
import { type Menus, shortName } from "../names.ts";
import { SEEDS_FOR_INTERVAL } from "./statistics.ts";

/** A chosen run with all that is known of it. */
export interface Member {
  /** Its name among all experiments: EXPERIMENT.RUN. */
  key: string;
  slot: number;
  experiment: Experiment;
  run: Run;
  /** What was changed in its past, by step. */
  changes: readonly ChangeInfo[];
}

/** What is drawn as one line: one run, or runs that differ only in their seed. */
export interface Line {
  id: string;
  slot: number;
  name: string;
  /** Seeds that its values are a mean of. */
  seeds: number;
  members: readonly Member[];
  /** Runs of a seed that another member has, too: they are not counted again. */
  repeated: readonly Member[];
}

/** The seeds of a run's copies. */
export function seedsOf({ experiment }: Pick<Member, "experiment">): number[] {
  return Array.from({ length: experiment.seeds }, (_, i) => experiment.seed + i);
}

/** Equal for runs that differ only in their seed. */
export function likeness({ experiment, run, changes }: Omit<Member, "key" | "slot">): string {
  const parent = experiment.runs.find((other) => other.id === run.parent);
  return JSON.stringify([
    experiment.problem,
    sorted(experiment.settings),
    run.label,
    run.optimizer,
    sorted(run.settings),
    run.drop_rate,
    run.policy,
    sorted(run.policy_settings),
    run.rescale,
    run.schedule,
    sorted(run.schedule_settings),
    changes.map(({ setting, old, new: next, step }) => [setting, old, next, step]),
    parent ? [run.fork_step, likeness({ experiment, run: parent, changes: [] })] : null,
  ]);
}

function sorted(values: Record<string, Value>): [string, Value][] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The runs of every likeness, in the order they were chosen. */
export function alike(members: readonly Member[]): Member[][] {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    const key = likeness(member);
    groups.set(key, [...(groups.get(key) ?? []), member]);
  }
  return [...groups.values()];
}

/** Those that have seeds of their own, most copies first, and those whose seed is there already. */
export function apart(members: readonly Member[]): { own: Member[]; repeated: Member[] } {
  const [own, repeated]: [Member[], Member[]] = [[], []];
  const taken = new Set<number>();
  const order = [...members].sort(
    (a, b) => b.experiment.seeds - a.experiment.seeds || b.run.step - a.run.step,
  );
  for (const member of order) {
    const seeds = seedsOf(member);
    if (seeds.some((seed) => taken.has(seed))) repeated.push(member);
    else {
      own.push(member);
      for (const seed of seeds) taken.add(seed);
    }
  }
  own.sort((a, b) => members.indexOf(a) - members.indexOf(b));
  return { own, repeated };
}

/** One line for runs alike that have seeds enough for an interval, else one for every run. */
export function linesOf(
  members: readonly Member[],
  grouped: boolean,
  menus: Menus,
  problems: readonly ProblemInfo[],
): Line[] {
  const names = namesOf(members, menus, problems);
  const single = (member: Member): Line => ({
    id: member.key,
    slot: member.slot,
    name: names.of([member]),
    seeds: member.experiment.seeds,
    members: [member],
    repeated: [],
  });
  if (!grouped) return told(members.map(single));
  const lines = alike(members).flatMap((group) => {
    const { own, repeated } = apart(group);
    const seeds = own.reduce((sum, member) => sum + member.experiment.seeds, 0);
    const [first] = group;
    if (!first || group.length < 2 || seeds < SEEDS_FOR_INTERVAL) return group.map(single);
    const name = names.of(group);
    return [{ id: first.key, slot: first.slot, name, seeds, members: own, repeated }];
  });
  return told(lines);
}

/** What was trained twice with the same of everything is told by where it is kept. */
function told(lines: readonly Line[]): Line[] {
  return lines.map((line) => {
    const twins = lines.filter((other) => other.name === line.name);
    const [first] = line.members;
    if (twins.length < 2 || !first) return line;
    const place = `${first.experiment.id.slice(0, 4)} ${first.run.id}`;
    return { ...line, name: `${line.name} (${place})` };
  });
}

interface Names {
  of(members: readonly Member[]): string;
}

/** Facts that differ or not whatever the optimizer. */
const OF_ALL = /^(problem\.|schedule|changed|fork)/;

/**
 * A short name, the problem where there are several, every setting in which runs of the same problem
 * and optimizer differ, and the seed where nothing else tells runs apart.
 */
function namesOf(
  members: readonly Member[],
  menus: Menus,
  problems: readonly ProblemInfo[],
): Names {
  const known = members.map((member) => {
    const name = shortName(bare(member.run), [], menus);
    return { member, name, facts: factsOf(member, problems) };
  });
  type Known = (typeof known)[number];
  const words = (one: Known): string[] => {
    const { experiment, run } = one.member;
    const beside = known.filter((other) => other.member.experiment.problem === experiment.problem);
    const ofOptimizer = beside.filter((other) => other.member.run.optimizer === run.optimizer);
    const told = [...one.facts].filter(([fact]) => {
      // A learning rate means another thing to another optimizer.
      const among = fact === "problem" ? known : OF_ALL.test(fact) ? beside : ofOptimizer;
      const values = among.map((other) => other.facts.get(fact));
      return new Set(values.filter((value) => value !== undefined)).size > 1;
    });
    return [one.name, ...told.map(([, word]) => word)].filter(Boolean);
  };
  const without = new Map(known.map((one) => [one.member.key, words(one).join(", ")]));
  return {
    of(line) {
      const [first] = line;
      if (!first) return "";
      const name = without.get(first.key) ?? "";
      const same = [...without.values()].filter((other) => other === name).length;
      return same > line.length ? `${name}, ${seedWords(first)}` : name;
    },
  };
}

/** A fork is told by a fact of its own. */
const bare = (run: Run): Run => ({ ...run, parent: "" });

function factsOf(
  { experiment, run, changes }: Member,
  problems: readonly ProblemInfo[],
): Map<string, string> {
  const facts = new Map<string, string>();
  const problem = problems.find((one) => one.name === experiment.problem);
  facts.set("problem", problem?.label ?? experiment.problem);
  for (const [name, value] of sorted(run.settings)) facts.set(name, `${name} ${word(value)}`);
  for (const [name, value] of sorted(run.policy_settings)) {
    facts.set(`policy.${name}`, `${name} ${word(value)}`);
  }
  const schedule = run.schedule === "constant" ? "constant lr" : `${run.schedule} schedule`;
  facts.set("schedule", schedule);
  for (const [name, value] of sorted(run.schedule_settings)) {
    facts.set(`schedule.${name}`, `${name} ${word(value)}`);
  }
  for (const [name, value] of sorted(experiment.settings)) {
    const label = problem?.settings.find((one) => one.name === name)?.label ?? name;
    facts.set(`problem.${name}`, `${label} ${word(value)}`);
  }
  const [change] = changes;
  facts.set("changed", change ? `changed at step ${change.step}` : "");
  facts.set("fork", run.parent ? `from step ${run.fork_step}` : "");
  return facts;
}

function seedWords({ experiment: { seed, seeds } }: Member): string {
  return seeds === 1 ? `seed ${seed}` : `seeds ${seed} to ${seed + seeds - 1}`;
}

function word(value: Value): string {
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);
}
