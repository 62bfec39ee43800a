import { signal } from "@preact/signals";
import type { TargetedPointerEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatStep } from "../look/format.ts";
import { runStyle } from "../look/palette.ts";
import { scrub, whyNoFork } from "../state/actions.ts";
import { HISTORY } from "../state/key_table.ts";
import type { ControlMark } from "../state/marks.ts";
import type { Session } from "../state/session.ts";
import { useCheckpoints } from "./checkpoints.ts";
import { useApp } from "./context.ts";
import { ForkForm } from "./fork_form.tsx";
import { isGone, MarkPopover } from "./mark_popover.tsx";
import { placed } from "./placed.ts";
import { Popover } from "./popover.tsx";
import { ReplayControls } from "./replay_controls.tsx";

/** Rough width of a character of a mark's text: enough to keep texts from touching. */
const CHARACTER_PX = 5.9;
/** A press that moves further than this drags. */
const DRAG_PX = 3;

/**
 * Past, present and planned end, the changes on the way, and a thumb that looks back; `bare` where
 * the fork's button has a place of its own.
 */
export function HistoryBar({ session, bare }: { session: Session; bare?: boolean }) {
  const app = useApp();
  const bar = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1000);
  const live = session.cursor.value === null;
  const { steps } = session.experiment.value;
  const now = useMemo(
    () => ({ step: signal(0), share: signal("0%"), head: signal("0%"), words: signal("") }),
    [],
  );

  useLayoutEffect(() => {
    if (!bar.current) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(entry.contentRect.width);
    });
    observer.observe(bar.current);
    return () => observer.disconnect();
  }, []);

  useEffect(
    () =>
      app.loop.add(() => {
        const total = Math.max(session.experiment.peek().steps, session.head, 1);
        now.step.value = session.shownStep;
        now.share.value = `${(session.shownStep / total) * 100}%`;
        now.head.value = `${(session.head / total) * 100}%`;
        now.words.value = `step ${formatStep(session.shownStep)} of ${formatStep(total)}`;
      }),
    [session],
  );

  /** Where a press on a mark began: it opens the mark, unless the pointer moves on. */
  const pressed = useRef<number | null>(null);
  const seek = (event: PointerEvent) => {
    const box = bar.current?.getBoundingClientRect();
    if (!box) return;
    const total = Math.max(session.experiment.peek().steps, session.head, 1);
    scrub(session, ((event.clientX - box.left) / box.width) * total);
  };
  const press = (event: TargetedPointerEvent<HTMLDivElement>) => {
    const target = event.target as Element;
    if (target.closest(".panel")) return;
    pressed.current = target.closest(".mark") ? event.clientX : null;
    if (pressed.current !== null) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    seek(event);
  };
  const move = (event: TargetedPointerEvent<HTMLDivElement>) => {
    const { current: from } = pressed;
    if (from !== null && event.buttons > 0 && Math.abs(event.clientX - from) > DRAG_PX) {
      pressed.current = null;
      event.currentTarget.setPointerCapture(event.pointerId);
    }
    if (event.currentTarget.hasPointerCapture(event.pointerId)) seek(event);
  };
  const keys = (event: KeyboardEvent) => {
    const by = HISTORY.find((one) => Object.hasOwn(one.by, event.key))?.by[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    scrub(session, session.shownStep + by);
  };
  return (
    <footer class="history" data-testid="history-bar">
      <div class="history-head">
        <b>History</b>
        {live ? (
          <span class="hint">drag to look back</span>
        ) : (
          <button
            type="button"
            class="link"
            data-testid="back-to-live"
            onClick={() => {
              session.cursor.value = null;
            }}
          >
            back to live (Esc)
          </button>
        )}
        <ReplayControls session={session} />
        {!bare && <ForkButton session={session} />}
        <span class="history-step">{now.words}</span>
      </div>
      <div class="track-area" ref={bar} onPointerDown={press} onPointerMove={move}>
        <div
          class="track"
          role="slider"
          tabIndex={0}
          aria-label="step looked at"
          aria-valuemin={1}
          aria-valuemax={steps}
          aria-valuenow={now.step}
          aria-valuetext={now.words}
          onKeyDown={keys}
        >
          <Ticks session={session} width={width} />
          <Progress head={now.head} share={now.share} />
        </div>
        <Marks session={session} marks={session.marks.value} width={width} />
      </div>
    </footer>
  );
}

/** Goes on from the step looked at as a new run, beside the one it comes from. */
export function ForkButton({ session, thumb }: { session: Session; thumb?: boolean }) {
  const why = whyNoFork(session);
  return (
    <Popover
      class={thumb ? "button" : "link fork-here"}
      label={
        thumb ? (
          "Fork"
        ) : (
          <>
            Fork here <kbd>F</kbd>
          </>
        )
      }
      title={why || "fork a run at this step (F)"}
      testId="fork-here"
      disabled={why !== ""}
      open={session.forking}
    >
      {(close) => <ForkForm session={session} close={close} />}
    </Popover>
  );
}

/** Where a state is kept: going back there is instant. */
function Ticks({ session, width }: { session: Session; width: number }) {
  const kept = useCheckpoints(session);
  const { steps } = session.experiment.value;
  const total = Math.max(steps, session.head, 1);
  const pixels = new Set(kept.map((step) => Math.round((step / total) * width)));
  return (
    <span class="ticks" aria-hidden="true" data-testid="checkpoints" title="a state is kept here">
      {[...pixels].map((pixel) => (
        <i key={pixel} style={{ left: `${pixel}px` }} />
      ))}
    </span>
  );
}

function Progress({ head, share }: { head: { value: string }; share: { value: string } }) {
  return (
    <>
      <span class="done" style={{ width: head.value }} />
      <span class="thumb" style={{ left: share.value }} />
    </>
  );
}

interface MarksProps {
  session: Session;
  marks: ControlMark[];
  width: number;
}

function Marks({ session, marks, width }: MarksProps) {
  const app = useApp();
  const { steps, runs } = session.experiment.value;
  const total = Math.max(steps, session.head, 1);
  // What was gone back on keeps its mark, without words.
  const lengths = marks.map((mark) =>
    isGone(session, mark) ? width + 1 : mark.text.length * CHARACTER_PX,
  );
  const texts = placed(
    marks.map((mark, i) => ({ at: (mark.step / total) * width, length: lengths[i] as number })),
    width,
  );
  return (
    <div class="marks">
      {marks.map((mark, i) => {
        const slot = runs.find((run) => run.id === mark.run)?.slot;
        const color = slot === undefined ? "var(--ink)" : runStyle(slot, app.theme.value).color;
        const left = texts[i];
        return (
          <span key={`${mark.step} ${mark.run} ${mark.kind} ${mark.at}`} class="mark-group">
            <MarkPopover
              session={session}
              mark={mark}
              left={`${(mark.step / total) * 100}%`}
              color={color}
            />
            {left !== undefined && left !== null && (
              <span class="mark-text" style={{ left: `${left}px` }}>
                {mark.text}
              </span>
            )}
          </span>
        );
      })}
    </div>
  );
}
