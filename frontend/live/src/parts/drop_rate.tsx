import { useMemo, useRef, useState } from "preact/hooks";
import { runStyle } from "../look/palette.ts";
import type { Run } from "../protocol.ts";
import { set } from "../state/actions.ts";
import { messageOf } from "../state/api.ts";
import { Latest } from "../state/latest.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";

/** The slider's right end: a drop rate of 1 would never move, and is not allowed. */
const HIGHEST = 0.99;

interface Props {
  session: Session;
  run: Run;
  name: string;
  disabled: string;
  /** Where the slider's own value is told while the finger is on it. */
  onFinger: (value: number | null) => void;
}

/**
 * A run's drop-rate slider. Under the finger it shows the finger's value and sends the newest one,
 * one request at a time; let go, it shows the server's.
 */
export function DropRate({ session, run, name, disabled, onFinger }: Props) {
  const app = useApp();
  const [finger, setFinger] = useState<number | null>(null);
  const [error, setError] = useState("");
  const held = useRef(false);
  const sender = useMemo(
    () =>
      new Latest<number>(
        async (value) => {
          await set(app, session, run.id, "drop_rate", value);
          setError("");
        },
        (failure) => setError(messageOf(failure)),
      ),
    [session, run.id],
  );
  const settle = () => {
    if (held.current || sender.busy) return;
    setFinger(null);
    onFinger(null);
  };
  const move = (value: number) => {
    setFinger(value);
    onFinger(value);
    void sender.push(value).then(settle);
  };
  const release = () => {
    held.current = false;
    settle();
  };
  const value = finger ?? run.drop_rate;
  const color = runStyle(run.slot, app.theme.value).color;
  return (
    <>
      <input
        class="slider"
        type="range"
        min="0"
        max={HIGHEST}
        step="0.01"
        value={value}
        disabled={disabled !== ""}
        title={disabled || undefined}
        aria-label={`drop rate of ${name}`}
        data-testid="drop-rate"
        style={{ "--fill": color, "--share": `${(value / HIGHEST) * 100}%` }}
        onPointerDown={() => {
          held.current = true;
        }}
        onPointerUp={release}
        onPointerCancel={release}
        onLostPointerCapture={release}
        onInput={(event) => move(Number(event.currentTarget.value))}
      />
      {error && (
        <p class="bad" role="alert" data-testid="error">
          {error}
        </p>
      )}
    </>
  );
}
