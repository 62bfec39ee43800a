import type { Session } from "../state/session.ts";
import { AccuracyChart, KeptChart, LossChart } from "./charts.tsx";
import { useApp } from "./context.ts";
import { LookPanel } from "./look_panel.tsx";
import type { Numbers } from "./numbers.ts";
import { RunColumn } from "./run_column.tsx";
import { TrajectoriesChart } from "./trajectories_chart.tsx";
import { UpdateChart } from "./update_chart.tsx";
import { VerdictCard } from "./verdict_card.tsx";

/** A task: six pictures of one training. */
export function Train({ session, numbers }: { session: Session; numbers: Numbers }) {
  const app = useApp();
  const widened = app.wide.value && app.look.value !== "mask";
  return (
    <div class="body train">
      <RunColumn session={session} numbers={numbers} />
      <div class={`grid ${widened ? "widened" : ""}`}>
        <LossChart session={session} class="boxed" />
        <AccuracyChart session={session} class="boxed" />
        <TrajectoriesChart session={session} class="boxed" />
        <KeptChart session={session} class="boxed" />
        <UpdateChart session={session} class="boxed" />
        <LookPanel session={session} class="boxed" />
        <VerdictCard session={session} />
      </div>
    </div>
  );
}
