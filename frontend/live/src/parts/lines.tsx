import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { LineChart } from "../charts/line_chart.ts";
import type { LineChartOptions } from "../charts/line_options.ts";
import type { Session } from "../state/session.ts";
import { ChartPanel } from "./chart_panel.tsx";

interface Props {
  session: Session;
  class?: string | undefined;
  name: string;
  options: LineChartOptions;
  aside?: ComponentChildren;
  foot?: ComponentChildren;
  remake?: string;
}

/** A line chart whose scale a person may change; the choice outlives a remake. */
export function Lines(props: Props) {
  const { options } = props;
  const [scale, setScale] = useState(options.scale);
  const columns = options.columns.map(({ name, band }) => name + (band?.factor ?? "")).join();
  return (
    <ChartPanel
      session={props.session}
      name={props.name}
      class={props.class}
      remake={`${columns} ${props.remake ?? ""}`}
      aside={props.aside}
      foot={props.foot}
      make={(host) =>
        new LineChart(host, {
          ...options,
          scale,
          onScale: options.onScale && ((chosen) => setScale(chosen)),
        })
      }
    />
  );
}

/** A scale may be chosen; the choice is kept by `Lines`. */
export const chosen = (): void => undefined;

export const percentRange: [number, number] = [0, 1];
