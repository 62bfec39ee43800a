import type { Run, RunIn } from "../protocol.ts";
import { lrOf } from "./names.ts";

/** A run as it could be started again. */
export function runIn(run: Run): RunIn {
  const { optimizer, settings, drop_rate, policy, rescale, label } = run;
  return { optimizer, settings: { ...settings }, drop_rate, policy, rescale, label };
}

/**
 * The baseline that tells dropping from a smaller learning rate: the same optimizer at
 * lr × (1 − drop rate), nothing dropped.
 */
export function fairBaseline(run: Run): RunIn {
  const lr = Number((lrOf(run) * (1 - run.drop_rate)).toPrecision(6));
  return { ...runIn(run), settings: { ...run.settings, lr }, drop_rate: 0, label: "" };
}

/** The run with nothing dropped that differs from `run` in its learning rate alone, if it trains. */
export function baselineOf(run: Run, runs: Run[], lr: number): Run | undefined {
  return runs.find(
    (other) =>
      other.id !== run.id &&
      other.state !== "removed" &&
      other.drop_rate === 0 &&
      other.optimizer === run.optimizer &&
      Math.abs(lrOf(other) / lr - 1) < 1e-4 &&
      sameButLr(other, run),
  );
}

/** The run at the same settings with nothing dropped. */
export function plainOf(run: Run, runs: Run[]): Run | undefined {
  return baselineOf(run, runs, lrOf(run));
}

/** The run at lr × keep with nothing dropped. */
export function fairOf(run: Run, runs: Run[]): Run | undefined {
  return baselineOf(run, runs, lrOf(run) * (1 - run.drop_rate));
}

/** The run whose fair baseline is offered: the chosen one, else the first that lacks one. */
export function mostRelevant(runs: Run[], selected: string | null): Run | undefined {
  const dropping = runs.filter((run) => run.drop_rate > 0 && run.state !== "removed");
  const lacking = dropping.filter((run) => !fairOf(run, runs));
  return lacking.find((run) => run.id === selected) ?? lacking[0];
}

function sameButLr(a: Run, b: Run): boolean {
  const names = new Set([...Object.keys(a.settings), ...Object.keys(b.settings)]);
  names.delete("lr");
  return [...names].every((name) => a.settings[name] === b.settings[name]);
}
