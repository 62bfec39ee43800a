import { useState } from "preact/hooks";
import type { LineChartOptions } from "../charts/line_options.ts";
import { formatValue } from "../look/format.ts";
import type { Session } from "../state/session.ts";
import { FULL_NORM } from "../state/task_rows.ts";
import { CURVATURE, CurvatureEvery } from "./curvature.tsx";
import { chosen, Lines, percentRange } from "./lines.tsx";
import { Picker } from "./picker.tsx";

const MEASURES: Record<string, LineChartOptions> = {
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
    columns: [
      { name: "update_norm", label: "masked" },
      { name: FULL_NORM, label: "before the mask", faint: true, made: true },
    ],
    scale: "log",
    format: formatValue,
    onScale: chosen,
    note: "before the mask faint",
  },
  update_ratio: {
    title: "Update ÷ weights",
    columns: [{ name: "update_ratio", label: "ratio of norms" }],
    scale: "log",
    format: formatValue,
  },
  ...CURVATURE,
};

/** One measure of the updates, or of the curvature where they have led. */
export function UpdateChart({ session, class: extra }: { session: Session; class?: string }) {
  const [which, setWhich] = useState("cos_full");
  const [tensor, setTensor] = useState("");
  const { tensors } = session.experiment.value;
  const chosenTensor = tensor || (tensors[0]?.name ?? "");
  const measure = MEASURES[which] as LineChartOptions;
  const perTensor = which === "update_ratio";
  const options = perTensor
    ? {
        ...measure,
        columns: [{ name: `update_ratio/${chosenTensor}`, label: "ratio of norms" }],
      }
    : measure;
  return (
    <Lines
      key={which}
      session={session}
      name={which}
      class={extra}
      aside={
        <>
          {perTensor && (
            <Picker
              label="tensor"
              value={chosenTensor}
              options={tensors.map(({ name }) => ({ value: name, label: name }))}
              onPick={setTensor}
            />
          )}
          <Picker
            label="measure"
            value={which}
            options={Object.entries(MEASURES).map(([value, { title }]) => ({
              value,
              label: title,
            }))}
            onPick={setWhich}
            short="show other"
          />
        </>
      }
      foot={which in CURVATURE && <CurvatureEvery session={session} />}
      options={options}
    />
  );
}
