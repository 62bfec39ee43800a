import type { ControlOut, OptimizerInfo, Run, Value } from "../../src/protocol.ts";

export const OPTIMIZERS: OptimizerInfo[] = [
  { name: "adam", label: "Adam", paper: "", settings: [] },
  { name: "sgd", label: "SGD", paper: "", settings: [] },
];

export function run(slot: number, changes: Partial<Run> = {}): Run {
  return {
    id: `r${slot + 1}`,
    slot,
    label: "",
    optimizer: "adam",
    settings: { lr: 0.01 },
    drop_rate: 0,
    policy: "elementwise",
    rescale: false,
    mask_seed: 0,
    state: "running",
    step: 1,
    diverged_step: null,
    message: "",
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
