import type { Run, RunPatch } from "../protocol.ts";
import { control } from "./actions.ts";
import type { App } from "./app.ts";
import { makerOf, settingsAt } from "./lineage.ts";
import type { ControlMark } from "./marks.ts";
import type { Session } from "./session.ts";

/** The settings that a fork may begin with otherwise than its parent. */
export type ForkSpec = Pick<
  RunPatch,
  "drop_rate" | "settings" | "policy" | "policy_settings" | "schedule" | "schedule_settings"
>;

/** The last step that a fork of `run` can share with it: the one looked at, or its own last. */
export function forkStep(session: Session, run: string): number {
  return Math.min(session.shownStep, session.history.last(run));
}

/** The run that made `step` of `run`'s past, with its settings then. */
export function runAt(session: Session, run: Run, step: number): Run {
  const { runs } = session.experiment.peek();
  return settingsAt(makerOf(runs, run, step), session.controls.peek(), step);
}

/** What of `wanted` differs from what the run had then. */
export function differing(before: Run, wanted: ForkSpec): ForkSpec {
  const other = wanted.policy !== undefined && wanted.policy !== before.policy;
  const { drop_rate, policy } = wanted;
  const changed = (now: RunPatch["settings"], then: Run["settings"]) =>
    Object.fromEntries(Object.entries(now ?? {}).filter(([name, value]) => value !== then[name]));
  const settings = changed(wanted.settings, before.settings);
  const policySettings = other
    ? (wanted.policy_settings ?? {})
    : changed(wanted.policy_settings, before.policy_settings);
  const rescheduled = wanted.schedule !== undefined && wanted.schedule !== before.schedule;
  const scheduleSettings = rescheduled
    ? (wanted.schedule_settings ?? {})
    : changed(wanted.schedule_settings, before.schedule_settings);
  return {
    ...(drop_rate !== undefined && drop_rate !== before.drop_rate && { drop_rate }),
    ...(Object.keys(settings).length > 0 && { settings }),
    ...(other && { policy }),
    ...(Object.keys(policySettings).length > 0 && { policy_settings: policySettings }),
    ...(rescheduled && { schedule: wanted.schedule }),
    ...(Object.keys(scheduleSettings).length > 0 && { schedule_settings: scheduleSettings }),
  };
}

/**
 * A new run that shares the first `step` steps with `run` and goes on with what differs; gives its
 * id. Rejects with the server's reason.
 */
export async function fork(
  app: App,
  session: Session,
  run: Run,
  step: number,
  wanted: ForkSpec = {},
): Promise<string> {
  const parent = runAt(session, run, step);
  const applied = await control(app, session, {
    kind: "fork",
    run: parent.id,
    value: step,
    spec: differing(parent, wanted),
  });
  return applied.run ?? "";
}

/** Forks, then shows the new run as it catches up. */
export async function forkAndShow(
  app: App,
  session: Session,
  run: Run,
  step: number,
  wanted: ForkSpec,
): Promise<void> {
  const made = await fork(app, session, run, step, wanted);
  session.cursor.value = null;
  if (made) session.selected.value = made;
}

/** By run the last step before a mark's change. */
export function stepsBefore(mark: ControlMark): Map<string, number> {
  const before = new Map<string, number>();
  for (const { run, step } of mark.changes) {
    if (run !== null) before.set(run, Math.min(before.get(run) ?? Infinity, step - 1));
  }
  return before;
}

/**
 * Undoes a change: each run that it changed goes on from before it as a fork, and the changed run
 * is removed; both can be taken back.
 */
export function goBack(app: App, session: Session, mark: ControlMark): void {
  app.attempt(async () => {
    const changed = [...stepsBefore(mark)].flatMap(([id, step]) => {
      const run = session.runs.peek().find((one) => one.id === id);
      return run ? [{ run, step }] : [];
    });
    const full = isFull(app, session);
    const replaced: { old: string; fresh: string }[] = [];
    for (const { run, step } of changed) {
      const bring = () => fork(app, session, run, step);
      replaced.push({ old: run.id, fresh: await replace(app, session, run.id, bring, full) });
    }
    const last = replaced[replaced.length - 1];
    if (!last) return;
    session.cursor.value = null;
    session.selected.value = last.fresh;
    app.tell({
      text: `Back before “${mark.text}”: the changed ${replaced.length > 1 ? "runs were" : "run was"} removed.`,
      action: {
        label: "Undo",
        testId: "undo",
        run: () => {
          app.toast.value = null;
          app.attempt(() => takeBack(app, session, replaced));
        },
      },
    });
  });
}

async function takeBack(
  app: App,
  session: Session,
  replaced: { old: string; fresh: string }[],
): Promise<void> {
  const full = isFull(app, session);
  for (const { old, fresh } of replaced) {
    await replace(app, session, fresh, () => restore(app, session, old), full);
  }
  session.selected.value = replaced[replaced.length - 1]?.old ?? null;
}

/** Whether no run more fits. Asked before several are replaced: the count lags behind answers. */
function isFull(app: App, session: Session): boolean {
  return session.runs.peek().length >= (app.catalogue.peek()?.max_runs ?? 16);
}

/**
 * Brings a run and removes another; gives the new one's id. An experiment keeps at least one run,
 * so the new one comes first; where all places are taken the old one has to leave before, and
 * comes back if nothing could take its place.
 */
async function replace(
  app: App,
  session: Session,
  old: string,
  bring: () => Promise<string>,
  full: boolean,
): Promise<string> {
  const remove = () => control(app, session, { kind: "remove_run", run: old });
  if (!full) {
    const fresh = await bring();
    await remove();
    return fresh;
  }
  await remove();
  try {
    return await bring();
  } catch (error) {
    await restore(app, session, old);
    throw error;
  }
}

async function restore(app: App, session: Session, run: string): Promise<string> {
  await control(app, session, { kind: "restore_run", run });
  return run;
}
