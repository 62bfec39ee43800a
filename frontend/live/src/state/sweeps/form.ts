/** A sweep as it is filled in, with defaults that make it two clicks. */

import type { Catalogue, ProblemInfo, SweepIn, Value } from "../../protocol.ts";
import { LRD } from "../names.ts";
import { type AxisForm, axisFor, axisOptions, DROP_RATE, LR, typed, valuesOf } from "./axis.ts";

export interface SweepForm {
  problem: string;
  optimizer: string;
  policy: string;
  x: AxisForm;
  y: AxisForm;
  seeds: string;
  seed: string;
  steps: string;
  name: string;
  /** Of the problem, where they are not its own defaults: a turned surface, a typed formula. */
  settings?: Record<string, Value>;
}

/** Enough for an interval; on a surface one picture first. */
const SEEDS = { task: "3", surface: "1" };

/** Drop rate × learning rate on the digits, with Adam. */
export function newForm(catalogue: Catalogue): SweepForm {
  const problem = catalogue.problems.find(({ name }) => name === "digits") ?? catalogue.problems[0];
  const optimizer = catalogue.optimizers.find(({ name }) => name === "adam")?.name ?? "sgd";
  return fresh(catalogue, problem as ProblemInfo, optimizer);
}

function fresh(catalogue: Catalogue, problem: ProblemInfo, optimizer: string): SweepForm {
  return {
    problem: problem.name,
    optimizer,
    policy: LRD,
    x: axisNamed(catalogue, problem, optimizer, LRD, DROP_RATE),
    y: axisNamed(catalogue, problem, optimizer, LRD, LR),
    seeds: SEEDS[problem.kind],
    seed: "0",
    steps: String(problem.steps),
    name: "",
  };
}

export function axisNamed(
  catalogue: Catalogue,
  problem: ProblemInfo,
  optimizer: string,
  policy: string,
  name: string,
): AxisForm {
  const options = axisOptions(catalogue, optimizer, policy);
  const option = options.find((one) => one.name === name) ?? options[0];
  if (!option) throw new Error(`${optimizer} has no numbers`);
  return axisFor(option, problem, optimizer);
}

export function problemOf(form: SweepForm, catalogue: Catalogue): ProblemInfo | undefined {
  return catalogue.problems.find(({ name }) => name === form.problem);
}

/** Another problem has other learning rates and steps; axes of other settings stay. */
export function withProblem(form: SweepForm, catalogue: Catalogue, name: string): SweepForm {
  const problem = catalogue.problems.find((one) => one.name === name);
  if (!problem) return form;
  const { optimizer, policy } = form;
  const axis = (old: AxisForm): AxisForm =>
    old.setting === LR ? axisNamed(catalogue, problem, optimizer, policy, LR) : old;
  const parts = { x: axis(form.x), y: axis(form.y), steps: String(problem.steps) };
  const { settings: _, ...others } = form;
  return { ...others, ...parts, problem: name, seeds: SEEDS[problem.kind] };
}

/** Another optimizer, or policy, has other settings: an axis that it lacks becomes a usual one. */
export function withRule(
  form: SweepForm,
  catalogue: Catalogue,
  change: Partial<Pick<SweepForm, "optimizer" | "policy">>,
): SweepForm {
  const next = { ...form, ...change };
  const problem = problemOf(next, catalogue);
  if (!problem) return next;
  const known = axisOptions(catalogue, next.optimizer, next.policy).map(({ name }) => name);
  const usual = (old: AxisForm, other: AxisForm, first: string, second: string): AxisForm => {
    const stays = known.includes(old.setting) && (old.setting !== LR || !change.optimizer);
    if (stays) return old;
    const name = known.includes(old.setting)
      ? old.setting
      : other.setting === first
        ? second
        : first;
    return axisNamed(catalogue, problem, next.optimizer, next.policy, name);
  };
  const x = usual(form.x, form.y, DROP_RATE, LR);
  return { ...next, x, y: usual(form.y, x, LR, DROP_RATE) };
}

/** What the form asks for, or the field that is to be mended first and why. */
export type Asked = { ask: SweepIn } | { field: string; why: string };

export function askOf(form: SweepForm): Asked {
  const [x, y] = [valuesOf(form.x), valuesOf(form.y)];
  if ("why" in x) return { field: `x.${x.field}`, why: x.why };
  if ("why" in y) return { field: `y.${y.field}`, why: y.why };
  for (const field of ["seeds", "steps", "seed"] as const) {
    // "1,000" is not 1.
    if (!/^\d+$/.test(form[field].trim())) {
      return { field, why: `${field}: “${form[field]}” is not allowed; use a whole number` };
    }
  }
  return {
    ask: {
      problem: form.problem,
      ...(form.settings ? { settings: form.settings } : {}),
      run: { optimizer: form.optimizer, policy: form.policy },
      x: { setting: form.x.setting, values: x.values },
      y: { setting: form.y.setting, values: y.values },
      seeds: typed(form.seeds),
      seed: typed(form.seed),
      steps: typed(form.steps),
      name: form.name.trim(),
    },
  };
}

/** "90 cells × 3 seeds of 900 steps, trained as 9 experiments of 10 runs". */
export function costWords(ask: SweepIn, kind: ProblemInfo["kind"]): string {
  const [columns, rows] = [ask.x.values.length, ask.y.values.length];
  const seeds = ask.seeds ?? 1;
  const experiments = rows * (kind === "surface" ? seeds : 1);
  const times = seeds > 1 ? ` × ${seeds} seeds` : "";
  const some = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;
  return `${some(columns * rows, "cell")}${times} of ${ask.steps} steps, trained as ${some(experiments, "experiment")} of ${some(columns, "run")}`;
}

/** The form that would ask for the same sweep again. */
export function formLike(
  sweep: Pick<SweepIn, "problem" | "settings" | "x" | "y" | "seed" | "steps"> & {
    optimizer: string;
    policy: string;
    seeds: number;
  },
): SweepForm {
  const axis = (one: SweepIn["x"]): AxisForm => ({
    setting: one.setting,
    from: String(one.values[0] ?? 0),
    to: String(one.values.at(-1) ?? 1),
    count: String(one.values.length),
    spacing: "linear",
    list: one.values.join("  "),
  });
  return {
    problem: sweep.problem ?? "digits",
    optimizer: sweep.optimizer,
    policy: sweep.policy,
    x: axis(sweep.x),
    y: axis(sweep.y),
    seeds: String(sweep.seeds),
    seed: String(sweep.seed ?? 0),
    steps: String(sweep.steps ?? 900),
    name: "",
    ...(Object.keys(sweep.settings ?? {}).length > 0 ? { settings: sweep.settings } : {}),
  };
}
