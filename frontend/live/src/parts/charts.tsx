import { useEffect, useState } from "preact/hooks";
import type { LineChartOptions } from "../charts/line_options.ts";
import { formatPercent, formatValue } from "../look/format.ts";
import type { Experiment } from "../protocol.ts";
import { heldOut } from "../state/measured.ts";
import type { Session } from "../state/session.ts";
import { halfInterval } from "../state/student.ts";
import { DISTANCE } from "../state/surface_rows.ts";
import { EFFECTIVE_LR, GAP, GAP_WINDOW } from "../state/task_rows.ts";
import { useApp } from "./context.ts";
import { CURVATURE, CurvatureEvery, NOT_MEASURED } from "./curvature.tsx";
import { chosen, Lines, percentRange } from "./lines.tsx";
import { KEPT_WINDOW, LOSS_WINDOW } from "./numbers.ts";
import { Picker } from "./picker.tsx";

interface Props {
  session: Session;
  class?: string;
}

/** A column of one copy, or with several seeds their mean with its interval. */
function overSeeds(name: string, { seeds }: Experiment) {
  if (seeds < 2) return { name };
  return { name: `${name}/mean`, band: { column: `${name}/sd`, factor: halfInterval(seeds) } };
}

/** What line and band are; each of several steps scatters more than their mean. */
function seedsNote({ seeds }: Experiment, of = "its"): string {
  return seeds < 2 ? "" : `mean of ${seeds} seeds, band: ${of} 95 % interval`;
}

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
  const experiment = session.experiment.value;
  const task = experiment.kind === "task";
  const columns = task
    ? [
        {
          ...overSeeds("loss", experiment),
          label: "train",
          mean: LOSS_WINDOW,
        },
        { name: overSeeds("test_loss", experiment).name, label: "test", faint: true },
      ]
    : [{ name: "loss", label: "loss" }];
  // A formula may be negative, as is known once its minima are found.
  const below = (session.problem.value?.surface?.minimum ?? 0) < 0;
  return (
    <Lines
      key={`${below}`}
      session={session}
      name="loss"
      class={extra}
      aside={<Smoothing />}
      foot={seedsNote(experiment, "a step's")}
      options={{
        title: "Loss",
        columns,
        scale: below ? "linear" : "log",
        format: formatValue,
        onScale: chosen,
        note: task ? `mean of ${LOSS_WINDOW} · test faint` : undefined,
      }}
    />
  );
}

/** What is measured on data that training never sees, by name. */
const HELD_OUT = { accuracy: "Test accuracy", loss: "Test loss", gap: "Generalisation gap" };
type HeldOut = keyof typeof HELD_OUT;

/** Accuracy on data that training never sees; where there is no such thing, the loss on them. */
export function AccuracyChart({ session, class: extra }: Props) {
  const [part, setPart] = useState("top");
  const [wanted, setWanted] = useState<HeldOut>("accuracy");
  const experiment = session.experiment.value;
  const known = useAccuracy(session);
  const which = wanted === "accuracy" && !known ? "loss" : wanted;
  const kinds = Object.entries(HELD_OUT).filter(([value]) => known || value !== "accuracy");
  const choice = (
    <Picker
      label="held-out measure"
      value={which}
      options={kinds.map(([value, label]) => ({ value, label }))}
      onPick={(value) => setWanted(value as HeldOut)}
      short="show other"
    />
  );
  if (which === "gap") {
    return (
      <Lines
        key="gap"
        session={session}
        name="gap"
        class={extra}
        options={{
          title: HELD_OUT.gap,
          columns: [{ ...overSeeds(GAP, experiment), label: "gap", made: true }],
          scale: "linear",
          format: formatValue,
        }}
        aside={choice}
        foot={<GapNote experiment={experiment} />}
      />
    );
  }
  if (which === "loss") {
    return (
      <Lines
        key="loss"
        session={session}
        name={known ? "test_loss" : "accuracy"}
        class={extra}
        options={{
          title: HELD_OUT.loss,
          columns: [{ ...overSeeds("test_loss", experiment), label: "test loss" }],
          scale: "log",
          format: formatValue,
          onScale: chosen,
        }}
        aside={choice}
        foot={seedsNote(experiment)}
      />
    );
  }
  const options = [
    { value: "top", label: "above 85 %" },
    { value: "whole", label: "whole range" },
  ];
  return (
    <Lines
      key="accuracy"
      session={session}
      name="accuracy"
      class={extra}
      options={{
        title: HELD_OUT.accuracy,
        columns: [{ ...overSeeds("test_accuracy", experiment), label: "test accuracy" }],
        scale: "linear",
        format: formatPercent,
        range: part === "top" ? topRange : percentRange,
      }}
      foot={seedsNote(experiment)}
      remake={part}
      aside={
        <>
          <Picker label="range" value={part} options={options} onPick={setPart} />
          {choice}
        </>
      }
    />
  );
}

/** What a gap is made of, and what it cannot say. */
function GapNote({ experiment }: { experiment: Experiment }) {
  const noisy = Number(experiment.settings.label_noise ?? 0) > 0;
  const { seeds } = experiment;
  const why = [
    `Test loss less the mean train loss of the ${GAP_WINDOW} steps around it, each of its own batch and before its update. The newest point has the steps before it alone.`,
    noisy ? "Train labels have noise that test labels lack." : "",
    seeds > 1
      ? "The band is the widest that the 95 % interval of the mean can be: how test and train loss vary together over seeds is not recorded."
      : "",
  ];
  return (
    <span class="gap-note" title={why.filter(Boolean).join(" ")}>
      {seeds > 1
        ? `test − train loss, mean of ${seeds} seeds; band: 95 % at most`
        : `test loss − train loss, mean of ${GAP_WINDOW} steps around`}
      {noisy && seeds < 2 ? "; noisy labels" : ""}
    </span>
  );
}

/** Whether the task measures an accuracy; until it has measured anything, it is taken to. */
function useAccuracy(session: Session): boolean {
  const app = useApp();
  const [known, setKnown] = useState(true);
  useEffect(
    () =>
      app.loop.add(() => {
        const runs = session.runs.peek().map((run) => run.id);
        setKnown(heldOut(session.history, runs) !== "loss");
      }),
    [session],
  );
  return known;
}

/** Accuracies are told apart near their top; the title says where the axis starts. */
const TOP = 0.85;

function topRange(_min: number, max: number): [number, number] {
  return max > TOP ? [TOP, 1] : percentRange;
}

/** What was set, as it was at every step. */
const SET: Record<string, LineChartOptions> = {
  drop_rate: {
    title: "Drop rate",
    columns: [{ name: "drop_rate", label: "drop rate" }],
    scale: "linear",
    format: formatValue,
    range: percentRange,
  },
  lr: {
    title: "Learning rate",
    columns: [{ name: "lr", label: "lr" }],
    scale: "log",
    format: formatValue,
    onScale: chosen,
  },
  effective_lr: {
    title: "Effective learning rate",
    columns: [{ name: EFFECTIVE_LR, label: "lr × keep", made: true }],
    scale: "log",
    format: formatValue,
    onScale: chosen,
    note: "lr × keep",
  },
};

/** Which share of the coordinates was kept; or the settings that it follows from. */
export function KeptChart({ session, class: extra }: Props) {
  const { tensors, kind } = session.experiment.value;
  const [which, setWhich] = useState("kept");
  const [tensor, setTensor] = useState("");
  const column = tensor ? `keep_rate/${tensor}` : "keep_rate";
  const options = [
    { value: "", label: "all tensors" },
    ...tensors.map(({ name, shape }) => ({ value: name, label: `${name} ${shape.join("×")}` })),
  ];
  const kept: LineChartOptions = {
    title: "Kept coordinates",
    columns: [{ name: column, label: "kept" }],
    scale: "linear",
    format: formatPercent,
    range: percentRange,
    window: kind === "surface" ? KEPT_WINDOW : undefined,
  };
  const chart = SET[which] ?? kept;
  return (
    <Lines
      key={which}
      session={session}
      name={which}
      class={extra}
      aside={
        kind === "task" && (
          <>
            {which === "kept" && (
              <Picker label="tensor" value={tensor} options={options} onPick={setTensor} />
            )}
            <Picker
              label="keep or settings"
              value={which}
              options={[kept, ...Object.values(SET)].map(({ title }, i) => ({
                value: ["kept", ...Object.keys(SET)][i] as string,
                label: title,
              }))}
              onPick={setWhich}
              short="show other"
            />
          </>
        )
      }
      options={chart}
    />
  );
}

const ON_SURFACES: Record<string, LineChartOptions> = {
  distance: {
    title: "Distance to the minimum",
    columns: [{ name: DISTANCE, label: "distance" }],
    scale: "linear",
    format: formatValue,
    onScale: chosen,
  },
  ...CURVATURE,
  saddle_index: {
    title: "Negative eigenvalues",
    columns: [{ name: "saddle_index", label: "saddle index" }],
    scale: "linear",
    format: formatValue,
    range: [0, 2],
    empty: NOT_MEASURED,
  },
};

/** How far a surface's minimum is, or how the surface is curved where a run stands. */
export function DistanceChart({ session, class: extra }: Props) {
  const [which, setWhich] = useState("distance");
  const options = Object.entries(ON_SURFACES).map(([value, { title }]) => ({
    value,
    label: title,
  }));
  return (
    <Lines
      key={which}
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
      foot={which !== "distance" && <CurvatureEvery session={session} />}
      options={ON_SURFACES[which] as LineChartOptions}
    />
  );
}
