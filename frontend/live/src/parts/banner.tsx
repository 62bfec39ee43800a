import { formatStep } from "../look/format.ts";
import type { State } from "../protocol.ts";
import {
  canResume,
  control,
  EXTENSION,
  hasEnded,
  isDone,
  resume,
  startAgain,
} from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";

const ENDS: Partial<Record<State, string>> = {
  finished: "finished, and its worker was let go",
  diverged: "all runs diverged, and their worker was let go",
  cancelled: "the experiment was stopped",
  failed: "the experiment failed",
};

/** One line for what a person must know: an end, a failure, a full disk, a successor elsewhere. */
export function Banner({ session }: { session: Session }) {
  const app = useApp();
  const experiment = session.experiment.value;
  if (session.phase.value === "gone") {
    return <p class="banner bad">This experiment cannot be followed: {session.reason.value}.</p>;
  }
  const successor = experiment.replaced_by;
  if (successor) {
    return (
      <p class="banner" data-testid="continued">
        <span>Another experiment took its place; this one is kept as it was.</span>
        <button type="button" class="link" onClick={() => app.go(successor)}>
          open the other →
        </button>
      </p>
    );
  }
  if (experiment.state === "queued") return <Queued session={session} />;
  if (!hasEnded(experiment)) return <Held words={experiment.message} />;
  const message = experiment.message || ENDS[experiment.state] || experiment.state;
  const step = formatStep(Math.max(session.head, experiment.step));
  const kept = message.includes("kept") ? "" : `; every step up to ${step} is kept`;
  const tone = experiment.state === "failed" ? "bad" : "";
  return (
    <div class={`banner ${tone}`} data-testid="ended">
      <span>
        {sentence(message)}
        {kept}.
      </span>
      <span class="banner-end">
        {canResume(experiment) && (
          <button
            type="button"
            class="button"
            data-testid="resume"
            title="go on from the newest step"
            onClick={() => app.attempt(() => resume(app, session))}
          >
            {isDone(session) ? `Resume for ${EXTENSION} more` : "Resume"}
          </button>
        )}
        <button
          type="button"
          class="button"
          data-testid="start-again"
          title="a new experiment from step 1; this one stays"
          onClick={() => app.attempt(() => startAgain(app, session))}
        >
          Start again
        </button>
      </span>
    </div>
  );
}

/** What keeps it from training, or from being stored: a full disk. */
function Held({ words }: { words: string }) {
  if (!words) return null;
  return (
    <p class="banner bad" data-testid="held" role="status">
      {sentence(words)}.
    </p>
  );
}

/** It waits for a place or a device. */
function Queued({ session }: { session: Session }) {
  const app = useApp();
  return (
    <div class="banner" data-testid="queued" role="status">
      <span>{sentence(session.experiment.value.message || "queued")}.</span>
      <span class="banner-end">
        <button
          type="button"
          class="button"
          data-testid="cancel"
          onClick={() => app.attempt(() => control(app, session, { kind: "stop" }))}
        >
          Cancel
        </button>
      </span>
    </div>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1).replace(/\.$/, "");
}
