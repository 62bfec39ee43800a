import { useRef } from "preact/hooks";
import { shortName } from "../state/names.ts";
import type { Session } from "../state/session.ts";
import { AddRun } from "./add_run.tsx";
import { BasinTime } from "./basins.tsx";
import { PhoneBasinCharts, PhoneBasins } from "./basins_phone.tsx";
import { BasinVerdict } from "./basins_verdict.tsx";
import { AccuracyChart, DistanceChart, KeptChart, LossChart } from "./charts.tsx";
import { chosenRun } from "./chosen_run.ts";
import { useBasins } from "./context.ts";
import { RunGlyph } from "./glyph.tsx";
import { ForkButton, HistoryBar } from "./history_bar.tsx";
import { LookPanel } from "./look_panel.tsx";
import { MapPanel } from "./map_panel.tsx";
import type { Numbers } from "./numbers.ts";
import { PhoneCard } from "./phone_card.tsx";
import { ProblemChips } from "./problem_chips.tsx";
import { useScrollRow } from "./scroll_row.ts";
import { Share } from "./share.tsx";
import { Status } from "./status.tsx";
import { TrajectoriesChart } from "./trajectories_chart.tsx";
import { Speed, StepCount, TransportButtons } from "./transport.tsx";
import { UpdateChart } from "./update_chart.tsx";
import { VerdictCard } from "./verdict_card.tsx";

/** The phone: picture first, runs as chips, one card, charts by swipe, transport at the thumb. */
export function Phone({ session, numbers }: { session: Session; numbers: Numbers }) {
  const task = session.experiment.value.kind === "task";
  const basins = useBasins(session);
  const run = chosenRun(session);
  return (
    <div class="phone">
      <div class="phone-scroll">
        <div class="phone-strip">
          <ProblemChips session={session} />
          <div class="phone-now">
            {!basins && <StepCount numbers={numbers} />}
            <Status session={session} />
          </div>
        </div>
        {basins && run ? (
          <PhoneBasins session={session} run={run} />
        ) : task ? (
          <LossChart session={session} class="first-picture" />
        ) : (
          <MapPanel session={session} />
        )}
        <RunChips session={session} current={run?.id ?? ""} />
        {run && <PhoneCard key={run.id} session={session} run={run} numbers={numbers} />}
        {basins ? (
          <>
            <PhoneBasinCharts session={session} />
            <BasinVerdict session={session} />
          </>
        ) : (
          <>
            <section class="swipe" aria-label="charts">
              {task ? <AccuracyChart session={session} /> : <LossChart session={session} />}
              <KeptChart session={session} />
              {task ? <UpdateChart session={session} /> : <DistanceChart session={session} />}
              {task && <TrajectoriesChart session={session} />}
              {task && <LookPanel session={session} />}
            </section>
            <VerdictCard session={session} />
            <HistoryBar session={session} bare />
          </>
        )}
      </div>
      <div class="phone-bar">
        {basins ? (
          <BasinTime />
        ) : (
          <>
            <TransportButtons session={session} />
            <Speed session={session} short />
            <ForkButton session={session} thumb />
          </>
        )}
        <Share session={session} />
      </div>
    </div>
  );
}

function RunChips({ session, current }: { session: Session; current: string }) {
  const row = useRef<HTMLElement>(null);
  useScrollRow(row);
  return (
    <nav class="run-chips" aria-label="runs" ref={row}>
      {session.runs.value.map((run) => (
        <button
          key={run.id}
          type="button"
          class="chip"
          aria-pressed={run.id === current}
          data-testid="run-chip"
          data-run={run.id}
          onClick={() => {
            session.selected.value = run.id;
          }}
        >
          <RunGlyph slot={run.slot} /> {shortName(run, session.runs.value, session.menus)}
        </button>
      ))}
      <AddRun session={session} />
    </nav>
  );
}
