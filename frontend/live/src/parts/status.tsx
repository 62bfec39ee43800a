import type { Session } from "../state/session.ts";
import { Jobs } from "./jobs.tsx";
import { Popover } from "./popover.tsx";
import { System } from "./system.tsx";

/** The state in words, and whether it is good, a warning, or neither. */
export function statusOf(session: Session): { words: string; tone: "good" | "warn" | "" } {
  const experiment = session.experiment.value;
  const watching = session.viewers.value;
  switch (session.phase.value) {
    case "connecting":
      return { words: "connecting", tone: "" };
    case "lost":
      return { words: "reconnecting, nothing is lost", tone: "warn" };
    case "gone":
      return { words: session.reason.value || "no such experiment", tone: "warn" };
  }
  switch (experiment.state) {
    case "running":
      if (!experiment.connected) return { words: "waiting for its worker", tone: "warn" };
      return { words: watching > 1 ? `live · ${watching} watching` : "live", tone: "good" };
    case "failed":
    case "diverged":
      return { words: experiment.state, tone: "warn" };
    default:
      return { words: experiment.state, tone: "" };
  }
}

/** The dot and its words, announced when they change; opens what trains, what waits, and the system. */
export function Status({ session }: { session: Session }) {
  const { words, tone } = statusOf(session);
  const turning = session.phase.value === "lost" || session.phase.value === "connecting";
  return (
    <Popover
      class="status-button"
      testId="jobs-open"
      title={`${words}: jobs, devices and the system`}
      side="right"
      label={
        <span class="status" role="status" data-testid="status" title={words}>
          <span class={`dot ${tone} ${turning ? "turning" : ""}`} aria-hidden="true" />
          <span class="status-words">{words}</span>
        </span>
      }
    >
      {() => (
        <div class="form">
          <h3>Jobs</h3>
          <Jobs />
          <h3>System</h3>
          <System />
        </div>
      )}
    </Popover>
  );
}
