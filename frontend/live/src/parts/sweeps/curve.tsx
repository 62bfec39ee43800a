import { useEffect, useRef, useState } from "preact/hooks";
import type { Scale } from "../../charts/axis.ts";
import { LineChart } from "../../charts/line_chart.ts";
import { formatValue } from "../../look/format.ts";
import type { Sweep } from "../../protocol.ts";
import { DISTANCE } from "../../state/surface_rows.ts";
import { HALF } from "../../state/sweeps/curves.ts";
import { lookOf } from "../compare/labels.ts";
import { useApp } from "../context.ts";

/** Steps of a task's loss that are drawn as their mean. */
const WINDOW = 25;
const DISTANCE_LOOK = {
  title: "Distance to the minimum",
  scale: "log" as const,
  format: formatValue,
};

/** One column of the cell that is shown, those beside it behind it. */
export function CellCurve({ column, sweep }: { column: string; sweep: Sweep }) {
  const app = useApp();
  const { curves } = app.sweeps;
  const look = column === DISTANCE ? DISTANCE_LOOK : lookOf(column);
  const host = useRef<HTMLDivElement>(null);
  const [scale, setScale] = useState<Scale>(look.scale);
  const smooth = column === "loss" && sweep.kind === "task";
  useEffect(() => {
    if (!host.current) return;
    const several = sweep.kind === "task" && sweep.seeds > 1;
    const band = { column: column + HALF, factor: 1 };
    const means = several ? `mean of ${sweep.seeds} seeds` : "";
    const chart = new LineChart(host.current, {
      title: look.title,
      columns: [
        {
          name: column,
          label: look.title,
          ...(smooth ? { mean: WINDOW } : {}),
          ...(several && sweep.seeds > 2 ? { band } : {}),
        },
      ],
      scale,
      format: look.format,
      onScale: (chosen) => setScale(chosen),
      note: [means, smooth ? `${WINDOW} steps` : ""].filter(Boolean).join(", "),
      empty: "no rows yet",
    });
    const remove = app.loop.add(() => {
      chart.update({
        rows: curves,
        runs: curves.views,
        marks: [],
        theme: app.theme.peek(),
        steps: sweep.steps,
        head: curves.head,
        cursor: null,
        lifted: curves.main,
        smoothing: 0,
      });
    });
    return () => {
      remove();
      chart.destroy();
    };
  }, [column, sweep.id]);
  useEffect(() => app.loop.ask());
  return (
    <div class="chart-panel boxed" data-testid="chart" data-chart={column}>
      <div class="canvas" ref={host} />
    </div>
  );
}
