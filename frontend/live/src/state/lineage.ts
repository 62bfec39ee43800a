import type { ChangeInfo, ControlOut, Run } from "../protocol.ts";
import { withSetting } from "./run_settings.ts";

/** What is to be known of a run to tell whose steps it has. */
export type Kin = Pick<Run, "id" | "parent" | "fork_step">;

/** A run's way back: itself, then each ancestor with the last step that it shares with it. */
export function ancestry(runs: readonly Kin[], run: Kin): Map<string, number> {
  const way = new Map<string, number>();
  let until = Number.POSITIVE_INFINITY;
  let now: Kin | undefined = run;
  while (now && !way.has(now.id)) {
    way.set(now.id, until);
    until = Math.min(until, now.fork_step);
    const { parent } = now as Kin;
    now = parent ? runs.find((other) => other.id === parent) : undefined;
  }
  return way;
}

/** The last step that two runs have in common; 0 where they share none. */
export function sharedSteps(runs: readonly Kin[], a: Kin, b: Kin): number {
  const other = ancestry(runs, b);
  let shared = 0;
  for (const [id, until] of ancestry(runs, a)) {
    shared = Math.max(shared, Math.min(until, other.get(id) ?? 0));
  }
  return shared;
}

/**
 * The step from which each of `shown` draws its own line: what it shares with one before it in the
 * list is drawn once, by that one. So a past whose run was removed is still there, once.
 */
export function drawnFrom(runs: readonly Kin[], shown: readonly Kin[]): Map<string, number> {
  const from = new Map<string, number>();
  shown.forEach((run, i) => {
    const before = shown.slice(0, i).map((other) => sharedSteps(runs, run, other));
    from.set(run.id, Math.max(0, ...before));
  });
  return from;
}

/** The run that made a step of `run`'s past: itself, or an ancestor. */
export function makerOf<T extends Kin>(runs: readonly T[], run: T, step: number): T {
  let now = run;
  for (let i = 0; i < runs.length && now.parent && step < now.fork_step; i++) {
    const parent = runs.find((other) => other.id === now.parent);
    if (!parent) break;
    now = parent;
  }
  return now;
}

/** Forks right after the run they come from, the others as they are. */
export function besideParents<T extends Kin>(runs: readonly T[]): T[] {
  const known = new Set(runs.map((run) => run.id));
  const of = (parent: string): T[] =>
    runs
      .filter((run) => (known.has(run.parent) ? run.parent : "") === parent)
      .flatMap((run) => [run, ...of(run.id)]);
  return of("");
}

/** A run with the settings that it had for its first `step` steps: what was set later is undone. */
export function settingsAt(run: Run, controls: readonly ControlOut[], step: number): Run {
  const later = controls
    .filter((control) => control.kind === "set")
    .flatMap((control) => control.changes)
    .filter((change) => change.run === run.id && change.step > step);
  // Of several changes of one setting the earliest knows what was there before.
  return later
    .reverse()
    .reduce((now, { setting, old }) => (old === null ? now : withSetting(now, setting, old)), run);
}

/** What a fork differs in from its parent where it leaves it, as changes. */
function turn(runs: readonly Run[], fork: Run, controls: readonly ControlOut[]): ChangeInfo[] {
  const parent = runs.find((run) => run.id === fork.parent);
  if (!parent) return [];
  const { fork_step } = fork;
  const before = settingsAt(makerOf(runs, parent, fork_step), controls, fork_step);
  const after = settingsAt(fork, controls, fork_step);
  if (JSON.stringify(partsOf(before)) === JSON.stringify(partsOf(after))) return [];
  return [{ run: fork.id, setting: "run", old: null, new: null, step: fork_step + 1 }];
}

function partsOf(run: Run): unknown[] {
  const sorted = (values: Record<string, unknown>) => Object.entries(values).sort();
  const named = [run.settings, run.policy_settings, run.schedule_settings].map(sorted);
  return [run.drop_rate, run.policy, run.rescale, run.schedule, named];
}

/** Every change of settings in the past of one of `shown`, those that made it a fork included. */
export function changesOf(
  runs: readonly Run[],
  shown: readonly Run[],
  controls: readonly ControlOut[],
): ChangeInfo[] {
  const until = new Map<string, number>();
  for (const run of shown) {
    for (const [id, step] of ancestry(runs, run)) {
      until.set(id, Math.max(until.get(id) ?? 0, step));
    }
  }
  const sets = controls.filter((control) => control.kind === "set");
  const turns = runs.filter((run) => run.parent).flatMap((run) => turn(runs, run, controls));
  return [...sets.flatMap((control) => control.changes), ...turns].filter(
    (change) => change.run !== null && change.step <= (until.get(change.run) ?? 0),
  );
}
