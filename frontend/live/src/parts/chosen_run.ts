import type { MaskTarget } from "../charts/mask.ts";
import type { Run } from "../protocol.ts";
import { LRD, policyOf } from "../state/names.ts";
import type { Session } from "../state/session.ts";

/** The run that pictures of one run show, and that a fork goes on from: the selected one, else the first that drops by coins. */
export function chosenRun(session: Session): Run | undefined {
  const runs = session.runs.value;
  return (
    runs.find((one) => one.id === session.selected.value) ??
    runs.find((one) => one.drop_rate > 0 && "unit" in coinOf(session, one)) ??
    runs.find((one) => one.drop_rate > 0) ??
    runs[0]
  );
}

/** What shares a coin under a run's policy, or why there is nothing to draw. */
export function coinOf(session: Session, run: Run): MaskTarget["coin"] {
  const policy = policyOf(run, session.menus);
  // Until the menus are there, LRD's own masks are known.
  if (!policy && run.policy === LRD) return { unit: "coordinate", of: "update" };
  if (policy?.unit) return { unit: policy.unit, of: policy.acts_on };
  return {
    undrawn: `${policy?.label ?? run.policy} depends on the gradient: its mask is drawn live only`,
  };
}
