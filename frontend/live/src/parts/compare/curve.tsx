import type { ComponentChildren } from "preact";
import { createPortal } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Scale } from "../../charts/axis.ts";
import { LineChart } from "../../charts/line_chart.ts";
import type { LineChartOptions } from "../../charts/line_options.ts";
import type { Picture } from "../../state/compare/picture.ts";
import { useApp } from "../context.ts";
import { ExportMenu } from "../export_menu.tsx";

/** Charts that show the same place when one is pointed at. */
export class Linked {
  private readonly charts = new Set<LineChart>();

  add(chart: LineChart): () => void {
    this.charts.add(chart);
    return () => this.charts.delete(chart);
  }

  point(x: number | null): void {
    for (const chart of this.charts) chart.point(x);
  }
}

interface Props {
  name: string;
  picture: Picture;
  linked: Linked;
  options: LineChartOptions;
  /** A change of this key makes the chart anew. */
  remake: string;
  /** It shows differences to the baseline. */
  against?: boolean;
  aside?: ComponentChildren;
}

const COMPARISON = { id: null, file: "comparison", words: "LRD Lab · comparison", step: 0 };

/** One chart of a comparison, drawn at most once an animation frame. */
export function Curve({ name, picture, linked, options, remake, against, aside }: Props) {
  const app = useApp();
  const host = useRef<HTMLDivElement>(null);
  const [scale, setScale] = useState<Scale>(options.scale);
  const [slot, setSlot] = useState<HTMLElement | null>(null);
  const [corner, setCorner] = useState<HTMLElement | null>(null);
  const made = useRef<LineChart | null>(null);
  useEffect(() => {
    if (!host.current) return;
    const chart = new LineChart(host.current, {
      ...options,
      scale,
      axis: picture.axis(),
      onScale: options.onScale && ((chosen) => setScale(chosen)),
      onHover: (x) => linked.point(x),
    });
    made.current = chart;
    const beside = document.createElement("span");
    chart.aside.before(beside);
    setCorner(beside);
    const place = document.createElement("span");
    place.className = "chart-slot";
    chart.aside.append(place);
    setSlot(place);
    const leave = linked.add(chart);
    const remove = app.loop.add(() => {
      const { head, end } = picture.extent();
      chart.update({
        rows: picture,
        runs: picture.views(against),
        marks: [],
        theme: app.theme.peek(),
        steps: end,
        head,
        cursor: null,
        lifted: app.lifted.peek(),
        smoothing: 0,
      });
    });
    return () => {
      remove();
      leave();
      chart.destroy();
      setSlot(null);
      setCorner(null);
    };
  }, [remake]);
  useEffect(() => app.loop.ask());
  return (
    <div class="chart-panel boxed" data-testid="chart" data-chart={name}>
      <div class="canvas" ref={host} />
      {slot && aside && createPortal(aside, slot)}
      {corner &&
        createPortal(
          <ExportMenu
            chart={name}
            source={() => COMPARISON}
            exported={() => made.current?.exported("line") ?? null}
          />,
          corner,
        )}
    </div>
  );
}
