import type { Catalogue, OptimizerInfo, PolicyInfo, RunIn, Value } from "../protocol.ts";

/** What a name is made from; a run and a run to come both have it. */
export type Named = Pick<RunIn, "optimizer" | "settings" | "drop_rate" | "label"> &
  Pick<RunIn, "policy" | "rescale"> & { id?: string; parent?: string; fork_step?: number };

/** The menus that a run's parts are named in. */
export type Menus = Pick<Catalogue, "optimizers" | "policies">;
export const NO_MENUS: Menus = { optimizers: [], policies: [] };

/** Learning Rate Dropout as published: the policy that needs no word of its own. */
export const LRD = "elementwise";

export function policyOf(run: Pick<RunIn, "policy">, menus: Menus): PolicyInfo | undefined {
  return menus.policies.find((policy) => policy.name === (run.policy ?? LRD));
}

/** The optimizer's name with its momentum: "Adam", "SGD momentum", "SGD Nesterov". */
export function baseName(run: Named, optimizers: OptimizerInfo[]): string {
  const info = optimizers.find((optimizer) => optimizer.name === run.optimizer);
  const label = info?.label ?? run.optimizer;
  const settings = run.settings ?? {};
  if (isOn(settings.nesterov)) return `${label} Nesterov`;
  return isOn(settings.momentum) ? `${label} momentum` : label;
}

/**
 * A run's name: its label, or one made from its settings, such as "Adam + LRD", "Adam + cautious"
 * or "Adam, lr ÷ 2" (against the first run of the same optimizer among `runs`); a fork's says from
 * which step: "Adam + LRD, from 320".
 */
export function nameOf(run: Named, runs: Named[], menus: Menus): string {
  if (run.label) return run.label;
  let name = baseName(run, menus.optimizers);
  if ((run.drop_rate ?? 0) > 0) {
    name += isLrd(run) ? " + LRD" : ` + ${policyLabel(run, menus)}`;
    if (run.rescale) name += " rescaled";
  }
  return name + againstFirst(run, runs) + since(run);
}

function since(run: Named): string {
  return run.parent ? `, from ${run.fork_step ?? 0}` : "";
}

function isLrd(run: Named): boolean {
  return (run.policy ?? LRD) === LRD;
}

function policyLabel(run: Named, menus: Menus): string {
  return policyOf(run, menus)?.label ?? run.policy ?? LRD;
}

function againstFirst(run: Named, runs: Named[]): string {
  const first = runs.find((other) => other.optimizer === run.optimizer);
  return first ? ratio(lrOf(run), lrOf(first)) : "";
}

/**
 * A name for small places: the optimizer and the drop rate, with the policy where it is not LRD:
 * "Adam 0.5", "Adam cautious 0.5", "Adam 0, lr ÷ 2".
 */
export function shortName(run: Named, runs: Named[], menus: Menus): string {
  if (run.label) return run.label;
  const info = menus.optimizers.find((optimizer) => optimizer.name === run.optimizer);
  const dropRate = run.drop_rate ?? 0;
  const words = [info?.label ?? run.optimizer];
  if (dropRate > 0 && !isLrd(run)) words.push(policyLabel(run, menus));
  words.push(rate(dropRate));
  if (dropRate > 0 && run.rescale) words.push("rescaled");
  return words.join(" ") + againstFirst(run, runs) + since(run);
}

/**
 * A list's label in the words of the menus: "adam per_row 0.5" is "Adam per row 0.5", and what
 * is said of its lr stays; so does any other label.
 */
export function summaryName(label: string, menus: Menus): string {
  const [parts = "", ...lr] = label.split(/(?=, lr )/);
  const [first = "", ...rest] = parts.split(" ");
  const known = menus.optimizers.find((optimizer) => optimizer.name === first);
  if (!known) return label;
  const words = rest.map(
    (word) => menus.policies.find((policy) => policy.name === word)?.label ?? word,
  );
  return [known.label, ...words].join(" ") + lr.join("");
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
