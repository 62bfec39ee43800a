import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { PointsPicture } from "../charts/points_picture.ts";
import { formatPercent, formatStep } from "../look/format.ts";
import { whyDisabled } from "../state/actions.ts";
import type { SamplesView } from "../state/looks.ts";
import type { Session } from "../state/session.ts";
import { ChartPanel } from "./chart_panel.tsx";
import { chosenRun } from "./chosen_run.ts";
import { useApp } from "./context.ts";
import { RunGlyph } from "./glyph.tsx";
import { LookFrame, Widen } from "./look_panel.tsx";
import { Picker } from "./picker.tsx";
import { SamplePictures } from "./sample_pictures.tsx";
import { SampleText } from "./sample_text.tsx";
import { useSteps, useWatch } from "./use_watch.ts";
import { useVisible } from "./visible.ts";

interface Props {
  session: Session;
  class: string;
  tabs: ComponentChildren;
}

const ORDERS = [
  { value: "fixed", label: "fixed order" },
  { value: "wrong", label: "often wrong first" },
];

/** What the chosen run says of held-out samples, as it is now. */
export function SamplesPanel({ session, class: extra, tabs }: Props) {
  const app = useApp();
  const [order, setOrder] = useState("fixed");
  const place = useRef<HTMLSpanElement>(null);
  const run = chosenRun(session);
  const { samples } = session.pictures;
  const found = samples.value;
  const view = found?.run === run?.id ? found : null;
  const visible = useVisible(place, view?.kind === "points");
  const back = session.cursor.value !== null;
  const connected = session.phase.value === "live";
  const why = whyDisabled(session);
  const wanted =
    connected && !back && visible && run && why === "" ? { run: run.id, setting: order } : null;
  const { watch, refused } = useWatch(session, "samples", wanted, samples);
  useSteps(session, watch, refused === "");
  const failed = wanted ? session.pictures.failure("samples", wanted.run) : "";
  const aside = (
    <>
      {run && (
        <span class="whose" data-testid="samples-run" title={session.nameOf(run)}>
          <RunGlyph slot={run.slot} /> <span>{session.nameOf(run)}</span>
        </span>
      )}
      {view?.kind === "pictures" && (
        <Picker label="order of samples" value={order} options={ORDERS} onPick={setOrder} />
      )}
      <Widen />
    </>
  );
  const foot = (
    <span class="look-note" data-testid="samples-note" data-step={view?.step ?? 0} ref={place}>
      {(view && failed) || told(view, back)}
    </span>
  );
  const frame = { name: "samples" as const, tabs, aside, foot };
  const classes = `${extra} look ${app.wide.value ? "wide" : ""}`;
  if (view?.kind === "points") {
    return (
      <ChartPanel
        session={session}
        name="samples"
        class={classes}
        title={tabs}
        aside={aside}
        foot={foot}
        make={(host) => new PointsPicture(host)}
        before={(picture) => {
          const now = samples.peek();
          picture.show(now?.kind === "points" ? now : null);
        }}
      />
    );
  }
  return (
    <LookFrame {...frame} class={classes}>
      {view === null ? (
        <p class="look-empty" data-testid="samples-empty">
          {refused || failed || waiting(back, connected, why)}
        </p>
      ) : view.kind === "pictures" ? (
        <SamplePictures view={view} />
      ) : (
        <SampleText view={view} />
      )}
    </LookFrame>
  );
}

function waiting(back: boolean, connected: boolean, why: string): string {
  if (back) return "samples are looked at live: leave the past with Esc";
  if (!connected) return "waiting for the connection";
  return why || "the run is about to look at its samples";
}

/** How many were right, of what. */
function told(view: SamplesView | null, back: boolean): string {
  if (view === null) return "held-out data";
  const at = `${back ? "live, not the step looked at: " : ""}step ${formatStep(view.step)}`;
  const right = `${view.right} of ${view.total} right`;
  if (view.kind === "text") {
    return `${at} · ${formatPercent(view.right / view.total)} of the next characters guessed`;
  }
  if (view.kind === "points") return `${at} · ${right} · ● ${view.classes[1]} · × wrong`;
  const looks = `${view.looks} ${view.looks === 1 ? "look" : "looks"}`;
  return `${at} · ${right}${view.order === "wrong" ? ` · most often wrong in ${looks}` : ""}`;
}
