import { createPortal } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import { LineChart } from "../charts/line_chart.ts";
import type { Column, Rows, Scene } from "../charts/types.ts";
import { formatPercent } from "../look/format.ts";
import type { Shown } from "../state/basins.ts";
import type { Session } from "../state/session.ts";
import { titleOf } from "./basins_picture.tsx";
import { useApp } from "./context.ts";
import { ExportMenu, sourceOf } from "./export_menu.tsx";

const REACHED = "reached";

/** "Starts that have reached a minimum" by step, a line a run. */
export function BasinCurve({ session }: { session: Session }) {
  const app = useApp();
  const host = useRef<HTMLDivElement>(null);
  const rows = useRef<CurveRows | null>(null);
  const made = useRef<LineChart | null>(null);
  const [corner, setCorner] = useState<HTMLElement | null>(null);
  const shown = app.basins.shown.value;
  if (shown && rows.current?.shown !== shown) rows.current = new CurveRows(shown);
  if (!shown) rows.current = null;
  useEffect(() => {
    if (!host.current) return;
    const chart = new LineChart(host.current, {
      title: "Starts that have reached a minimum",
      columns: [{ name: REACHED, label: "reached" }],
      scale: "linear",
      format: formatPercent,
      range: [0, 1],
      note: "by step",
      empty: "not computed yet",
    });
    made.current = chart;
    const beside = document.createElement("span");
    chart.aside.before(beside);
    setCorner(beside);
    const remove = app.loop.add(() => {
      const steps = app.basins.steps.peek();
      chart.update(sceneOf(session, rows.current, steps, app.scene(session)));
    });
    return () => {
      remove();
      chart.destroy();
      setCorner(null);
    };
  }, [session]);
  useEffect(() => app.loop.ask());
  return (
    <div class="chart-panel basin-curve" data-testid="chart" data-chart="reached">
      <div class="canvas" ref={host} />
      {corner &&
        createPortal(
          <ExportMenu
            chart="reached"
            source={() => sourceOf(session)}
            exported={() => made.current?.exported("run") ?? null}
          />,
          corner,
        )}
    </div>
  );
}

function sceneOf(session: Session, rows: CurveRows | null, steps: number, scene: Scene): Scene {
  const asked = rows?.shown.wish.runs ?? [];
  return {
    ...scene,
    rows: rows ?? NO_ROWS,
    runs: asked.map((run) => ({
      id: run.id,
      slot: run.slot,
      name: titleOf(session, run),
      divergedStep: null,
    })),
    marks: [],
    steps: rows?.shown.swarm.steps ?? steps,
    head: rows?.shown.swarm.steps ?? 0,
    cursor: null,
    smoothing: 0,
  };
}

const NO_ROWS: Rows = { version: 0, column: () => undefined };

let made = 0;

/** The curves of one answer as columns, for the line chart. */
class CurveRows implements Rows {
  readonly version = ++made;
  private readonly columns = new Map<string, Column>();

  constructor(readonly shown: Shown) {
    const { swarm, wish } = shown;
    const steps = Float64Array.from({ length: swarm.steps + 1 }, (_, step) => step);
    swarm.pictures.forEach(({ curve }, i) => {
      const values = Float64Array.from(curve);
      const run = wish.runs[i];
      if (run) this.columns.set(run.id, { n: values.length, steps, values });
    });
  }

  column(run: string, name: string): Column | undefined {
    return name === REACHED ? this.columns.get(run) : undefined;
  }
}
