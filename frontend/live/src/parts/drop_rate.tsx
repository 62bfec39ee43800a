import { useMemo, useRef, useState } from "preact/hooks";
import { runStyle } from "../look/palette.ts";
import type { Run } from "../protocol.ts";
import { messageOf } from "../state/api.ts";
import { Latest } from "../state/latest.ts";
import { useApp } from "./context.ts";
import type { Rate } from "./what_if.tsx";

/** The slider's right end: a drop rate of 1 would never move, and is not allowed. */
const HIGHEST = 0.99;

interface Props {
  run: Run;
  name: string;
  rate: Rate;
}

/**
 * A run's drop-rate slider. Under the finger it shows the finger's value and sends the newest one,
 * one request at a time; let go, it shows the server's, or what is supposed.
 */
export function DropRate({ run, name, rate }: Props) {
  const app = useApp();
  const [finger, setFinger] = useState<number | null>(null);
  const [error, setError] = useState("");
  const held = useRef(false);
  const save = useRef(rate.save);
  save.current = rate.save;
  const disabled = rate.whatIf ? "" : rate.why;
  const sender = useMemo(
    () =>
      new Latest<number>(
        async (value) => {
          await save.current(value);
          setError("");
        },
        (failure) => setError(messageOf(failure)),
      ),
    [run.id],
  );
  const settle = () => {
    if (held.current || sender.busy) return;
    setFinger(null);
    rate.follow(null);
  };
  const move = (value: number) => {
    setFinger(value);
    rate.follow(value);
    void sender.push(value).then(settle);
  };
  const release = () => {
    held.current = false;
    settle();
  };
  const value = finger ?? rate.shown ?? run.drop_rate;
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
