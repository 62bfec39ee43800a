import { formatStep } from "../look/format.ts";
import type { Run } from "../protocol.ts";
import type { Session } from "../state/session.ts";

/** Where a fork comes from, and a warning if its past could not be made again as it was. */
export function OriginLine({ session, run }: { session: Session; run: Run }) {
  const differs = run.replay !== "" && run.replay !== "equal";
  return (
    <>
      {run.parent && (
        <p class="policy-line" data-testid="origin">
          from {session.nameById(run.parent)} at step {formatStep(run.fork_step)}
        </p>
      )}
      {differs && (
        <p class="note warn" data-testid="replay-differs">
          {run.replay}
        </p>
      )}
    </>
  );
}

/** What came of comparing steps that were made again with the record, in the run's menu. */
export function ReplayNote({ run }: { run: Run }) {
  if (run.replay === "") return null;
  return (
    <p class={`hint ${run.replay === "equal" ? "" : "warn"}`} data-testid="replay">
      {run.replay === "equal"
        ? "Replay equal: steps that were made again came out as recorded, bit for bit."
        : run.replay}
    </p>
  );
}
