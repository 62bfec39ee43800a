import { useState } from "preact/hooks";
import { formatStep } from "../look/format.ts";
import { runStyle } from "../look/palette.ts";
import type { Run } from "../protocol.ts";
import { whyDisabled } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { BasinNumbers } from "./basins_numbers.tsx";
import { useApp, useBasins } from "./context.ts";
import { DropRate } from "./drop_rate.tsx";
import { RunGlyph } from "./glyph.tsx";
import { LOSS_WINDOW, type Numbers } from "./numbers.ts";
import { OriginLine } from "./origin_line.tsx";
import { PolicyLine } from "./policy_line.tsx";
import { RunMenu } from "./run_menu.tsx";

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
  const [finger, setFinger] = useState<number | null>(null);
  const name = session.nameOf(run);
  const disabled = run.state === "diverged" ? "This run has diverged." : whyDisabled(session);
  const selected = session.selected.value === run.id;
  const card = numbers.card(run.id);
  const task = session.experiment.value.kind === "task";
  const basins = useBasins(session);
  const follow = (rate: number | null) => {
    setFinger(rate);
    app.basins.finger(run.id, rate);
  };
  const lift = (id: string | null) => {
    app.lifted.value = id;
  };
  return (
    <section
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
        <RunMenu session={session} run={run} name={name} disabled={disabled} />
      </header>
      <OriginLine session={session} run={run} />
      <PolicyLine run={run} menus={session.menus} />
      <DropRate session={session} run={run} name={name} disabled={disabled} onFinger={follow} />
      <dl>
        <dt>drop rate</dt>
        <dd>{finger === null ? card.rate : finger.toFixed(2)}</dd>
        {task && (
          <>
            <dt>test accuracy</dt>
            <dd data-testid="accuracy">{card.accuracy}</dd>
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
      {run.diverged_step !== null && (
        <p class="note warn">
          diverged at step {formatStep(run.diverged_step)}
          {run.message ? `: ${run.message}` : ""}
        </p>
      )}
    </section>
  );
}
