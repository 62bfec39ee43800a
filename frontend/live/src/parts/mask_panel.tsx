import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { MaskPicture, type MaskTarget } from "../charts/mask.ts";
import type { Run } from "../protocol.ts";
import { whyDisabled } from "../state/actions.ts";
import { valueAt } from "../state/history.ts";
import { LRD, policyOf } from "../state/names.ts";
import type { PictureView } from "../state/pictures.ts";
import type { Session } from "../state/session.ts";
import { Watch } from "../state/watch.ts";
import { ChartPanel } from "./chart_panel.tsx";
import { useApp } from "./context.ts";
import { RunGlyph } from "./glyph.tsx";
import { MaskFacts } from "./mask_facts.tsx";
import { Picker } from "./picker.tsx";
import { useVisible } from "./visible.ts";

/**
 * The mask of one tensor of the chosen run (else of the first that drops by coins) at the step
 * looked at: live the update itself, as the job sends it.
 */
export function MaskPanel({ session, class: extra }: { session: Session; class?: string }) {
  const experiment = session.experiment.value;
  const runs = session.runs.value;
  const [tensor, setTensor] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  const visible = useVisible(place);
  const run =
    runs.find((one) => one.id === session.selected.value) ??
    runs.find((one) => one.drop_rate > 0 && "unit" in coinOf(session, one)) ??
    runs.find((one) => one.drop_rate > 0) ??
    runs[0];
  const shape = experiment.tensors[tensor];
  const live = session.cursor.value === null && session.phase.value === "live";
  const watchable = live && visible && whyDisabled(session) === "";
  const watch = useWatch(session, watchable && run && shape ? { run, name: shape.name } : null);
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
      title="Mask"
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
          <Facts session={session} of={sent} />
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

/** Alone, so that ten pictures a second redraw these few words and no more. */
function Facts({ session, of }: { session: Session; of: () => PictureView | null }) {
  void session.pictures.picture.value;
  const picture = of();
  if (picture === null) return <p>while it trains: size of updates, overlap, coverage</p>;
  return <MaskFacts picture={picture} />;
}

/** Keeps the job sending pictures of a tensor while it is looked at. */
function useWatch(session: Session, target: { run: Run; name: string } | null): Watch {
  const app = useApp();
  const watch = useMemo(
    () =>
      new Watch((wanted) =>
        app.api.control(session.id, {
          kind: "watch",
          run: wanted?.run ?? null,
          setting: wanted?.tensor ?? null,
          who: app.me,
        }),
      ),
    [session],
  );
  const run = target?.run.id;
  const name = target?.name;
  useEffect(() => {
    watch.want(run && name ? { run, tensor: name } : null);
  }, [watch, run, name]);
  useEffect(() => {
    const stop = session.pictures.picture.subscribe((picture) => {
      if (picture !== null) watch.arrived();
      app.loop.ask();
    });
    return () => {
      stop();
      watch.want(null);
    };
  }, [watch]);
  return watch;
}

/** What shares a coin under a run's policy, or why there is nothing to draw. */
function coinOf(session: Session, run: Run): MaskTarget["coin"] {
  const policy = policyOf(run, session.menus);
  // Until the menus are there, LRD's own masks are known.
  if (!policy && run.policy === LRD) return { unit: "coordinate", of: "update" };
  if (policy?.unit) return { unit: policy.unit, of: policy.acts_on };
  return {
    undrawn: `${policy?.label ?? run.policy} depends on the gradient: its mask is drawn live only`,
  };
}
