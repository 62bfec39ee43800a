import { formatTick, formatValue } from "../../look/format.ts";
import type { Sweep } from "../../protocol.ts";
import {
  bestOf,
  type Cells,
  dropAndLr,
  effectiveLr,
  measured,
  type Spot,
  spotKey,
  valueAt,
} from "../../state/sweeps/cells.ts";
import { type Measure, measureOf } from "../../state/sweeps/measures.ts";
import { spotWords } from "../../state/sweeps/verdict.ts";
import { addressOf, folderOf } from "../../state/url.ts";
import { useApp } from "../context.ts";
import { RunGlyph } from "../glyph.tsx";
import { cellState, cellValue } from "./cell_words.tsx";
import { CellCurve } from "./curve.tsx";

interface Props {
  sweep: Sweep;
  cells: Cells;
  measure: Measure;
  shown: Spot | null;
}

/** The cell that is shown: its numbers, its curves with those beside it, and where it leads. */
export function CellPanel({ sweep, cells, measure, shown }: Props) {
  const app = useApp();
  const { sweeps } = app;
  if (!shown) {
    return (
      <aside class="sweep-cell empty" aria-label="cell" data-testid="cell-panel">
        <p class="hint">
          Click a cell for its curves. Arrow keys walk over the map, Enter chooses.
        </p>
      </aside>
    );
  }
  const cell = cells.get(spotKey(shown));
  const ids = sweep.grid[shown.y] ?? [];
  const product = effectiveLr(sweep, shown);
  const page = sweep.kind === "surface" ? "explore" : "train";
  const curves = sweeps.curves;
  void curves.seen.value;
  const offered = measured(cells, sweep);
  const held = offered.includes("test_accuracy") ? "test_accuracy" : "test_loss";
  return (
    <aside class="sweep-cell" aria-label="cell" data-testid="cell-panel" data-cell={spotKey(shown)}>
      <header>
        <h2>
          {spotWords(sweep, shown)}
          {!sweeps.chosen.value && <span class="hint"> the best cell</span>}
        </h2>
        <p class={cell?.state === "diverged" ? "warn" : "hint"}>
          {cellState(sweep, cell)}
          {product !== null && `, lr × keep ${formatValue(product)}`}
        </p>
        {cell?.message && <p class="warn">{cell.message}</p>}
      </header>
      <dl class="sweep-facts">
        {offered.map((name) => {
          const one = measureOf(sweep, name);
          const value = cellValue(sweep, cell, one) || "–";
          return (
            <div key={name} class={`sweep-fact ${name === measure.name ? "main" : ""}`}>
              <dt title={one.help}>{one.label}</dt>
              <dd>{value}</dd>
            </div>
          );
        })}
      </dl>
      <CellCurve column="loss" sweep={sweep} />
      <CellCurve column={sweep.kind === "task" ? held : "distance"} sweep={sweep} />
      <ul class="sweep-beside" aria-label="lines">
        {curves.views.map((view) => (
          <li key={view.id}>
            <button
              type="button"
              class="link plain"
              aria-current={view.id === curves.main}
              onClick={() => {
                const [x, y] = view.id.split(".").map(Number);
                sweeps.choose({ x: x as number, y: y as number });
              }}
            >
              <RunGlyph slot={view.slot} size={11} /> {view.name}
            </button>
          </li>
        ))}
      </ul>
      {curves.trouble.value && (
        <p class="bad" role="alert">
          {curves.trouble.value}
        </p>
      )}
      <div class="sweep-ways">
        <a
          class="button"
          href={addressOf(page, ids[0] ?? null, location.pathname)}
          data-testid="open-experiment"
          title={`the row of ${sweep.y.label} ${formatTick(valueAt(sweep, "y", shown))}`}
        >
          Open the experiment
        </a>
        <a
          class="button"
          href={compareAddress(sweep, cells, measure, shown)}
          data-testid="compare-cell"
          title="this cell, beside the best one where nothing is dropped"
        >
          Compare with…
        </a>
      </div>
    </aside>
  );
}

/** The address that compares a cell with the best one without dropping, or with the best of all. */
export function compareAddress(sweep: Sweep, cells: Cells, measure: Measure, spot: Spot): string {
  const axes = dropAndLr(sweep);
  const plain = axes && ((cell: Spot) => valueAt(sweep, axes.drop, cell) === 0);
  const other =
    (plain && bestOf(cells, sweep, measure, plain)) ?? bestOf(cells, sweep, measure) ?? spot;
  const spots = spotKey(other) === spotKey(spot) ? [spot] : [spot, other];
  const runs = spots.flatMap(({ x, y }) => (sweep.grid[y] ?? []).map((id) => `${id}.r${x + 1}`));
  return `${folderOf(location.pathname)}compare?runs=${runs.join(",")}`;
}
