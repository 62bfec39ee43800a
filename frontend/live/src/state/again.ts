import type { Experiment, ExperimentIn, ProblemInfo, Value } from "../protocol.ts";
import { runIn } from "./fair.ts";

/** What a successor of an experiment differs in. */
export interface Differences {
  seed?: number;
  settings?: Record<string, Value>;
  /** Copies of every run, each from its own seed. */
  seeds?: number;
  device?: string;
  /** The machine; left out or empty: any. */
  node?: string;
}

/** The same experiment from its first step, as a new one; the old one stays in the list. */
export function again(experiment: Experiment, differences: Differences = {}): ExperimentIn {
  const runs = experiment.runs.filter((run) => run.state !== "removed").map(runIn);
  return {
    problem: experiment.problem,
    settings: { ...experiment.settings, ...differences.settings },
    seed: differences.seed ?? experiment.seed,
    steps: experiment.steps,
    speed: experiment.speed,
    runs: runs.length > 0 ? runs : null,
    shared_masks: experiment.shared_masks,
    test_every: experiment.test_every,
    seeds: differences.seeds ?? experiment.seeds,
    device: differences.device ?? experiment.device,
    node: differences.node ?? "",
    curvature_every: experiment.curvature_every,
    limits: experiment.limits,
    name: experiment.name,
    replaces: experiment.id,
  };
}

/** The same runs on another problem, each learning rate scaled to what suits it there. */
export function elsewhere(
  experiment: Experiment,
  from: ProblemInfo | undefined,
  to: ProblemInfo,
): ExperimentIn {
  const whole = again(experiment);
  const runs = whole.runs?.map((run) => {
    const there = to.suggested_lr[run.optimizer];
    const here = from?.suggested_lr[run.optimizer];
    const lr = run.settings?.lr;
    if (!there || !here || typeof lr !== "number") return run;
    const scaled = Number(((lr * there) / here).toPrecision(6));
    return { ...run, settings: { ...run.settings, lr: scaled } };
  });
  return {
    ...whole,
    problem: to.name,
    settings: {},
    steps: to.steps,
    speed: to.speed,
    runs: runs ?? null,
    name: "",
  };
}
