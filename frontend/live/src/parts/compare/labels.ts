import type { Scale } from "../../charts/axis.ts";
import { formatPercent, formatStep, formatTick, formatValue } from "../../look/format.ts";

interface Look {
  title: string;
  scale: Scale;
  format: (value: number) => string;
  /** Values lie in [0, 1]. */
  share?: boolean;
}

const KNOWN: Record<string, Look> = {
  loss: { title: "Loss", scale: "log", format: formatValue },
  test_loss: { title: "Test loss", scale: "log", format: formatValue },
  test_accuracy: { title: "Test accuracy", scale: "linear", format: formatPercent, share: true },
  keep_rate: { title: "Kept coordinates", scale: "linear", format: formatPercent, share: true },
  cos_full: { title: "Cosine to the full update", scale: "linear", format: formatValue },
  cos_grad: { title: "Cosine to the gradient", scale: "linear", format: formatValue },
  update_norm: { title: "Length of the update", scale: "log", format: formatValue },
  grad_norm: { title: "Length of the gradient", scale: "log", format: formatValue },
  lr: { title: "Learning rate", scale: "linear", format: formatValue },
  drop_rate: { title: "Drop rate", scale: "linear", format: formatValue },
  saddle_index: { title: "Negative eigenvalues", scale: "linear", format: formatStep },
};

/** How a column is called and drawn. */
export function lookOf(column: string): Look {
  const title = column.charAt(0).toUpperCase() + column.slice(1).replaceAll("_", " ");
  return KNOWN[column] ?? { title, scale: "linear", format: formatValue };
}

/** Half of an interval: two digits say enough of it. */
export function formatHalf(column: string): (half: number) => string {
  const share = lookOf(column).share === true;
  return (half) =>
    formatTick(Number(((share ? 100 : 1) * half).toPrecision(2))) + (share ? " %" : "");
}

/** A difference in the format of its column: points of a percentage, or a number with its sign. */
export function formatDifference(column: string): (value: number) => string {
  const { format } = lookOf(column);
  return (value) => (value > 0 ? `+${format(value)}` : format(value));
}
