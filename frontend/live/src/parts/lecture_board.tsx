import { shortName } from "../state/names.ts";
import type { Session } from "../state/session.ts";
import { Banner } from "./banner.tsx";
import { AccuracyChart, DistanceChart, KeptChart, LossChart } from "./charts.tsx";
import { useApp } from "./context.ts";
import { RunGlyph } from "./glyph.tsx";
import { HistoryBar } from "./history_bar.tsx";
import { MapPanel } from "./map_panel.tsx";
import type { Numbers } from "./numbers.ts";
import { RunColumn } from "./run_column.tsx";
import { Strip } from "./strip.tsx";
import { TrajectoriesChart } from "./trajectories_chart.tsx";
import { StepCount } from "./transport.tsx";

/** The second picture's choices, in the order in which they go around. */
const SECOND = {
  surface: [LossChart, KeptChart, DistanceChart],
  task: [AccuracyChart, KeptChart, TrajectoriesChart],
};

/** The experiment for a room: who trains, two pictures, the step; controls only when called. */
export function LectureBoard({ session, numbers }: { session: Session; numbers: Numbers }) {
  const app = useApp();
  const controls = app.controls.value;
  const { kind } = session.experiment.value;
  const Second = SECOND[kind][app.picture.value % SECOND[kind].length] ?? LossChart;
  return (
    <>
      {controls && <Strip session={session} numbers={numbers} />}
      <Banner session={session} />
      <div class={`board ${controls ? "with-controls" : ""}`} data-testid="board">
        {controls ? (
          <RunColumn session={session} numbers={numbers} />
        ) : (
          <Legend session={session} numbers={numbers} />
        )}
        {kind === "task" ? (
          <LossChart session={session} class="boxed" />
        ) : (
          <MapPanel session={session} />
        )}
        <Second session={session} class="boxed" />
      </div>
      {controls && <HistoryBar session={session} />}
    </>
  );
}

/** Every run by its sign, name and drop rate, and the step. */
function Legend({ session, numbers }: { session: Session; numbers: Numbers }) {
  const runs = session.runs.value;
  const { state } = session.experiment.value;
  return (
    <div class="legend">
      <ul aria-label="runs">
        {runs.map((run) => (
          <li key={run.id} data-testid="legend-run" data-run={run.id}>
            <RunGlyph slot={run.slot} size={26} />
            <span>{shortName(run, runs, session.menus)}</span>
            <b>{numbers.card(run.id).loss}</b>
          </li>
        ))}
      </ul>
      <div class="legend-end">
        {state === "paused" && <span class="key">paused</span>}
        <StepCount numbers={numbers} />
      </div>
    </div>
  );
}
