import { signal } from "@preact/signals";
import type { Run } from "../protocol.ts";
import { whyFixed } from "./actions.ts";
import type { Session } from "./session.ts";

interface Supposed {
  rate: number;
  /** The run's last step then: once it has trained on, the supposition is of the past. */
  step: number;
}

/** Drop rates that pictures are made with although their runs can no longer be given them. */
export class WhatIf {
  private readonly supposed = signal<Readonly<Record<string, Supposed>>>({});

  suppose(session: Session, run: Run, rate: number): void {
    const kept = { rate, step: run.step };
    this.supposed.value = { ...this.supposed.peek(), [keyOf(session, run)]: kept };
  }

  forget(session: Session, run: Run): void {
    const { [keyOf(session, run)]: _, ...others } = this.supposed.peek();
    this.supposed.value = others;
  }

  /** Null where nothing is supposed, and where the run itself can be moved. */
  rateOf(session: Session, run: Run): number | null {
    const kept = this.supposed.value[keyOf(session, run)];
    if (!kept || kept.step !== run.step || whyFixed(session, run) === "") return null;
    return kept.rate;
  }
}

/** Runs of every experiment have the same names. */
function keyOf(session: Session, run: Run): string {
  return `${session.experiment.peek().id} ${run.id}`;
}
