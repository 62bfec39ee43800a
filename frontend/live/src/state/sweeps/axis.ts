/** An axis of a sweep as it is filled in: a range that makes values, or the values themselves. */

import type { Catalogue, ProblemInfo, SettingInfo } from "../../protocol.ts";
import { POLICY_PREFIX } from "../run_settings.ts";

export type Spacing = "linear" | "log";

export interface AxisForm {
  setting: string;
  from: string;
  to: string;
  count: string;
  spacing: Spacing;
  /** Typed values, which then count instead of the range. */
  list: string | null;
}

/** As many as one experiment has runs. */
export const MOST_VALUES = 16;
export const DROP_RATE = "drop_rate";
export const LR = "lr";

/** A setting that an axis can be, by its name on the axis. */
export interface AxisOption {
  name: string;
  label: string;
  info: SettingInfo;
}

/** All numbers that an optimizer and a policy can be set by, the drop rate first. */
export function axisOptions(catalogue: Catalogue, optimizer: string, policy: string): AxisOption[] {
  const own = catalogue.optimizers.find(({ name }) => name === optimizer)?.settings ?? [];
  const more = catalogue.policies.find(({ name }) => name === policy)?.settings ?? [];
  const option = (info: SettingInfo, prefix = ""): AxisOption => ({
    name: prefix + info.name,
    label: info.label || info.name,
    info,
  });
  return [
    option(catalogue.drop_rate),
    ...own.map((info) => option(info)),
    ...more.map((info) => option(info, POLICY_PREFIX)),
  ].filter(({ info }) => info.kind === "float" || info.kind === "int");
}

/** A sensible range of a setting: of the learning rate a decade to both sides of what suits. */
export function axisFor({ name, info }: AxisOption, problem: ProblemInfo, optimizer: string) {
  const made = (from: number, to: number, count: number, spacing: Spacing): AxisForm => ({
    setting: name,
    from: String(tidy(from)),
    to: String(tidy(to)),
    count: String(count),
    spacing,
    list: null,
  });
  if (name === DROP_RATE) return made(0, 0.9, 10, "linear");
  const middle = Number(
    name === LR ? (problem.suggested_lr[optimizer] ?? info.default) : info.default,
  );
  if (name === LR || info.log) {
    return middle > 0 ? made(middle / 10, middle * 10, 9, "log") : made(1e-5, 1e-1, 5, "log");
  }
  const low = info.low ?? 0;
  const high = info.high ?? Math.max(1, 2 * middle);
  const span = info.high_open ? 0.9 * (high - low) : high - low;
  if (info.kind === "int") return made(low, high, Math.min(high - low + 1, 9), "linear");
  return made(info.low_open ? low + span / 10 : low, low + span, 7, "linear");
}

/** A number as a person types it; NaN if it is none. */
export function typed(text: string): number {
  const clean = text.trim().replace(",", ".").replace("−", "-");
  return clean === "" ? Number.NaN : Number(clean);
}

/** Values of an axis, or why there are none, with the field that is to be mended. */
export type Values =
  | { values: number[] }
  | { field: "from" | "to" | "count" | "list"; why: string };

export function valuesOf(form: AxisForm): Values {
  if (form.list !== null) return listed(form.list);
  const [from, to, count] = [typed(form.from), typed(form.to), typed(form.count)];
  const number = (field: "from" | "to", text: string): Values => ({
    field,
    why: `${field}: “${text}” is no number; use one such as 0.01`,
  });
  if (!Number.isFinite(from)) return number("from", form.from);
  if (!Number.isFinite(to)) return number("to", form.to);
  if (!Number.isInteger(count) || count < 1 || count > MOST_VALUES) {
    return {
      field: "count",
      why: `count: “${form.count}” is not allowed; use 1 to ${MOST_VALUES}`,
    };
  }
  if (form.spacing === "log" && (from <= 0 || to <= 0)) {
    const field = from <= 0 ? "from" : "to";
    return {
      field,
      why: `${field}: ${form[field]} has no logarithm; use a number above 0, or linear`,
    };
  }
  if (count > 1 && from === to) return { field: "to", why: "to: is the same as from; use another" };
  return { values: spaced(from, to, count, form.spacing) };
}

function listed(text: string): Values {
  const words = text.split(/[\s;]+|,\s+|,(?=\d*\.)/).filter(Boolean);
  const values = (words.length > 1 ? words : text.split(/[\s;,]+/)).filter(Boolean).map(typed);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  const why = (words: string): Values => ({ field: "list", why: `values: ${words}` });
  const parts = (words.length > 1 ? words : text.split(/[\s;,]+/)).filter(Boolean);
  if (bad >= 0) return why(`“${parts[bad]}” is no number; use numbers with spaces between`);
  if (values.length < 1 || values.length > MOST_VALUES) {
    return why(
      `${values.length} are too ${values.length ? "many" : "few"}; use 1 to ${MOST_VALUES}`,
    );
  }
  const twice = values.find((value, i) => values.indexOf(value) < i);
  if (twice !== undefined) return why(`${twice} is there twice; use each once`);
  return { values: values.sort((a, b) => a - b) };
}

/** `count` values from one end to the other, ends included, with as few digits as tell them apart. */
export function spaced(from: number, to: number, count: number, spacing: Spacing): number[] {
  const [low, high] = from < to ? [from, to] : [to, from];
  const at = (i: number) => {
    const t = count === 1 ? 0 : i / (count - 1);
    return spacing === "log" ? low * (high / low) ** t : low + t * (high - low);
  };
  const exact = Array.from({ length: count }, (_, i) => at(i));
  for (const digits of spacing === "log" ? [2, 3, 4] : [6, 9]) {
    const rounded = exact.map((value, i) =>
      i === 0 || i === count - 1 ? tidy(value) : Number(value.toPrecision(digits)),
    );
    if (rounded.every((value, i) => i === 0 || value > (rounded[i - 1] as number))) return rounded;
  }
  return exact;
}

/** Without the dust of floating-point products. */
export const tidy = (value: number): number => Number(value.toPrecision(10));
