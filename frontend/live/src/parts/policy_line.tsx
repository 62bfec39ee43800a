import { formatSetting } from "../look/format.ts";
import type { Run } from "../protocol.ts";
import { LRD, type Menus, policyOf } from "../state/names.ts";

/** A run's policy and its settings in a line: "momentum-aligned · rest 0.2 · rescaled". */
export function policyWords(run: Run, menus: Menus): string {
  const policy = policyOf(run, menus);
  const words = [policy?.label ?? run.policy];
  for (const { name, label, default: usual } of policy?.settings ?? []) {
    words.push(`${label || name} ${formatSetting(run.policy_settings[name] ?? usual)}`);
  }
  if (run.rescale) words.push("rescaled");
  return words.join(" · ");
}

/** What a card says of the policy; nothing where it is LRD as published. */
export function PolicyLine({ run, menus }: { run: Run; menus: Menus }) {
  if (run.policy === LRD && !run.rescale) return null;
  return (
    <p class="policy-line" data-testid="policy">
      {policyWords(run, menus)}
    </p>
  );
}
