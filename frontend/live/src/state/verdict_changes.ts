import type { ChangeInfo } from "../protocol.ts";
import type { Verdict } from "./verdict_surface.ts";

/** The first step from 2 on, up to `step`, at which a setting was changed; null if none was. */
export function firstChange(changes: ChangeInfo[], step: number): number | null {
  const steps = changes.map((change) => change.step).filter((at) => at > 1 && at <= step);
  return steps.length > 0 ? Math.min(...steps) : null;
}

/** A comparison whose settings were moved on the way says so. */
export function withChanges(verdict: Verdict, changes: ChangeInfo[], step: number): Verdict {
  const at = firstChange(changes, step);
  if (at === null) return verdict;
  const caveat = `Settings were changed from step ${at} on: no clean comparison.`;
  return { ...verdict, sure: `${caveat} ${verdict.sure}` };
}
