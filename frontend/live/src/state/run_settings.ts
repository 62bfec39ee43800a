import type { Run, Value } from "../protocol.ts";

/** Before the name of a policy's setting in a control. */
export const POLICY_PREFIX = "policy.";

/** A run with one setting changed, named as controls name it. */
export function withSetting(run: Run, setting: string, value: Value): Run {
  if (setting === "drop_rate") return { ...run, drop_rate: Number(value) };
  if (setting.startsWith(POLICY_PREFIX)) {
    const name = setting.slice(POLICY_PREFIX.length);
    return { ...run, policy_settings: { ...run.policy_settings, [name]: value } };
  }
  return { ...run, settings: { ...run.settings, [setting]: value } };
}
