import { useState } from "preact/hooks";
import type { Run } from "../protocol.ts";
import { set, whyFixed } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { useApp, useBasins } from "./context.ts";

/** A run's drop rate as its card has it: moved by a finger, or only supposed. */
export interface Rate {
  /** Why the run itself cannot be moved; empty if it can. */
  why: string;
  /** The slider moves nothing but the pictures of basins: they need no training. */
  whatIf: boolean;
  /** Other than what the run has now; null where it is the same. */
  shown: number | null;
  /** Where the finger is. */
  follow: (rate: number | null) => void;
  save: (rate: number) => Promise<unknown>;
  /** Back to the run's own. */
  forget: () => void;
}

export function useRate(session: Session, run: Run): Rate {
  const app = useApp();
  const { basins } = app;
  const [finger, setFinger] = useState<number | null>(null);
  const why = whyFixed(session, run);
  const whatIf = useBasins(session) && why !== "" && session.phase.value === "live";
  return {
    why,
    whatIf,
    shown: finger ?? (whatIf ? basins.whatIf.rateOf(session, run) : null),
    follow: (rate) => {
      setFinger(rate);
      basins.finger(run.id, rate);
    },
    save: async (rate) => {
      if (whatIf) basins.whatIf.suppose(session, run, rate);
      else await set(app, session, run.id, "drop_rate", rate);
    },
    forget: () => basins.whatIf.forget(session, run),
  };
}

/** Under a slider that only asks "what if": what the run trained at, and the way back to it. */
export function WhatIfLine({ run, rate }: { run: Run; rate: Rate }) {
  if (!rate.whatIf) return null;
  const same = rate.shown === null || rate.shown === run.drop_rate;
  return (
    <p
      class="what-if"
      data-testid="what-if"
      title={`${rate.why} The slider moves the pictures alone.`}
    >
      what if? it trained at {run.drop_rate.toFixed(2)}
      <button
        type="button"
        class="link"
        data-testid="what-if-back"
        disabled={same}
        onClick={rate.forget}
      >
        back
      </button>
    </p>
  );
}
