import type { ControlOut, PolicyInfo, Run, SettingInfo, Value } from "../../src/protocol.ts";
import type { Menus } from "../../src/state/names.ts";

export function setting(name: string, changes: Partial<SettingInfo> = {}): SettingInfo {
  return {
    name,
    label: name,
    kind: "float",
    default: 0,
    low: 0,
    high: 1,
    low_open: false,
    high_open: false,
    choices: [],
    allowed: "a finite number in [0, 1]",
    help: "",
    log: false,
    live: true,
    ...changes,
  };
}

function policy(name: string, label: string, changes: Partial<PolicyInfo> = {}): PolicyInfo {
  return {
    name,
    label,
    help: "",
    paper: "",
    unit: "",
    acts_on: "update",
    settings: [],
    ...changes,
  };
}

export const MENUS: Menus = {
  optimizers: [
    { name: "adam", label: "Adam", paper: "", settings: [setting("lr"), setting("beta1")] },
    {
      name: "sgd",
      label: "SGD",
      paper: "",
      settings: [
        setting("lr"),
        setting("momentum"),
        setting("nesterov", { kind: "bool", default: false, live: false }),
      ],
    },
  ],
  policies: [
    policy("elementwise", "element-wise", { unit: "coordinate" }),
    policy("per_row", "per row", { unit: "row" }),
    policy("cautious", "cautious"),
    policy("momentum_aligned", "momentum-aligned", { settings: [setting("rest")] }),
    policy("gradient_dropout", "gradient dropout", { unit: "coordinate", acts_on: "gradient" }),
  ],
};

export function run(slot: number, changes: Partial<Run> = {}): Run {
  return {
    id: `r${slot + 1}`,
    slot,
    label: "",
    optimizer: "adam",
    settings: { lr: 0.01 },
    drop_rate: 0,
    policy: "elementwise",
    policy_settings: {},
    rescale: false,
    schedule: "constant",
    schedule_settings: {},
    mask_seed: 0,
    mask_slot: -1,
    parent: "",
    fork_step: 0,
    replay: "",
    state: "running",
    step: 1,
    diverged_step: null,
    message: "",
    how: "",
    ...changes,
  };
}

export function setControl(
  id: string,
  step: number,
  [old, next]: [Value, Value],
  seconds: number,
  changes: Partial<ControlOut> = {},
): ControlOut {
  const who = changes.run === undefined ? "r1" : changes.run;
  return {
    id,
    kind: "set",
    run: who,
    step,
    received_step: step - 1,
    changes: [{ run: who ?? "r1", setting: "drop_rate", old, new: next, step }],
    at: new Date(1_700_000_000_000 + seconds * 1000).toISOString(),
    who: "",
    ...changes,
  };
}
