import { useLayoutEffect, useRef } from "preact/hooks";
import { formatStep, formatTick, formatValue } from "../../look/format.ts";
import type { Sweep, SweepCell } from "../../protocol.ts";
import {
  type Cells,
  effectiveLr,
  type Spot,
  sampleOf,
  spotKey,
  valueAt,
} from "../../state/sweeps/cells.ts";
import type { Measure } from "../../state/sweeps/measures.ts";
import { spotWords } from "../../state/sweeps/verdict.ts";

/** What has become of a cell: "diverged at step 312", "training, step 40 of 900". */
export function cellState(sweep: Sweep, cell: SweepCell | undefined): string {
  const steps = `step ${formatStep(cell?.step ?? 0)} of ${formatStep(sweep.steps)}`;
  switch (cell?.state) {
    case "diverged":
      return `diverged at step ${formatStep(cell.diverged_step ?? cell.step)}`;
    case "running":
      return `training, ${steps}`;
    case "paused":
    case "stopped":
      return `${cell.state} at ${steps}`;
    case "finished":
      return `finished, ${formatStep(cell.step)} steps`;
    case "gone":
      return "its experiment was deleted";
    default:
      return "waits for a place";
  }
}

/** A cell's value with its scatter over the seeds, in words; empty where it has none. */
export function cellValue(sweep: Sweep, cell: SweepCell | undefined, measure: Measure): string {
  const sample = sampleOf(cell, measure);
  if (!cell || !sample) return "";
  const words = measure.format(sample.mean);
  const sd = cell.values[measure.name]?.sd ?? null;
  if (sweep.seeds === 1) return words;
  const of = sample.n < sweep.seeds ? `${sample.n} of ${sweep.seeds} seeds` : `${sample.n} seeds`;
  return sd === null ? `${words}, ${of}` : `${words}, sd ${measure.formatHalf(sd)}, ${of}`;
}

/** All about a cell, for those who do not see the map. */
export function cellWords(
  sweep: Sweep,
  cell: SweepCell | undefined,
  spot: Spot,
  measure: Measure,
  best: boolean,
  tied: boolean,
): string {
  const value = cellValue(sweep, cell, measure);
  const parts = [spotWords(sweep, spot), value && `${measure.label} ${value}`];
  parts.push(cellState(sweep, cell), best ? "the best cell" : "");
  parts.push(tied ? "within the seeds’ scatter of the best" : "");
  return parts.filter(Boolean).join("; ");
}

interface TipProps {
  sweep: Sweep;
  cells: Cells;
  measure: Measure;
  spot: Spot;
  root: HTMLElement | null;
}

/** The numbers of the cell that is pointed at or has the focus, beside it. */
export function CellTip({ sweep, cells, measure, spot, root }: TipProps) {
  const tip = useRef<HTMLDivElement>(null);
  const cell = cells.get(spotKey(spot));
  useLayoutEffect(() => {
    const at = root?.querySelector<HTMLElement>(`[data-cell="${spotKey(spot)}"]`);
    if (tip.current && root && at) place(tip.current, root, at);
  });
  const value = cellValue(sweep, cell, measure);
  const product = effectiveLr(sweep, spot);
  return (
    <div class="heat-tip" ref={tip} data-testid="cell-tip" aria-hidden="true">
      <dl>
        {(["x", "y"] as const).map((axis) => (
          <div key={axis} class="heat-tip-row">
            <dt>{sweep[axis].label}</dt>
            <dd>{formatTick(valueAt(sweep, axis, spot))}</dd>
          </div>
        ))}
        {product !== null && (
          <div class="heat-tip-row">
            <dt>lr × keep</dt>
            <dd>{formatValue(product)}</dd>
          </div>
        )}
        {value && (
          <div class="heat-tip-row main">
            <dt>{measure.label}</dt>
            <dd>{value}</dd>
          </div>
        )}
      </dl>
      <p class={cell?.state === "diverged" ? "warn" : ""}>{cellState(sweep, cell)}</p>
      {cell?.message && <p class="warn">{cell.message}</p>}
      {cell?.changed && <p class="warn">a control changed its settings while it trained</p>}
    </div>
  );
}

const GAP = 8;

/** Beside the cell, on the side that has room. */
function place(tip: HTMLElement, root: HTMLElement, cell: HTMLElement): void {
  const [frame, at] = [root.getBoundingClientRect(), cell.getBoundingClientRect()];
  const { width, height } = tip.getBoundingClientRect();
  const right = at.right + GAP;
  const fits = right + width <= innerWidth - GAP;
  const left = fits ? right : Math.max(GAP, at.left - GAP - width);
  const top = Math.min(Math.max(at.top, GAP), innerHeight - height - GAP);
  tip.style.left = `${left - frame.left}px`;
  tip.style.top = `${top - frame.top}px`;
}
