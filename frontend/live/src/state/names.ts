import type { OptimizerInfo, Run, RunIn, Value } from "../protocol.ts";

/** What a name is made from; a run and a run to come both have it. */
export type Named = Pick<RunIn, "optimizer" | "settings" | "drop_rate" | "policy" | "label"> & {
  id?: string;
};

const POLICY = "elementwise";

/** The optimizer's name with its momentum: "Adam", "SGD momentum", "SGD Nesterov". */
export function baseName(run: Named, optimizers: OptimizerInfo[]): string {
  const info = optimizers.find((optimizer) => optimizer.name === run.optimizer);
  const label = info?.label ?? run.optimizer;
  const settings = run.settings ?? {};
  if (isOn(settings.nesterov)) return `${label} Nesterov`;
  return isOn(settings.momentum) ? `${label} momentum` : label;
}

/**
 * A run's name: its label, or one made from its settings, such as "Adam + LRD" or "Adam, lr ÷ 2"
 * (against the first run of the same optimizer among `runs`).
 */
export function nameOf(run: Named, runs: Named[], optimizers: OptimizerInfo[]): string {
  if (run.label) return run.label;
  let name = baseName(run, optimizers);
  if ((run.drop_rate ?? 0) > 0) {
    name += run.policy && run.policy !== POLICY ? ` + LRD (${run.policy})` : " + LRD";
  }
  return name + againstFirst(run, runs);
}

function againstFirst(run: Named, runs: Named[]): string {
  const first = runs.find((other) => other.optimizer === run.optimizer);
  return first ? ratio(lrOf(run), lrOf(first)) : "";
}

/** A name for small places: the optimizer and the drop rate, "Adam 0.5", "Adam 0, lr ÷ 2". */
export function shortName(run: Run, runs: Named[], optimizers: OptimizerInfo[]): string {
  const info = optimizers.find((optimizer) => optimizer.name === run.optimizer);
  const name = `${info?.label ?? run.optimizer} ${rate(run.drop_rate)}`;
  return run.label || name + againstFirst(run, runs);
}

/** A list's label with the optimizer's own name: "adam 0.5" is "Adam 0.5"; any other stays. */
export function summaryName(label: string, optimizers: OptimizerInfo[]): string {
  const [first = "", ...rest] = label.split(" ");
  const known = optimizers.find((optimizer) => optimizer.name === first);
  return [known?.label ?? first, ...rest].join(" ");
}

/** A drop rate as people say it: 0, 0.5, 0.95. */
export function rate(value: number): string {
  return String(Number(value.toFixed(3)));
}

export function lrOf(run: Named): number {
  const lr = run.settings?.lr;
  return typeof lr === "number" ? lr : Number.NaN;
}

function ratio(lr: number, reference: number): string {
  const factor = lr / reference;
  if (!Number.isFinite(factor) || Math.abs(factor - 1) < 1e-6) return "";
  return factor > 1 ? `, lr × ${digits(factor)}` : `, lr ÷ ${digits(1 / factor)}`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function isOn(value: Value | undefined): boolean {
  return value === true || (typeof value === "number" && value > 0);
}
