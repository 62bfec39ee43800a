import type { Column } from "../charts/types.ts";
import { csvQuoted } from "../look/csv.ts";
import { formatPercent, formatStep, formatValue } from "../look/format.ts";
import type { Run, Tensor } from "../protocol.ts";
import { valueAt } from "./history.ts";
import type { LayersOfRun, LayersView } from "./looks.ts";

/** A tensor of a run. */
export interface LayerRow {
  run: Run;
  name: string;
  place: number;
  tensor: Tensor;
  size: number;
  values: Record<string, number>;
  /** Steps that were looked back, more than which ages are not known. */
  known: number;
  /** Coordinates that ages and coverage are of. */
  lookedAt: number;
}

export interface LayerColumn {
  name: string;
  label: string;
  help: string;
  format: (value: number, row: LayerRow) => string;
}

const age = (value: number, { known }: LayerRow): string =>
  value >= known ? `≥ ${formatStep(known)}` : formatStep(value);

const inSteps = (n: number): LayerColumn => ({
  name: `covered_${n}`,
  label: `in last ${n}`,
  help: `share of the coordinates that were updated in the last ${n} steps`,
  format: formatPercent,
});

/** What the table says of a tensor, in order. */
export const LAYER_COLUMNS: readonly LayerColumn[] = [
  {
    name: "keep_rate",
    label: "kept",
    help: "share of the coordinates that the step kept",
    format: formatPercent,
  },
  { name: "grad_norm", label: "gradient", help: "norm of the gradient", format: formatValue },
  {
    name: "update_norm",
    label: "update",
    help: "norm of the update, after the mask",
    format: formatValue,
  },
  {
    name: "update_ratio",
    label: "÷ weights",
    help: "norm of the update over the norm of the weights",
    format: formatValue,
  },
  {
    name: "age",
    label: "age",
    help: "steps since a coordinate was updated: the median; 0 is the newest step",
    format: age,
  },
  {
    name: "age_95",
    label: "age 95 %",
    help: "95 % of the coordinates were updated at most so many steps ago",
    format: age,
  },
  inSteps(10),
  inSteps(100),
  { name: "size", label: "size", help: "coordinates", format: formatStep },
];

/** Rows of all runs that are shown: tensor by tensor, runs side by side. */
export function layerRows(
  view: LayersView | null,
  runs: readonly Run[],
  nameOf: (run: Run) => string,
  tensors: readonly Tensor[],
): LayerRow[] {
  return tensors.flatMap((tensor, place) =>
    runs.map((run) => {
      const found = view?.runs.find((one) => one.run === run.id);
      const size = tensor.shape.reduce((product, n) => product * n, 1);
      return {
        run,
        name: nameOf(run),
        place,
        tensor,
        size,
        values: { size, ...(found && valuesOf(found, place)) },
        known: found?.known[place] ?? 0,
        lookedAt: found?.looked_at[place] ?? 0,
      };
    }),
  );
}

function valuesOf(found: LayersOfRun, place: number): Record<string, number> {
  const { age: ages, covered, keep_rate, grad_norm, update_norm, update_ratio, full_norm } = found;
  const at = (list: number[] | undefined) => list?.[place] ?? Number.NaN;
  const [median, most] = ages[place] ?? [Number.NaN, Number.NaN];
  return {
    keep_rate: at(keep_rate),
    grad_norm: at(grad_norm),
    update_norm: at(update_norm),
    full_norm: at(full_norm),
    weight_norm: at(found.weight_norm),
    update_ratio: at(update_ratio),
    age: median,
    age_95: most,
    ...Object.fromEntries(Object.entries(covered).map(([n, list]) => [`covered_${n}`, at(list)])),
  };
}

/** What is recorded of an earlier step; the rest is known live only. */
export function recordedRows(
  rows: readonly LayerRow[],
  column: (run: string, name: string) => Column | undefined,
  step: number,
): LayerRow[] {
  const single = new Set(rows.map((row) => row.place)).size === 1;
  return rows.map((row) => {
    const at = (name: string) => valueAt(column(row.run.id, name), step);
    const { name } = row.tensor;
    const values = {
      size: row.size,
      keep_rate: at(single ? "keep_rate" : `keep_rate/${name}`),
      update_ratio: at(`update_ratio/${name}`),
    };
    return { ...row, values, known: 0, lookedAt: 0 };
  });
}

export interface Sorting {
  /** Empty is the order of the tensors. */
  column: string;
  down: boolean;
}

/** Rows in an order; what is not known comes last, what is equal stays as it was. */
export function sorted(rows: readonly LayerRow[], { column, down }: Sorting): LayerRow[] {
  if (column === "") return [...rows];
  const sign = down ? -1 : 1;
  if (column === "tensor") {
    return [...rows].sort((a, b) => sign * a.tensor.name.localeCompare(b.tensor.name));
  }
  const value = (row: LayerRow) => row.values[column] ?? Number.NaN;
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (Number.isNaN(x) || Number.isNaN(y))
      return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return sign * (x - y);
  });
}

/** What a click on a column's head makes of the order: largest first, smallest first, none. */
export function nextSorting(now: Sorting, column: string): Sorting {
  const first = column !== "tensor";
  if (now.column !== column) return { column, down: first };
  return now.down === first ? { column, down: !first } : { column: "", down: true };
}

const CSV_NAMES = [
  "size",
  "keep_rate",
  "grad_norm",
  "update_norm",
  "full_norm",
  "weight_norm",
  "update_ratio",
  "age",
  "age_95",
  "covered_10",
  "covered_100",
];

/** The table as CSV with all digits; ages that are not known are empty. */
export function layersCsv(rows: readonly LayerRow[], step: number): string {
  const head = ["step", "run", "name", "tensor", "shape", ...CSV_NAMES, "looked_at"];
  const lines = rows.map((row) => {
    const numbers = CSV_NAMES.map((name) => {
      const value = row.values[name] ?? Number.NaN;
      const beyond = name.startsWith("age") && value >= row.known;
      return Number.isNaN(value) || beyond ? "" : String(value);
    });
    const shape = row.tensor.shape.join("x");
    const words = [row.run.id, row.name, row.tensor.name, shape].map(quoted);
    return [step, ...words, ...numbers, row.lookedAt].join(",");
  });
  return [head.join(","), ...lines, ""].join("\n");
}

/** A field that a spreadsheet takes as text, whatever stands in it. */
function quoted(text: string): string {
  const plain = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return csvQuoted(plain);
}
