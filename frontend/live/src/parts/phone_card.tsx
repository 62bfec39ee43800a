import { formatStep } from "../look/format.ts";
import { runStyle } from "../look/palette.ts";
import type { Run } from "../protocol.ts";
import type { Session } from "../state/session.ts";
import { useBasinNumbers } from "./basins_numbers.tsx";
import { useApp, useBasins } from "./context.ts";
import { DropRate } from "./drop_rate.tsx";
import { RunGlyph } from "./glyph.tsx";
import { HowLine } from "./how_line.tsx";
import type { Numbers } from "./numbers.ts";
import { OriginLine } from "./origin_line.tsx";
import { PolicyLine } from "./policy_line.tsx";
import { RunMenu } from "./run_menu.tsx";
import { useRate, WhatIfLine } from "./what_if.tsx";

interface Props {
  session: Session;
  run: Run;
  numbers: Numbers;
}

/** The chosen run on a phone: two numbers and a slider for the thumb. */
export function PhoneCard({ session, run, numbers }: Props) {
  const app = useApp();
  const card = numbers.card(run.id);
  const name = session.nameOf(run);
  const rate = useRate(session, run);
  const task = session.experiment.value.kind === "task";
  const basins = useBasins(session);
  const basin = useBasinNumbers(run.id);
  return (
    <article
      class="card phone-card"
      data-testid="run-card"
      data-run={run.id}
      aria-label={name}
      style={{ "--run": runStyle(run.slot, app.theme.value).color }}
    >
      <header>
        <RunGlyph slot={run.slot} />
        <span class="name">{name}</span>
        {basins ? (
          <>
            <span class="pair">
              reach <b data-testid="reach">{basin.share}</b>
            </span>
            <span class="pair">
              steps <b data-testid="median">{basin.steps}</b>
            </span>
          </>
        ) : (
          <>
            <span class="pair">
              {task ? numbers.testLabel.value.replace(" accuracy", "") : "loss"}{" "}
              <b data-testid={task ? "test" : "loss"}>{task ? card.test : card.loss}</b>
            </span>
            <span class="pair">
              kept <b data-testid="kept">{card.kept}</b>
            </span>
          </>
        )}
        <RunMenu session={session} run={run} name={name} disabled={rate.why} />
      </header>
      <OriginLine session={session} run={run} />
      <PolicyLine run={run} menus={session.menus} />
      <DropRate key={session.id} run={run} name={name} rate={rate} />
      <WhatIfLine run={run} rate={rate} />
      <p class="rate-line">
        <span>drop rate</span> <b>{rate.shown === null ? card.rate : rate.shown.toFixed(2)}</b>
      </p>
      {task && <HowLine run={run} />}
      {run.diverged_step !== null && (
        <p class="note warn">diverged at step {formatStep(run.diverged_step)}</p>
      )}
    </article>
  );
}
