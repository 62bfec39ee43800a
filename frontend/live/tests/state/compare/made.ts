import type { Experiment, Run } from "../../../src/protocol.ts";
import type { Member } from "../../../src/state/compare/facts.ts";
import { run } from "../runs.ts";

export function experiment(id: string, changes: Partial<Experiment> = {}): Experiment {
  return {
    id,
    name: "",
    notes: "",
    tags: [],
    created_at: "2026-01-01T00:00:00Z",
    problem: "digits",
    kind: "task",
    settings: { batch: 64 },
    seed: 0,
    steps: 10,
    speed: 0,
    shared_masks: true,
    test_every: 5,
    seeds: 1,
    device: "cpu",
    node: "",
    sweep: "",
    threads: 1,
    curvature_every: 0,
    limits: { seconds: null, memory_mb: null },
    queue: null,
    state: "finished",
    message: "",
    step: 10,
    runs: [],
    tensors: [],
    replaces: null,
    replaced_by: null,
    connected: false,
    ...changes,
  };
}

/** A run of an experiment of its own. */
export function member(
  id: string,
  ofRun: Partial<Run> = {},
  ofExperiment: Partial<Experiment> = {},
): Member {
  const one = run(0, { step: 10, state: "finished", ...ofRun });
  const whole = experiment(id, { runs: [one], ...ofExperiment });
  return { key: `${id}.${one.id}`, slot: one.slot, experiment: whole, run: one, changes: [] };
}
