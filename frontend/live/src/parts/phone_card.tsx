import { useState } from "preact/hooks";
import { formatStep } from "../look/format.ts";
import { runStyle } from "../look/palette.ts";
import type { Run } from "../protocol.ts";
import type { Session } from "../state/session.ts";
import { useBasinNumbers } from "./basins_numbers.tsx";
import { useApp, useBasins } from "./context.ts";
import { DropRate } from "./drop_rate.tsx";
import { RunGlyph } from "./glyph.tsx";
import type { Numbers } from "./numbers.ts";
import { OriginLine } from "./origin_line.tsx";
import { PolicyLine } from "./policy_line.tsx";
import { RunMenu } from "./run_menu.tsx";

interface Props {
  session: Session;
  run: Run;
  numbers: Numbers;
  disabled: string;
}

/** The chosen run on a phone: two numbers and a slider for the thumb. */
export function PhoneCard({ session, run, numbers, disabled }: Props) {
  const app = useApp();
  const [finger, setFinger] = useState<number | null>(null);
  const card = numbers.card(run.id);
  const name = session.nameOf(run);
  const task = session.experiment.value.kind === "task";
  const basins = useBasins(session);
  const basin = useBasinNumbers(run.id);
  const follow = (rate: number | null) => {
    setFinger(rate);
    app.basins.finger(run.id, rate);
  };
  return (
    <section
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
              {task ? "test" : "loss"}{" "}
              <b data-testid={task ? "accuracy" : "loss"}>{task ? card.accuracy : card.loss}</b>
            </span>
            <span class="pair">
              kept <b data-testid="kept">{card.kept}</b>
            </span>
          </>
        )}
        <RunMenu session={session} run={run} name={name} disabled={disabled} />
      </header>
      <OriginLine session={session} run={run} />
      <PolicyLine run={run} menus={session.menus} />
      <DropRate session={session} run={run} name={name} disabled={disabled} onFinger={follow} />
      <p class="rate-line">
        <span>drop rate</span> <b>{finger === null ? card.rate : finger.toFixed(2)}</b>
      </p>
      {run.diverged_step !== null && (
        <p class="note warn">diverged at step {formatStep(run.diverged_step)}</p>
      )}
    </section>
  );
}
