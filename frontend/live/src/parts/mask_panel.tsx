import { useState } from "preact/hooks";
import { MaskPicture, type MaskTarget } from "../charts/mask.ts";
import type { Run } from "../protocol.ts";
import { valueAt } from "../state/history.ts";
import { LRD, policyOf } from "../state/names.ts";
import type { Session } from "../state/session.ts";
import { ChartPanel } from "./chart_panel.tsx";
import { Picker } from "./picker.tsx";

/** The mask of one tensor of the chosen run (else of the first that drops by coins) at the step looked at. */
export function MaskPanel({ session, class: extra }: { session: Session; class?: string }) {
  const experiment = session.experiment.value;
  const runs = session.runs.value;
  const [tensor, setTensor] = useState(0);
  const run =
    runs.find((one) => one.id === session.selected.value) ??
    runs.find((one) => one.drop_rate > 0 && "unit" in coinOf(session, one)) ??
    runs.find((one) => one.drop_rate > 0) ??
    runs[0];
  const shape = experiment.tensors[tensor];
  const options = experiment.tensors.map(({ name, shape: sizes }, i) => ({
    value: String(i),
    label: `${name} · ${sizes.join(" × ")}`,
  }));
  return (
    <ChartPanel
      session={session}
      name="mask"
      class={extra}
      title="Mask"
      aside={
        <Picker
          label="tensor"
          value={String(tensor)}
          options={options}
          onPick={(value) => setTensor(Number(value))}
        />
      }
      make={(host) => new MaskPicture(host)}
      before={(picture) => {
        const view = session.views.peek().find((one) => one.id === run?.id);
        if (!run || !shape || !view) return;
        picture.setTarget({
          run: view,
          seed: run.mask_seed,
          tensorIndex: tensor,
          shape: shape.shape,
          name: shape.name,
          coin: coinOf(session, run),
          dropRateAt: (step) => {
            const rate = valueAt(session.rows.column(run.id, "drop_rate"), step);
            return Number.isNaN(rate) ? run.drop_rate : rate;
          },
        });
      }}
    />
  );
}

/** What shares a coin under a run's policy, or why there is nothing to draw. */
function coinOf(session: Session, run: Run): MaskTarget["coin"] {
  const policy = policyOf(run, session.menus);
  // Until the menus are there, LRD's own masks are known.
  if (!policy && run.policy === LRD) return { unit: "coordinate", of: "update" };
  if (policy?.unit) return { unit: policy.unit, of: policy.acts_on };
  return {
    undrawn: `${policy?.label ?? run.policy} depends on the gradient: its mask is not drawn`,
  };
}
