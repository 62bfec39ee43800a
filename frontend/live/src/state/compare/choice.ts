/** What is compared, and how, as the address says it: whoever opens it sees the same. */

/** What the curves are laid along. */
export type Axis = "step" | "epoch" | "effective" | "time";
export const AXES: readonly Axis[] = ["step", "epoch", "effective", "time"];

/** One run that was chosen; its slot (colour, glyph, dash) is its own here, null until it is known. */
export interface Chosen {
  experiment: string;
  run: string;
  slot: number | null;
}

/** A value that a person asks for, of one column. */
export interface Target {
  column: string;
  value: number;
}

export interface Choice {
  runs: Chosen[];
  /** Experiments whose runs are all to be added. */
  add: string[];
  axis: Axis;
  /** Runs that differ only in their seed are one line. */
  grouped: boolean;
  /** The run whose line all others are compared with. */
  baseline: string | null;
  /** Columns drawn; null are those that a comparison begins with. */
  columns: string[] | null;
  target: Target | null;
}

export const EMPTY: Choice = {
  runs: [],
  add: [],
  axis: "step",
  grouped: true,
  baseline: null,
  columns: null,
  target: null,
};

/** More lines could not be told apart, nor be read in one go. */
export const MOST_RUNS = 64;

/** How a run is named among all experiments. */
export const keyOf = (run: Pick<Chosen, "experiment" | "run">): string =>
  `${run.experiment}.${run.run}`;

/** The choice that a query holds; parts that cannot be read are left out. */
export function choiceOf(search: string): Choice {
  const query = new URLSearchParams(search);
  const seen = new Set<string>();
  const runs = list(query.get("runs"))
    .map(chosenOf)
    .filter((run): run is Chosen => run !== null && !seen.has(keyOf(run)) && !!seen.add(keyOf(run)))
    .slice(0, MOST_RUNS);
  const axis = AXES.find((known) => known === query.get("by")) ?? "step";
  const columns = query.has("charts") ? list(query.get("charts")) : null;
  return {
    runs,
    add: list(query.get("add")),
    axis,
    grouped: query.get("seeds") !== "apart",
    baseline: query.get("baseline") || null,
    columns,
    target: targetOf(query.get("target")),
  };
}

/** The query that holds a choice, without its question mark; empty if nothing is chosen. */
export function queryOf(choice: Choice): string {
  const parts: [string, string][] = [];
  if (choice.runs.length > 0) parts.push(["runs", choice.runs.map(wordOf).join(",")]);
  if (choice.add.length > 0) parts.push(["add", choice.add.join(",")]);
  if (choice.axis !== "step") parts.push(["by", choice.axis]);
  if (!choice.grouped) parts.push(["seeds", "apart"]);
  if (choice.baseline !== null) parts.push(["baseline", choice.baseline]);
  if (choice.columns !== null) parts.push(["charts", choice.columns.join(",")]);
  if (choice.target !== null) {
    parts.push(["target", `${choice.target.column}:${choice.target.value}`]);
  }
  return parts.map(([name, value]) => `${name}=${encodeURI(value)}`).join("&");
}

function list(text: string | null): string[] {
  return (text ?? "").split(",").filter(Boolean);
}

function wordOf(run: Chosen): string {
  return run.slot === null ? keyOf(run) : `${keyOf(run)}.${run.slot}`;
}

function chosenOf(word: string): Chosen | null {
  const [experiment, run, slot] = word.split(".");
  if (!experiment || !run) return null;
  const number = Number(slot);
  const known = slot !== undefined && slot !== "" && Number.isInteger(number) && number >= 0;
  return { experiment, run, slot: known ? number : null };
}

function targetOf(text: string | null): Target | null {
  const at = text?.lastIndexOf(":") ?? -1;
  if (!text || at < 1) return null;
  const value = Number(text.slice(at + 1));
  return Number.isFinite(value) && text.length > at + 1
    ? { column: text.slice(0, at), value }
    : null;
}

/**
 * The slot of a run that joins: that of runs like it but for the seed, else its own if it is free,
 * else the first free one; when all are taken they begin anew.
 */
export function freeSlot(own: number, alike: number | undefined, taken: readonly number[]): number {
  if (alike !== undefined) return alike;
  if (!taken.includes(own)) return own;
  for (let slot = 0; slot < MOST_RUNS; slot++) if (!taken.includes(slot)) return slot;
  return own;
}
