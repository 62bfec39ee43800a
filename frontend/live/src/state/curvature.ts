import type { ControlOut, Experiment } from "../protocol.ts";

/** Steps between two measurements that can be chosen; 0 is none. */
export const INTERVALS = [0, 5, 10, 25, 50, 100, 250, 1000];

/** Steps between two measurements now: what was chosen last, else what the experiment began with. */
export function curvatureEvery(experiment: Experiment, controls: readonly ControlOut[]): number {
  const chosen = controls
    .filter((control) => control.kind === "curvature")
    .flatMap((control) => control.changes)
    .pop();
  return Number(chosen?.new ?? experiment.curvature_every);
}

/**
 * Share of the time that measuring takes.
 *
 * @param ms of one measurement, a run each
 * @param every steps between two
 * @param rate steps a second
 */
export function costShare(ms: readonly number[], every: number, rate: number): number {
  return (ms.reduce((sum, one) => sum + one, 0) * rate) / (every * 1000);
}
