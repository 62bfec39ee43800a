import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { MaskPicture } from "../charts/mask.ts";
import { whyDisabled } from "../state/actions.ts";
import { valueAt } from "../state/history.ts";
import type { PictureView } from "../state/pictures.ts";
import type { Session } from "../state/session.ts";
import { ChartPanel } from "./chart_panel.tsx";
import { chosenRun, coinOf } from "./chosen_run.ts";
import { RunGlyph } from "./glyph.tsx";
import { MaskFacts } from "./mask_facts.tsx";
import { Picker } from "./picker.tsx";
import { useWatch } from "./use_watch.ts";
import { useVisible } from "./visible.ts";

interface Props {
  session: Session;
  class: string;
  tabs: ComponentChildren;
}

/**
 * The mask of one tensor of the chosen run (else of the first that drops by coins) at the step
 * looked at: live the update itself, as the job sends it.
 */
export function MaskPanel({ session, class: extra, tabs }: Props) {
  const experiment = session.experiment.value;
  const [tensor, setTensor] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  const visible = useVisible(place);
  const run = chosenRun(session);
  const shape = experiment.tensors[tensor];
  const live = session.cursor.value === null && session.phase.value === "live";
  const watchable = live && visible && whyDisabled(session) === "";
  const { watch } = useWatch(
    session,
    "mask",
    watchable && run && shape ? { run: run.id, setting: shape.name } : null,
    session.pictures.picture,
  );
  const sent = () => {
    const picture = session.pictures.picture.peek();
    const mine = picture?.run === run?.id && picture?.tensor === shape?.name;
    return live && mine ? picture : null;
  };
  const options = experiment.tensors.map(({ name, shape: sizes }, i) => ({
    value: String(i),
    label: `${name} · ${sizes.join(" × ")}`,
  }));
  return (
    <ChartPanel
      session={session}
      name="mask"
      class={extra}
      title={tabs}
      aside={
        <>
          {run && (
            <span class="whose" data-testid="mask-run" title={session.nameOf(run)}>
              <RunGlyph slot={run.slot} /> <span>{session.nameOf(run)}</span>
            </span>
          )}
          <Picker
            label="tensor"
            value={String(tensor)}
            options={options}
            onPick={(value) => setTensor(Number(value))}
          />
        </>
      }
      foot={
        <div class="mask-facts" data-testid="mask-facts" data-run={run?.id} ref={place}>
          <Facts
            session={session}
            of={sent}
            failed={watchable && run ? session.pictures.failure("picture", run.id) : ""}
          />
        </div>
      }
      make={(host) => new MaskPicture(host)}
      before={(picture) => {
        watch.stepped();
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
          sent: sent(),
        });
      }}
    />
  );
}

interface FactsProps {
  session: Session;
  of: () => PictureView | null;
  failed: string;
}

/** Alone, so that ten pictures a second redraw these few words and no more. */
function Facts({ session, of, failed }: FactsProps) {
  void session.pictures.picture.value;
  const picture = of();
  if (failed) return <p>{failed}</p>;
  if (picture === null) return <p>while it trains: size of updates, overlap, coverage</p>;
  return <MaskFacts picture={picture} />;
}
