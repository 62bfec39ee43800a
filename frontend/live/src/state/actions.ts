import type {
  ControlIn,
  ControlOut,
  Experiment,
  ProblemInfo,
  Run,
  RunIn,
  Value,
} from "../protocol.ts";
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

/** Nothing is left to train. */
export function isOver({ state }: Experiment): boolean {
  return state === "finished" || state === "diverged";
}

/** No process trains it: it failed, was stopped, or was let go after it was over. */
export function hasEnded(experiment: Experiment): boolean {
  const { state, connected } = experiment;
  return state === "cancelled" || state === "failed" || (isOver(experiment) && !connected);
}

/** An ended experiment can go on if a run is left that trains. */
export function canResume(experiment: Experiment): boolean {
  const left = experiment.runs.filter((run) => run.state !== "removed");
  return hasEnded(experiment) && left.some((run) => run.diverged_step === null);
}

/** Play if it stands still or has ended, pause if it runs, go on if all steps are done. */
export function playOrPause(app: App, session: Session): void {
  const experiment = session.experiment.peek();
  session.cursor.value = null;
  app.attempt(async () => {
    if (hasEnded(experiment)) await resume(app, session);
    else if (experiment.state === "paused" || isOver(experiment)) await goOn(app, session);
    else await control(app, session, { kind: "pause" });
  });
}

/** Whether all planned steps are made. */
export function isDone(session: Session): boolean {
  return session.head >= session.experiment.peek().steps;
}

/** Plays, with more steps where all are made. */
async function goOn(app: App, session: Session): Promise<ControlOut> {
  if (isDone(session)) await control(app, session, { kind: "extend", value: EXTENSION });
  return control(app, session, { kind: "play" });
}

/** An ended experiment goes on from its newest step, in a new process; it may have to wait. */
export async function resume(app: App, session: Session): Promise<void> {
  if (isDone(session)) await goOn(app, session);
  else await app.api.resume(session.id, { paused: false, who: app.me });
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
export async function switchProblem(
  app: App,
  session: Session,
  to: ProblemInfo,
  settings: Record<string, Value> = {},
): Promise<void> {
  const from = session.problem.peek();
  if (from?.name === to.name) return;
  await app.start({ ...elsewhere(session.experiment.peek(), from, to), settings });
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

const LOST = "The connection is lost; it comes back by itself.";
const QUEUED = "It waits for its turn; it can be changed once it trains.";
const AWAY = "Its worker process is not there; it is waited for.";

/** Why no new experiment can be started from one; empty if it can. */
export function whyLost(session: Session): string {
  return session.phase.value === "lost" ? LOST : "";
}

/** Why controls cannot be used now; empty if they can. */
export function whyDisabled(session: Session): string {
  const experiment = session.experiment.value;
  if (session.phase.value === "lost") return LOST;
  if (experiment.state === "queued") return QUEUED;
  if (hasEnded(experiment)) return "This experiment has ended; resume it to change it.";
  return experiment.connected ? "" : AWAY;
}

/** Why a run's settings cannot be changed now; empty if they can. */
export function whyFixed(session: Session, run: Run): string {
  return run.state === "diverged" ? "This run has diverged." : whyDisabled(session);
}

/** Why nothing can be forked now; an ended experiment can be: it is resumed for it. */
export function whyNoFork(session: Session): string {
  const experiment = session.experiment.value;
  if (hasEnded(experiment) && session.phase.value === "live") return "";
  return whyDisabled(session);
}
