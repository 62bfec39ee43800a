import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { LineChart, type LineChartOptions } from "../charts/line_chart.ts";
import { Trajectories } from "../charts/trajectories.ts";
import { formatPercent, formatValue } from "../look/format.ts";
import type { Session } from "../state/session.ts";
import { DISTANCE } from "../state/surface_rows.ts";
import { ChartPanel } from "./chart_panel.tsx";
import { useApp } from "./context.ts";
import { KEPT_WINDOW, LOSS_WINDOW } from "./numbers.ts";
import { Picker } from "./picker.tsx";

interface Props {
  session: Session;
  class?: string;
}

interface LinesProps extends Props {
  name: string;
  options: LineChartOptions;
  aside?: ComponentChildren;
  remake?: string;
}

/** A line chart whose scale a person may change; the choice outlives a remake. */
function Lines(props: LinesProps) {
  const { options } = props;
  const [scale, setScale] = useState(options.scale);
  return (
    <ChartPanel
      session={props.session}
      name={props.name}
      class={props.class}
      remake={`${options.columns.map((column) => column.name).join()} ${props.remake ?? ""}`}
      aside={props.aside}
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

const chosen = (): void => undefined;
const percentRange: [number, number] = [0, 1];

/** Smoothing for every chart: the raw line stays faintly visible. */
function Smoothing() {
  const app = useApp();
  return (
    <label class="smoothing" title="exponential smoothing; the raw line stays faintly visible">
      smoothing
      <input
        type="range"
        min="0"
        max="0.98"
        step="0.02"
        value={app.smoothing.value}
        onInput={(event) => {
          app.smoothing.value = Number(event.currentTarget.value);
        }}
      />
    </label>
  );
}

/** Losses of single batches scatter: their mean is the line, each of them stays visible under it. */
export function LossChart({ session, class: extra }: Props) {
  const task = session.experiment.value.kind === "task";
  const columns = task
    ? [
        { name: "loss", label: "train", mean: LOSS_WINDOW },
        { name: "test_loss", label: "test", faint: true },
      ]
    : [{ name: "loss", label: "loss" }];
  return (
    <Lines
      session={session}
      name="loss"
      class={extra}
      aside={<Smoothing />}
      options={{
        title: "Loss",
        columns,
        scale: "log",
        format: formatValue,
        onScale: chosen,
        note: task ? `mean of ${LOSS_WINDOW} · test faint` : undefined,
      }}
    />
  );
}

export function AccuracyChart({ session, class: extra }: Props) {
  const [part, setPart] = useState("top");
  const options = [
    { value: "top", label: "above 85 %" },
    { value: "whole", label: "whole range" },
  ];
  return (
    <Lines
      session={session}
      name="accuracy"
      class={extra}
      options={{
        title: "Test accuracy",
        columns: [{ name: "test_accuracy", label: "test accuracy" }],
        scale: "linear",
        format: formatPercent,
        range: part === "top" ? topRange : percentRange,
      }}
      remake={part}
      aside={<Picker label="range" value={part} options={options} onPick={setPart} />}
    />
  );
}

/** Accuracies are told apart near their top; the title says where the axis starts. */
const TOP = 0.85;

function topRange(_min: number, max: number): [number, number] {
  return max > TOP ? [TOP, 1] : percentRange;
}

export function KeptChart({ session, class: extra }: Props) {
  const { tensors, kind } = session.experiment.value;
  const [tensor, setTensor] = useState("");
  const column = tensor ? `keep_rate/${tensor}` : "keep_rate";
  const options = [
    { value: "", label: "all tensors" },
    ...tensors.map(({ name, shape }) => ({ value: name, label: `${name} ${shape.join("×")}` })),
  ];
  return (
    <Lines
      session={session}
      name="kept"
      class={extra}
      aside={
        kind === "task" && (
          <Picker label="tensor" value={tensor} options={options} onPick={setTensor} />
        )
      }
      options={{
        title: "Kept coordinates",
        columns: [{ name: column, label: "kept" }],
        scale: "linear",
        format: formatPercent,
        range: percentRange,
        window: kind === "surface" ? KEPT_WINDOW : undefined,
      }}
    />
  );
}

export function DistanceChart({ session, class: extra }: Props) {
  return (
    <Lines
      session={session}
      name="distance"
      class={extra}
      options={{
        title: "Distance to the minimum",
        columns: [{ name: DISTANCE, label: "distance" }],
        scale: "linear",
        format: formatValue,
        onScale: chosen,
      }}
    />
  );
}

const UPDATES: Record<string, LineChartOptions> = {
  cos_full: {
    title: "cos(masked, full update)",
    columns: [{ name: "cos_full", label: "cosine" }],
    scale: "linear",
    format: formatValue,
    range: percentRange,
  },
  cos_grad: {
    title: "cos(masked update, −gradient)",
    columns: [{ name: "cos_grad", label: "cosine" }],
    scale: "linear",
    format: formatValue,
  },
  grad_norm: {
    title: "Gradient norm",
    columns: [{ name: "grad_norm", label: "norm" }],
    scale: "log",
    format: formatValue,
    onScale: chosen,
  },
  update_norm: {
    title: "Update norm",
    columns: [{ name: "update_norm", label: "norm" }],
    scale: "log",
    format: formatValue,
    onScale: chosen,
  },
};

export function UpdateChart({ session, class: extra }: Props) {
  const [which, setWhich] = useState("cos_full");
  const options = Object.entries(UPDATES).map(([value, { title }]) => ({ value, label: title }));
  return (
    <Lines
      session={session}
      name={which}
      class={extra}
      aside={
        <Picker
          label="measure"
          value={which}
          options={options}
          onPick={setWhich}
          short="show other"
        />
      }
      options={UPDATES[which] as LineChartOptions}
    />
  );
}

export function TrajectoriesChart({ session, class: extra }: Props) {
  return (
    <ChartPanel
      session={session}
      name="trajectories"
      class={extra}
      title="Trajectories"
      make={(host) => new Trajectories(host)}
    />
  );
}
