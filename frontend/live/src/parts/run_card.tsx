import { formatStep } from "../look/format.ts";
import { runStyle } from "../look/palette.ts";
import type { Run } from "../protocol.ts";
import type { Session } from "../state/session.ts";
import { BasinNumbers } from "./basins_numbers.tsx";
import { useApp, useBasins } from "./context.ts";
import { DropRate } from "./drop_rate.tsx";
import { RunGlyph } from "./glyph.tsx";
import { HowLine } from "./how_line.tsx";
import { LOSS_WINDOW, type Numbers } from "./numbers.ts";
import { OriginLine } from "./origin_line.tsx";
import { PolicyLine } from "./policy_line.tsx";
import { RunMenu } from "./run_menu.tsx";
import { useRate, WhatIfLine } from "./what_if.tsx";

interface Props {
  session: Session;
  run: Run;
  numbers: Numbers;
  baseline: boolean;
  compact: boolean;
}

/** One run: who it is, its drop rate, its numbers at the step looked at. */
export function RunCard({ session, run, numbers, baseline, compact }: Props) {
  const app = useApp();
  const name = session.nameOf(run);
  const rate = useRate(session, run);
  const selected = session.selected.value === run.id;
  const card = numbers.card(run.id);
  const task = session.experiment.value.kind === "task";
  const basins = useBasins(session);
  const lift = (id: string | null) => {
    app.lifted.value = id;
  };
  return (
    <article
      class={`card ${selected ? "selected" : ""} ${compact ? "compact" : ""}`}
      data-testid="run-card"
      data-run={run.id}
      aria-label={name}
      style={{ "--run": runStyle(run.slot, app.theme.value).color }}
      onMouseEnter={() => lift(run.id)}
      onMouseLeave={() => lift(null)}
    >
      <header>
        <button
          type="button"
          class="card-name"
          aria-pressed={selected}
          title={selected ? "let its line back among the others" : "lift its line"}
          onClick={() => {
            session.selected.value = selected ? null : run.id;
          }}
        >
          <RunGlyph slot={run.slot} />
          <span class="name">{name}</span>
        </button>
        {baseline && <span class="tag">baseline</span>}
        <RunMenu session={session} run={run} name={name} disabled={rate.why} />
      </header>
      <OriginLine session={session} run={run} />
      <PolicyLine run={run} menus={session.menus} />
      <DropRate key={session.id} run={run} name={name} rate={rate} />
      <WhatIfLine run={run} rate={rate} />
      <dl>
        <dt>drop rate</dt>
        <dd>{rate.shown === null ? card.rate : rate.shown.toFixed(2)}</dd>
        {task && (
          <>
            <dt>{numbers.testLabel}</dt>
            <dd data-testid="test">{card.test}</dd>
          </>
        )}
        {basins ? (
          <BasinNumbers run={run.id} />
        ) : (
          <>
            <dt>{task ? `train loss, mean of ${LOSS_WINDOW}` : "loss"}</dt>
            <dd data-testid="loss">{card.loss}</dd>
            <dt class={task ? "spare" : ""}>kept, last 40 steps</dt>
            <dd class={task ? "spare" : ""} data-testid="kept">
              {card.kept}
            </dd>
          </>
        )}
      </dl>
      {task && <HowLine run={run} />}
      {run.diverged_step !== null && (
        <p class="note warn">
          diverged at step {formatStep(run.diverged_step)}
          {run.message ? `: ${run.message}` : ""}
        </p>
      )}
    </article>
  );
}
