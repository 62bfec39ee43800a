import { useEffect, useMemo } from "preact/hooks";
import type { Session } from "../state/session.ts";
import { Banner } from "./banner.tsx";
import { Compare } from "./compare/compare.tsx";
import { useApp, useBasins } from "./context.ts";
import { Experiments } from "./experiments.tsx";
import { Explore } from "./explore.tsx";
import { HistoryBar } from "./history_bar.tsx";
import { KeyHelp, KeysButton } from "./key_help.tsx";
import { LectureBoard } from "./lecture_board.tsx";
import { LessonsPage } from "./lessons.tsx";
import { Numbers } from "./numbers.ts";
import { Phone } from "./phone.tsx";
import { Strip } from "./strip.tsx";
import { SweepsPage } from "./sweeps/sweeps.tsx";
import { ToastView } from "./toast.tsx";
import { Train } from "./train.tsx";

/** The whole page below the navigation. */
export function Workbench() {
  const app = useApp();
  const session = app.session.value;
  return (
    <div class="workbench">
      {app.page.value === "experiments" ? (
        <Experiments />
      ) : app.page.value === "compare" ? (
        <Compare />
      ) : app.page.value === "sweeps" ? (
        <SweepsPage />
      ) : app.page.value === "lessons" ? (
        <LessonsPage />
      ) : session ? (
        <Experiment key={session.id} session={session} />
      ) : (
        <Opening />
      )}
      {!session && app.page.value !== "lessons" && !app.narrow.value && !app.lecture.value && (
        <KeysButton corner />
      )}
      <ToastView />
      <KeyHelp />
    </div>
  );
}

/** One experiment as it trains; the lessons show it beside their text. */
export function Experiment({ session }: { session: Session }) {
  const app = useApp();
  const numbers = useMemo(() => new Numbers(), [session]);
  useEffect(() => app.loop.add(() => numbers.update(session)), [session, numbers]);
  const basins = useBasins(session);
  const task = session.experiment.value.kind === "task";
  const lost = session.phase.value === "lost" || session.phase.value === "connecting";
  return (
    <div class={`experiment ${lost ? "lost" : ""}`}>
      {app.lecture.value ? (
        <LectureBoard session={session} numbers={numbers} />
      ) : app.narrow.value ? (
        <>
          <Banner session={session} />
          <Phone session={session} numbers={numbers} />
        </>
      ) : (
        <>
          <Strip session={session} numbers={numbers} />
          <Banner session={session} />
          {task ? (
            <Train session={session} numbers={numbers} />
          ) : (
            <Explore session={session} numbers={numbers} />
          )}
          {!basins && <HistoryBar session={session} />}
        </>
      )}
    </div>
  );
}

/** Before the first experiment is there: the same frame, and why it takes long if it does. */
export function Opening() {
  const app = useApp();
  const trouble = app.trouble.value;
  return (
    <div class="opening" role="status" data-testid="status">
      <span class="dot turning" aria-hidden="true" />
      <p>{trouble || "connecting"}</p>
      {trouble && (
        <a class="button" href={location.pathname} data-testid="open-newest">
          Open the newest experiment
        </a>
      )}
    </div>
  );
}
