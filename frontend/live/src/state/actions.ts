import type { ControlIn, ControlOut, Experiment, ProblemInfo, RunIn, Value } from "../protocol.ts";
import { again, type Differences, elsewhere } from "./again.ts";
import type { App } from "./app.ts";
import type { Session } from "./session.ts";

/** Steps by which a finished experiment goes on. */
export const EXTENSION = 900;

/** Sends a control and takes up its answer; rejects with the server's reason. */
export async function control(app: App, session: Session, change: ControlIn): Promise<ControlOut> {
  const applied = await app.api.control(session.id, { ...change, who: app.me });
  session.addControl(applied);
  return applied;
}

/** Changes one setting of one run. */
export function set(
  app: App,
  session: Session,
  run: string,
  setting: string,
  value: Value,
): Promise<ControlOut> {
  return control(app, session, { kind: "set", run, setting, value });
}

/** Nothing trains it any more: it failed, was stopped, or was let go after it had finished. */
export function hasEnded({ state, connected }: Experiment): boolean {
  return state === "stopped" || state === "failed" || (state === "finished" && !connected);
}

/** Play if it stands still, pause if it runs, go on if it has finished, start again if it ended. */
export function playOrPause(app: App, session: Session): void {
  const experiment = session.experiment.peek();
  const { state } = experiment;
  session.cursor.value = null;
  app.attempt(async () => {
    if (hasEnded(experiment)) return startAgain(app, session);
    if (state === "finished") {
      await control(app, session, { kind: "extend", value: EXTENSION });
      return control(app, session, { kind: "play" });
    }
    return control(app, session, { kind: state === "paused" ? "play" : "pause" });
  });
}

/** One step, then paused. */
export function stepOnce(app: App, session: Session): void {
  session.cursor.value = null;
  app.attempt(() => control(app, session, { kind: "step", value: 1 }));
}

/** Looks at another step; at or beyond the newest it is live again. */
export function scrub(session: Session, step: number): void {
  const whole = Math.max(1, Math.round(step));
  session.cursor.value = whole >= session.head ? null : whole;
}

/** The same experiment from its first step, with what should differ. */
export function startAgain(
  app: App,
  session: Session,
  differences: Differences = {},
): Promise<void> {
  return app.start(again(session.experiment.peek(), differences));
}

/** The next seed. */
export function anotherSeed(app: App, session: Session): void {
  const { seed } = session.experiment.peek();
  app.attempt(() => startAgain(app, session, { seed: seed + 1 }));
}

/** The same runs on another problem. */
export function switchProblem(app: App, session: Session, to: ProblemInfo): void {
  const from = session.problem.peek();
  if (from?.name === to.name) return;
  app.attempt(() => app.start(elsewhere(session.experiment.peek(), from, to)));
}

/** Adds a run and selects it. */
export async function addRun(app: App, session: Session, spec: RunIn): Promise<void> {
  const applied = await control(app, session, { kind: "add_run", spec });
  if (applied.run) session.selected.value = applied.run;
}

/** Removes a run, with a way back. */
export function removeRun(app: App, session: Session, run: string): void {
  const name = session.nameById(run);
  app.attempt(async () => {
    await control(app, session, { kind: "remove_run", run });
    if (session.selected.peek() === run) session.selected.value = null;
    app.tell({
      text: `${name} was removed.`,
      action: {
        label: "Undo",
        testId: "undo",
        run: () => {
          app.toast.value = null;
          app.attempt(() => control(app, session, { kind: "restore_run", run }));
        },
      },
    });
  });
}

/** Why controls cannot be used now; empty if they can. */
export function whyDisabled(session: Session): string {
  const experiment = session.experiment.value;
  if (session.phase.value === "lost") return "The connection is lost; it comes back by itself.";
  if (hasEnded(experiment)) return "This experiment has ended; start it again to change it.";
  return experiment.connected ? "" : "Its worker process is not there; it is waited for.";
}
