import { useEffect, useRef, useState } from "preact/hooks";
import { tilingOf } from "../charts/basins.ts";
import { formatValue } from "../look/format.ts";
import type { Session } from "../state/session.ts";
import { BasinCurve } from "./basins_curve.tsx";
import { BasinLegend } from "./basins_legend.tsx";
import { BasinPicture, usePlace } from "./basins_picture.tsx";
import { BasinVerdict } from "./basins_verdict.tsx";
import { useApp } from "./context.ts";
import type { Numbers } from "./numbers.ts";
import { RunColumn } from "./run_column.tsx";

/** Height of a picture's title and the space around pictures, in pixels. */
const TITLE = 26;
const GAP = { x: 24, y: 10 };
const GAP_OF_MANY = { x: 12, y: 6 };
const MANY = 5;

/** Where thousands of starts end, for every run; the curves and the sentence beside it. */
export function BasinsView({ session, numbers }: { session: Session; numbers: Numbers }) {
  return (
    <div class="body explore basins">
      <RunColumn session={session} numbers={numbers} />
      <Pictures session={session} />
      <div class="basin-column">
        <BasinCurve session={session} />
        <BasinLegend session={session} />
        <BasinVerdict session={session} />
      </div>
    </div>
  );
}

function Pictures({ session }: { session: Session }) {
  const host = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const place = usePlace();
  const runs = session.runs.value;
  useEffect(() => {
    if (!host.current) return;
    const sizes = new ResizeObserver(([entry]) => {
      if (!entry) return;
      const { width, height } = entry.contentRect;
      setSize({ width, height });
    });
    sizes.observe(host.current);
    return () => sizes.disconnect();
  }, []);
  const gap = runs.length >= MANY ? GAP_OF_MANY : GAP;
  const { columns, side } = tilingOf(runs.length, size.width, size.height, TITLE, gap);
  return (
    <div class="basin-place" ref={host} data-testid="basins">
      <BasinTrouble />
      {side > 0 && (
        <div
          class="basin-grid"
          style={{
            gridTemplateColumns: `repeat(${columns}, ${side}px)`,
            gap: `${gap.y}px ${gap.x}px`,
            "--side": `${side}px`,
          }}
        >
          {runs.map((run) => (
            <BasinPicture key={run.id} session={session} run={run} side={side} place={place} />
          ))}
        </div>
      )}
    </div>
  );
}

/** Over the pictures, which stay: why they are not those asked for, or that it takes long. */
export function BasinTrouble() {
  const { trouble, waited, shown } = useApp().basins;
  if (trouble.value) {
    return (
      <p class="basin-note bad" role="alert" data-testid="basins-trouble">
        {trouble.value}
      </p>
    );
  }
  if (waited.value === null || shown.value) return null;
  return (
    <p class="basin-note" role="status" data-testid="basins-slow">
      <span class="dot turning" aria-hidden="true" />
      Preparing: the update is compiled for this surface, once; a few seconds.
    </p>
  );
}

/** How long the pictures took, or how long they take so far. */
export function BasinTime() {
  const { trouble, waited, shown } = useApp().basins;
  const words = trouble.value
    ? "not up to date"
    : waited.value !== null
      ? `preparing · ${waited.value} s so far`
      : shown.value
        ? `computed in ${secondsText(shown.value.swarm.seconds)} · follows the sliders`
        : "computing";
  return (
    <span class="basin-time" data-testid="basins-time">
      {words}
    </span>
  );
}

function secondsText(seconds: number): string {
  return seconds < 0.995 ? `${seconds.toFixed(2)} s` : `${formatValue(seconds)} s`;
}
