import type { Run } from "../protocol.ts";

/**
 * How a run's steps are computed, in one line of its card: with others as one model, or why not. The
 * line is there before the words are; long ones are whole in the run's menu.
 */
export function HowLine({ run }: { run: Run }) {
  return (
    <p class="how-line" data-testid="how" title={run.how}>
      {run.how}
    </p>
  );
}

/** The same in the run's menu, where there is room for a reason. */
export function HowNote({ run }: { run: Run }) {
  if (run.how === "") return null;
  return (
    <p class="hint" data-testid="how-note">
      Its steps are computed {inWords(run.how)}.
    </p>
  );
}

/** "alone: no other run …" → "alone, no other run …": a clause of a sentence. */
function inWords(how: string): string {
  return how.replace(": ", ", ").replace(/\.$/, "");
}
