import { formatSetting } from "../look/format.ts";
import type { Run } from "../protocol.ts";
import { LRD, type Menus, policyOf } from "../state/names.ts";
import { CONSTANT } from "../state/run_form.ts";

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

/** A learning rate's schedule in a line: "lr step · at 100,150 · unit epochs · factor 0.1". */
export function scheduleWords({ schedule, schedule_settings }: Run): string {
  const told = Object.entries(schedule_settings).filter(([, value]) => value !== 0);
  if (schedule === CONSTANT && told.length === 0) return "";
  const words = told.map(([name, value]) => {
    const shown = typeof value === "string" ? value : formatSetting(value);
    return `${name.replace("_", "-")} ${shown}`;
  });
  return [`lr ${schedule}`, ...words].join(" · ");
}

/** What a card says of policy and schedule; nothing where they are LRD as published, constant. */
export function PolicyLine({ run, menus }: { run: Run; menus: Menus }) {
  const usual = run.policy === LRD && !run.rescale;
  const schedule = scheduleWords(run);
  return (
    <>
      {!usual && (
        <p class="policy-line" data-testid="policy">
          {policyWords(run, menus)}
        </p>
      )}
      {schedule && (
        <p class="policy-line" data-testid="schedule">
          {schedule}
        </p>
      )}
    </>
  );
}
