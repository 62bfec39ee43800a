import { useEffect, useRef, useState } from "preact/hooks";
import { formatTick } from "../../look/format.ts";
import { css, heatRgb, inkOn } from "../../look/heat.ts";
import type { Sweep, SweepCell } from "../../protocol.ts";
import {
  type Cells,
  evenLine,
  type HeatScale,
  moved,
  type Spot,
  sampleOf,
  spotKey,
  valueAt,
} from "../../state/sweeps/cells.ts";
import type { Measure } from "../../state/sweeps/measures.ts";
import { useApp } from "../context.ts";
import { CellTip, cellWords } from "./cell_words.tsx";

interface Props {
  sweep: Sweep;
  cells: Cells;
  measure: Measure;
  scale: HeatScale | null;
  best: SweepCell | null;
  tied: ReadonlySet<string> | null;
  shown: Spot | null;
  numbers: boolean;
  even: boolean;
  onChoose: (spot: Spot) => void;
}

/** The grid as a map: x across, y upwards; one cell can be walked to with the arrow keys. */
export function HeatMap(props: Props) {
  const { sweep, cells, best, shown, onChoose } = props;
  const root = useRef<HTMLDivElement>(null);
  /** The cell that is pointed at or has the focus. */
  const [told, setTold] = useState<Spot | null>(null);
  const [walked, setWalked] = useState<Spot | null>(null);
  const entry = walked ?? shown ?? best ?? { x: 0, y: 0 };
  const focus = (spot: Spot) =>
    root.current?.querySelector<HTMLElement>(`[data-cell="${spotKey(spot)}"]`)?.focus();
  useEffect(() => setWalked(null), [shown && spotKey(shown)]);
  const key = (event: KeyboardEvent, spot: Spot) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onChoose(spot);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = moved(spot, event.key, sweep);
    if (!next) return;
    event.preventDefault();
    setWalked(next);
    focus(next);
  };
  const rows = sweep.y.values.map((_, j) => j).reverse();
  const columns = sweep.x.values.map((_, i) => i);
  return (
    <div class="heat" ref={root}>
      <p class="heat-y-name" aria-hidden="true">
        ↑ {sweep.y.label}
      </p>
      <div class="heat-scroll" style={{ "--columns": columns.length, "--rows": rows.length }}>
        <div class="heat-frame">
          <table data-testid="heat-map" onPointerLeave={() => setTold(null)}>
            <caption class="unseen">
              {props.measure.label} by {sweep.x.label} and {sweep.y.label}; arrow keys walk over the
              cells, Enter shows the curves of one
            </caption>
            <colgroup>
              <col class="heat-side" />
              <col span={columns.length} />
            </colgroup>
            <tbody>
              {rows.map((j) => (
                <tr key={j}>
                  <th scope="row">{formatTick(sweep.y.values[j] as number)}</th>
                  {columns.map((i) => (
                    <td key={i}>
                      <Cell
                        {...props}
                        spot={{ x: i, y: j }}
                        cell={cells.get(spotKey({ x: i, y: j }))}
                        entry={entry.x === i && entry.y === j}
                        onTold={setTold}
                        onKey={key}
                      />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr>
                <td />
                {columns.map((i) => (
                  <th scope="col" key={i}>
                    {formatTick(sweep.x.values[i] as number)}
                  </th>
                ))}
              </tr>
            </tfoot>
          </table>
          {props.even && <EvenLine sweep={sweep} through={shown ?? best} />}
        </div>
      </div>
      <p class="heat-x-name" aria-hidden="true">
        {sweep.x.label} →
      </p>
      {told && <CellTip {...props} root={root.current} spot={told} />}
    </div>
  );
}

interface CellProps extends Props {
  spot: Spot;
  cell: SweepCell | undefined;
  entry: boolean;
  onTold: (spot: Spot | null) => void;
  onKey: (event: KeyboardEvent, spot: Spot) => void;
}

function Cell(props: CellProps) {
  const { sweep, cell, spot, measure, scale, best, shown, numbers, entry } = props;
  const theme = useApp().theme.value;
  const sample = sampleOf(cell, measure);
  const ground = sample && scale ? heatRgb(theme, scale.share(sample.mean)) : null;
  const isBest = best !== null && best.x === spot.x && best.y === spot.y;
  const isShown = shown !== null && shown.x === spot.x && shown.y === spot.y;
  const state = cell?.state ?? "waiting";
  const training = state === "running" || state === "paused";
  const tied = props.tied?.has(spotKey(spot)) === true;
  return (
    <>
      <span
        class={`heat-ground ${state}`}
        style={ground ? { background: css(ground) } : undefined}
      />
      <button
        type="button"
        class={`heat-cell ${state} ${isBest ? "best" : tied ? "tied" : ""} ${isShown ? "shown" : ""}`}
        style={ground ? { "--ground": css(ground), color: css(inkOn(ground)) } : undefined}
        tabIndex={entry ? 0 : -1}
        aria-pressed={isShown}
        aria-label={cellWords(sweep, cell, spot, measure, isBest, tied)}
        data-testid="cell"
        data-cell={spotKey(spot)}
        data-state={state}
        data-best={isBest}
        onClick={() => props.onChoose(spot)}
        onKeyDown={(event) => props.onKey(event, spot)}
        onFocus={() => props.onTold(spot)}
        onBlur={() => props.onTold(null)}
        onPointerEnter={() => props.onTold(spot)}
      >
        {numbers && sample && <span class="heat-number">{measure.format(sample.mean)}</span>}
        {state === "diverged" && (
          <span class="heat-cross" aria-hidden="true">
            ×
          </span>
        )}
        {training && cell && (
          <span class="heat-progress" style={{ "--done": cell.step / sweep.steps }} />
        )}
      </button>
    </>
  );
}

/** Along it lr × keep is what it is in one cell: the fair baseline at every drop rate. */
function EvenLine({ sweep, through }: { sweep: Sweep; through: Spot | null }) {
  const points = through && evenLine(sweep, through);
  if (!points) return null;
  const path = points.map(([x, y]) => `${(100 * x).toFixed(2)},${(100 * (1 - y)).toFixed(2)}`);
  return (
    <svg
      class="heat-even"
      viewBox="0 0 100 100"
      preserveAspectRatio="none"
      aria-hidden="true"
      data-testid="even-line"
      data-through={`${valueAt(sweep, "x", through)} ${valueAt(sweep, "y", through)}`}
    >
      <polyline class="under" points={path.join(" ")} />
      <polyline points={path.join(" ")} />
    </svg>
  );
}
