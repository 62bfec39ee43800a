import { useEffect, useState } from "preact/hooks";
import type { LineChartOptions } from "../charts/line_options.ts";
import { formatPercent, formatValue } from "../look/format.ts";
import { control, whyDisabled } from "../state/actions.ts";
import { costShare, curvatureEvery, INTERVALS } from "../state/curvature.ts";
import { valueAt } from "../state/history.ts";
import { StepRate } from "../state/rate.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { chosen } from "./lines.tsx";
import { Picker } from "./picker.tsx";

export const NOT_MEASURED = "not measured: choose how often, below";

/** Charts of the curvature where a run stands, by name. */
export const CURVATURE: Record<string, LineChartOptions> = {
  curvature: {
    title: "Curvature",
    columns: [
      { name: "hessian_max", label: "largest" },
      { name: "hessian_min", label: "smallest", faint: true },
    ],
    scale: "linear",
    format: formatValue,
    note: "largest eigenvalue · smallest faint",
    empty: NOT_MEASURED,
  },
  hessian_trace: {
    title: "Trace of the Hessian",
    columns: [{ name: "hessian_trace", label: "trace" }],
    scale: "linear",
    format: formatValue,
    onScale: chosen,
    empty: NOT_MEASURED,
  },
};

/** How often curvature is measured, and what that costs. */
export function CurvatureEvery({ session }: { session: Session }) {
  const app = useApp();
  const every = curvatureEvery(session.experiment.value, session.controls.value);
  const why = whyDisabled(session);
  const choices = [...new Set([...INTERVALS, every])].sort((a, b) => a - b);
  const options = choices.map((n) => ({
    value: String(n),
    label: n === 0 ? "off" : `every ${n} steps`,
  }));
  return (
    <span class="curvature" data-testid="curvature-every" title={why}>
      measured{" "}
      <Picker
        label="measure curvature"
        value={String(every)}
        options={options}
        disabled={why !== ""}
        onPick={(value) =>
          app.attempt(() => control(app, session, { kind: "curvature", value: Number(value) }))
        }
      />
      {every > 0 && <Cost session={session} every={every} />}
    </span>
  );
}

const PAUSE_MS = 500;

function Cost({ session, every }: { session: Session; every: number }) {
  const app = useApp();
  const [words, setWords] = useState("");
  useEffect(() => {
    const rate = new StepRate();
    let due = 0;
    return app.loop.add(() => {
      const now = performance.now();
      const speed = rate.update(now, session.head);
      if (now < due) return;
      due = now + PAUSE_MS;
      const ms = session.runs
        .peek()
        .map((run) => valueAt(session.rows.column(run.id, "curvature_ms"), session.head))
        .filter(Number.isFinite);
      setWords(costWords(ms, every, speed));
    });
  }, [session, every]);
  return (
    <span data-testid="curvature-cost" title="time of one measurement, and its share of all time">
      {words}
    </span>
  );
}

/** `12 ms each, 1.0 % of the time`; without a known speed the time alone. */
export function costWords(ms: readonly number[], every: number, rate: number): string {
  if (ms.length === 0) return "";
  const mean = ms.reduce((sum, one) => sum + one, 0) / ms.length;
  const each = `${formatValue(mean)} ms each`;
  const share = costShare(ms, every, rate);
  return share > 0 ? `${each}, ${formatPercent(Math.min(1, share))} of the time` : each;
}
