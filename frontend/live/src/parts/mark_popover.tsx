import { formatStep } from "../look/format.ts";
import { control, removeRun, whyDisabled } from "../state/actions.ts";
import { arrow, type ControlMark } from "../state/marks.ts";
import type { Session } from "../state/session.ts";
import { goBack, stepsBefore } from "../state/time_travel.ts";
import { useApp } from "./context.ts";
import { Popover } from "./popover.tsx";

interface Props {
  session: Session;
  mark: ControlMark;
  /** Place on the bar, in percent. */
  left: string;
  color: string;
}

/** A change on the history bar; opens what it was and the way back to before it. */
export function MarkPopover({ session, mark, left, color }: Props) {
  const gone = isGone(session, mark);
  return (
    <Popover
      class={`mark ${gone ? "gone" : ""}`}
      testId="mark"
      title={`step ${formatStep(mark.step)}: ${mark.text}`}
      label={<span style={{ background: color }} />}
      sign
      style={{ left }}
    >
      {(close) => <About session={session} mark={mark} close={close} />}
    </Popover>
  );
}

/** Whether what it changed is no longer there. */
export function isGone(session: Session, mark: ControlMark): boolean {
  if (mark.kind === "remove_run") return false;
  const there = new Set(session.runs.value.map((run) => run.id));
  return mark.changes.every(({ run }) => run !== null && !there.has(run));
}

function About({
  session,
  mark,
  close,
}: {
  session: Session;
  mark: ControlMark;
  close: () => void;
}) {
  const app = useApp();
  const who = mark.who === app.me ? "you" : mark.who ? "somebody else" : "a program";
  const at = new Date(mark.at).toLocaleTimeString("en-GB");
  return (
    <div class="form" data-testid="mark-about">
      <h3>{mark.kind === "set" ? `Changed at step ${formatStep(mark.step)}` : mark.text}</h3>
      {mark.kind === "set" && (
        <ul class="changes">
          {mark.changes.map((change) => (
            <li key={`${change.run} ${change.setting}`}>
              {change.run && session.nameById(change.run)}: {session.settingLabel(change.setting)}{" "}
              <b>{arrow(change.old, change.new)}</b>
            </li>
          ))}
        </ul>
      )}
      <p class="hint">
        by {who}, <time dateTime={mark.at}>{at}</time>
      </p>
      <WayBack session={session} mark={mark} close={close} />
    </div>
  );
}

function WayBack({
  session,
  mark,
  close,
}: {
  session: Session;
  mark: ControlMark;
  close: () => void;
}) {
  const app = useApp();
  const why = whyDisabled(session);
  const run = mark.run;
  const there = session.runs.value.some((one) => one.id === run);
  const act = (words: string, testId: string, hint: string, how: () => void) => (
    <>
      <button
        type="button"
        class="button wide"
        data-testid={testId}
        disabled={why !== ""}
        onClick={() => {
          close();
          how();
        }}
      >
        {words}
      </button>
      <p class="hint">{why || hint}</p>
    </>
  );
  const restore = (id: string) =>
    app.attempt(() => control(app, session, { kind: "restore_run", run: id }));
  if (mark.kind === "set" && !isGone(session, mark)) {
    const step = Math.min(...stepsBefore(mark).values());
    return act(
      "Go back to before it",
      "go-back",
      `Goes on from step ${formatStep(step)} without the change; what was made since is removed and can be brought back.`,
      () => goBack(app, session, mark),
    );
  }
  if (run === null) return null;
  if (there) {
    return mark.kind === "set" || mark.kind === "restore_run"
      ? null
      : act("Remove this run", "mark-remove", "It keeps its history and can come back.", () =>
          removeRun(app, session, run),
        );
  }
  return act(
    `Bring back ${session.nameById(run)}`,
    "mark-restore",
    "It was removed; it goes on where it was.",
    () => restore(run),
  );
}
