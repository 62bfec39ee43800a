import type { PolicyInfo, Run, RunIn } from "../protocol.ts";
import { LRD, lrOf, type Menus, policyOf } from "./names.ts";

/** A run as it could be started again. */
export function runIn(run: Run): RunIn {
  const { optimizer, settings, drop_rate, policy, policy_settings, rescale, label } = run;
  const { schedule, schedule_settings } = run;
  return {
    optimizer,
    settings: { ...settings },
    drop_rate,
    policy,
    policy_settings: { ...policy_settings },
    rescale,
    label,
    schedule,
    schedule_settings: { ...schedule_settings },
  };
}

/** Whether a policy throws coins on the update itself, so that the mean update is keep × the full. */
function throwsCoinsOnUpdates(policy: PolicyInfo | undefined): boolean {
  return policy !== undefined && policy.unit !== "" && policy.acts_on === "update";
}

/**
 * The mean kept update as a share of the full one: 1 − drop rate, or 1 where updates are divided by
 * keep. Null for a policy that no single learning rate has the same mean step as.
 */
export function meanShare(run: Run, menus: Menus): number | null {
  if (run.policy !== LRD && !throwsCoinsOnUpdates(policyOf(run, menus))) return null;
  return run.rescale ? 1 : 1 - run.drop_rate;
}

/** Why a policy has no baseline at another learning rate; empty where it has one. */
export function whyNoFair(run: Run, menus: Menus): string {
  if (meanShare(run, menus) !== null) return "";
  const policy = policyOf(run, menus);
  const name = policy?.label ?? run.policy;
  return policy?.acts_on === "gradient"
    ? `${name} changes the gradient before the optimizer's averages, so no single learning rate has its mean step.`
    : `${name} chooses by the gradient, so no single learning rate has its mean step.`;
}

/**
 * The run to compare `run` with: the same optimizer with nothing dropped, at the learning rate
 * whose mean step is the same; at the same one where there is no such rate.
 */
export function fairBaseline(run: Run, menus: Menus): RunIn {
  const share = meanShare(run, menus) ?? 1;
  const lr = share === 1 ? lrOf(run) : Number((lrOf(run) * share).toPrecision(6));
  const { optimizer, settings, schedule, schedule_settings } = run;
  return {
    optimizer,
    settings: { ...settings, lr },
    drop_rate: 0,
    schedule,
    schedule_settings: { ...schedule_settings },
  };
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

/** The run with nothing dropped and the same mean step: at lr × keep for coins on updates. */
export function fairOf(run: Run, runs: Run[], menus: Menus): Run | undefined {
  const share = meanShare(run, menus);
  return share === null ? undefined : baselineOf(run, runs, lrOf(run) * share);
}

/** The run whose baseline is offered: the chosen one, else the first that lacks one. */
export function mostRelevant(runs: Run[], selected: string | null, menus: Menus): Run | undefined {
  const lacking = runs.filter(
    (run) =>
      run.drop_rate > 0 &&
      run.state !== "removed" &&
      !baselineOf(run, runs, lrOf(run) * (meanShare(run, menus) ?? 1)),
  );
  return lacking.find((run) => run.id === selected) ?? lacking[0];
}

function sameButLr(a: Run, b: Run): boolean {
  return (
    a.schedule === b.schedule &&
    same(a.schedule_settings, b.schedule_settings) &&
    same({ ...a.settings, lr: 0 }, { ...b.settings, lr: 0 })
  );
}

function same(a: Run["settings"], b: Run["settings"]): boolean {
  const names = [...Object.keys(a), ...Object.keys(b)];
  return names.every((name) => a[name] === b[name]);
}
