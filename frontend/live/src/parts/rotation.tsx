import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { startAgain, whyLost } from "../state/actions.ts";
import { Latest } from "../state/latest.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";

/** Points a side of a surface that turns under the finger. */
const COARSE = 96;
/** Arrow keys that rest for this long have chosen. */
const REST_MS = 700;
/** The slider holds on to these angles, where rounding is the same along both axes. */
const SNAP = 2;

/** "−45°". */
export const degrees = (angle: number): string =>
  `${String(Number(angle.toFixed(1))).replace("-", "−")}°`;

/**
 * Turns the surface: under the finger the map shows it turned, let go a new experiment starts there.
 */
export function Rotation({ session }: { session: Session }) {
  const app = useApp();
  const { problem, settings } = session.experiment.value;
  const now = Number(settings.rotation ?? 0);
  const [finger, setFinger] = useState<number | null>(null);
  const held = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const wanted = useRef<number | null>(null);
  /** The map shows what the finger asks for. */
  const showing = useRef(false);
  const looks = useMemo(
    () =>
      new Latest<number>(
        async (rotation) => {
          const drawn = await app.api.surface(problem, { ...settings, rotation }, COARSE);
          if (showing.current) session.preview.value = drawn;
          app.loop.ask();
        },
        () => undefined,
      ),
    [session],
  );
  useEffect(
    () => () => {
      // Nothing starts once the page shows something else.
      clearTimeout(timer.current);
      wanted.current = null;
      showing.current = false;
      session.preview.value = null;
    },
    [session],
  );
  const leave = () => {
    clearTimeout(timer.current);
    wanted.current = null;
    showing.current = false;
    setFinger(null);
    session.preview.value = null;
    app.loop.ask();
  };
  const choose = () => {
    clearTimeout(timer.current);
    const rotation = wanted.current;
    if (rotation === null || rotation === now) {
      leave();
      return;
    }
    wanted.current = null;
    app.attempt(() => startAgain(app, session, { settings: { rotation } }).finally(leave));
  };
  const move = (value: number) => {
    const near = Math.round(value / 45) * 45;
    const angle = held.current && Math.abs(value - near) <= SNAP ? near : value;
    wanted.current = angle;
    showing.current = true;
    setFinger(angle);
    void looks.push(angle);
    clearTimeout(timer.current);
    if (!held.current) timer.current = setTimeout(choose, REST_MS);
  };
  const release = () => {
    if (!held.current) return;
    held.current = false;
    choose();
  };
  const shown = finger ?? now;
  const why = whyLost(session);
  return (
    <label class="chip rotation" title={why || "turn the surface; a new experiment starts there"}>
      <span class="key">rotation</span>
      <input
        class="slider"
        type="range"
        min="-180"
        max="180"
        step="1"
        value={shown}
        disabled={why !== ""}
        aria-label="rotation of the surface"
        aria-valuetext={`${shown} degrees`}
        data-testid="rotation"
        style={{ "--fill": "var(--muted)", "--share": `${((shown + 180) / 360) * 100}%` }}
        onPointerDown={() => {
          held.current = true;
        }}
        onPointerUp={release}
        onPointerCancel={release}
        onLostPointerCapture={release}
        onInput={(event) => move(Number(event.currentTarget.value))}
        onKeyDown={(event) => {
          if (event.key === "Enter") choose();
          if (event.key === "Escape" && finger !== null) {
            event.stopPropagation();
            leave();
          }
        }}
      />
      <output>{degrees(shown)}</output>
    </label>
  );
}
