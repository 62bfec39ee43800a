import { formatStep } from "../look/format.ts";
import type { State } from "../protocol.ts";
import { hasEnded, startAgain } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";

const ENDS: Partial<Record<State, string>> = {
  finished: "finished, and its worker was let go",
  stopped: "the experiment was stopped",
  failed: "the experiment failed",
};

/** One line for what a person must know: an end, a failure, a successor elsewhere. */
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
  if (!hasEnded(experiment)) return null;
  const message = experiment.message || ENDS[experiment.state] || experiment.state;
  const step = formatStep(Math.max(session.head, experiment.step));
  const kept = message.includes("kept") ? "" : `; every step up to ${step} is kept`;
  return (
    <p class={`banner ${experiment.state === "failed" ? "bad" : ""}`} data-testid="ended">
      <span>
        {sentence(message)}
        {kept}.
      </span>
      <button
        type="button"
        class="button"
        data-testid="start-again"
        onClick={() => app.attempt(() => startAgain(app, session))}
      >
        Start again
      </button>
    </p>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1).replace(/\.$/, "");
}
