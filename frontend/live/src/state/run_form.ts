import type { LrScheduleInfo, OptimizerInfo, RunIn, SettingInfo, Value } from "../protocol.ts";
import { LRD, type Menus, policyOf } from "./names.ts";

/** What a person typed or switched for one setting. */
export type Draft = string | boolean;

/** "+ add a run" as far as it is filled in; what was not touched has its default. */
export interface RunForm {
  optimizer: string;
  settings: Record<string, Draft>;
  policy: string;
  policySettings: Record<string, Draft>;
  dropRate: Draft;
  rescale: boolean;
  schedule: string;
  scheduleSettings: Record<string, Draft>;
}

/** The schedule of a learning rate that stays as it is set. */
export const CONSTANT = "constant";

export function newForm(menus: Menus): RunForm {
  const first = menus.optimizers.find(({ name }) => name === "adam") ?? menus.optimizers[0];
  return {
    optimizer: first?.name ?? "adam",
    settings: {},
    policy: LRD,
    policySettings: {},
    dropRate: "0.5",
    rescale: false,
    schedule: CONSTANT,
    scheduleSettings: {},
  };
}

/** Another optimizer has other settings: what was typed for the old one's goes. */
export function withOptimizer(form: RunForm, optimizer: string): RunForm {
  return { ...form, optimizer, settings: {} };
}

export function withPolicy(form: RunForm, policy: string): RunForm {
  return { ...form, policy, policySettings: {} };
}

export function withSchedule(form: RunForm, schedule: string): RunForm {
  return { ...form, schedule, scheduleSettings: {} };
}

/** Settings of a form's schedule: of the constant one too, which may have a warm-up. */
export function scheduleSettingsOf(form: RunForm, schedules: LrScheduleInfo[]): SettingInfo[] {
  return schedules.find(({ name }) => name === form.schedule)?.settings ?? [];
}

export function optimizerOf(form: RunForm, menus: Menus): OptimizerInfo | undefined {
  return menus.optimizers.find(({ name }) => name === form.optimizer);
}

/** What a person typed, as a setting's value; a text that is no number goes to the server as it is. */
export function parsed(text: string, kind: SettingInfo["kind"]): Value {
  const clean = text.trim().replace(",", ".").replace("−", "-");
  if (kind !== "float" && kind !== "int") return text;
  return clean !== "" && !Number.isNaN(Number(clean)) ? Number(clean) : text;
}

/** The run that is asked for. */
export function runOf(form: RunForm, menus: Menus, schedules: LrScheduleInfo[] = []): RunIn {
  const spec: RunIn = {
    optimizer: form.optimizer,
    settings: values(form.settings, optimizerOf(form, menus)?.settings ?? []),
    // A text that is no number goes as it is: the server says what is allowed.
    drop_rate: parsed(String(form.dropRate), "float") as number,
    rescale: form.rescale,
    schedule: form.schedule,
    schedule_settings: values(form.scheduleSettings, scheduleSettingsOf(form, schedules)),
  };
  const policy = policyOf(form, menus);
  if (!policy) return spec;
  const policy_settings = values(form.policySettings, policy.settings);
  return { ...spec, policy: policy.name, policy_settings };
}

/** What was typed, as values; what was not touched is left out. */
export function values(
  drafts: Record<string, Draft>,
  settings: SettingInfo[],
): Record<string, Value> {
  const found: Record<string, Value> = {};
  for (const { name, kind } of settings) {
    const draft = drafts[name];
    if (draft !== undefined) found[name] = typeof draft === "boolean" ? draft : parsed(draft, kind);
  }
  return found;
}

/** The form's own name of a field that the server refused: "spec.settings.lr" is "settings.lr". */
export function fieldOf(path: string): string {
  return path.replace(/^spec\./, "");
}
