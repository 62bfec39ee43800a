/** One sentence about a sweep, and how sure it is. */

import { formatTick } from "../../look/format.ts";
import type { Sweep, SweepCell } from "../../protocol.ts";
import { half, SEEDS_FOR_INTERVAL, welch } from "../compare/statistics.ts";
import { DROP_RATE } from "./axis.ts";
import { bestOf, type Cells, counts, type Spot, sampleOf, spotKey, valueAt } from "./cells.ts";
import type { Measure } from "./measures.ts";

export interface SweepVerdict {
  text: string;
  sure: string;
  best: SweepCell | null;
  /** Keys of other cells that the seeds cannot tell from the best; null with too few seeds. */
  tied: ReadonlySet<string> | null;
}

/** "drop rate 0.5, learning rate 0.003". */
export function spotWords(sweep: Sweep, spot: Spot): string {
  const one = (axis: "x" | "y") => `${sweep[axis].label} ${formatTick(valueAt(sweep, axis, spot))}`;
  return `${one("x")}, ${one("y")}`;
}

/** "0.0834 ± 0.009": a mean and half of its 95 % interval, where there is one. */
export function valueWords(cell: SweepCell, measure: Measure): string {
  const sample = sampleOf(cell, measure);
  if (!sample) return "no value";
  const around = cell.values[measure.name]?.sd === null ? Number.NaN : half(sample);
  const words = measure.format(sample.mean);
  return Number.isNaN(around) ? words : `${words} ± ${measure.formatHalf(around)}`;
}

export function sweepVerdict(sweep: Sweep, cells: Cells, measure: Measure): SweepVerdict {
  const best = bestOf(cells, sweep, measure);
  const sample = best && sampleOf(best, measure);
  if (!best || !sample) {
    const done = sweep.state === "finished";
    const text = done ? `No cell has a value of ${measure.label}.` : "No cell has a value yet.";
    return { text, sure: "", best: null, tied: null };
  }
  const going = ["running", "queued", "paused"].includes(sweep.state);
  const others = [...cells.values()].filter(
    (cell) => cell !== best && counts(cell, sweep, measure),
  );
  const enough = sweep.seeds >= SEEDS_FOR_INTERVAL;
  const tied = enough
    ? new Set(
        others
          .filter((cell) => {
            const other = sampleOf(cell, measure);
            if (!other) return false;
            const { difference, half: around } = welch(sample, other);
            return !(Math.abs(difference) > around);
          })
          .map(spotKey),
      )
    : null;
  const parts = [
    `${going ? "Best so far" : "Best"}: ${spotWords(sweep, best)} (${measure.label} ${valueWords(best, measure)}).`,
  ];
  if (tied?.size === 0 && others.length > 0) {
    parts.push("Every other cell differs by more than the seeds scatter.");
  } else if (tied !== null && tied.size > 0) {
    const cellWords = tied.size === 1 ? "1 other cell lies" : `${tied.size} other cells lie`;
    parts.push(`${cellWords} within the seeds’ scatter of it: which is best is not decided.`);
  }
  const plain = plainWords(sweep, cells, measure, best);
  if (plain) parts.push(plain);
  return { text: parts.join(" "), sure: sureWords(sweep, measure, others.length + 1), best, tied };
}

/** The best cell where nothing is dropped, beside the best of all. */
function plainWords(sweep: Sweep, cells: Cells, measure: Measure, best: SweepCell): string {
  const axis = sweep.x.setting === DROP_RATE ? "x" : sweep.y.setting === DROP_RATE ? "y" : null;
  if (!axis) return "";
  const plain = bestOf(cells, sweep, measure, (cell) => valueAt(sweep, axis, cell) === 0);
  const [a, b] = [sampleOf(best, measure), plain && sampleOf(plain, measure)];
  if (!plain || !a || !b) return "";
  if (plain === best) return "Nothing is dropped there.";
  const other = axis === "x" ? "y" : "x";
  const where = `${sweep[other].label} ${formatTick(valueAt(sweep, other, plain))}`;
  const head = `Without dropping, the best is ${where} (${valueWords(plain, measure)})`;
  if (sweep.seeds < SEEDS_FOR_INTERVAL) return `${head}.`;
  const { difference, half: around } = welch(a, b);
  if (!(Math.abs(difference) > around)) return `${head}: no difference that these seeds can show.`;
  return `${head}: worse by more than the seeds scatter.`;
}

function sureWords(sweep: Sweep, measure: Measure, cells: number): string {
  if (sweep.seeds < SEEDS_FOR_INTERVAL) {
    const seeds = sweep.seeds === 1 ? "One seed" : "Two seeds";
    return `${seeds} a cell: small differences are chance. An interval needs ${SEEDS_FOR_INTERVAL}.`;
  }
  const what = "95 % intervals (Welch’s t)";
  const bound =
    sweep.kind === "task" && measure.name === "loss"
      ? " The scatter of a mean of steps is an upper bound."
      : "";
  return `${sweep.seeds} seeds a cell, ${what}, not corrected for choosing the best of ${cells}.${bound}`;
}
