import { formatValue } from "../look/format.ts";
import { PACES, type Pace, stepsPerSecond } from "../state/replay.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { Icon } from "./icons.tsx";
import { Picker } from "./picker.tsx";

const words = (pace: Pace): string =>
  pace === "whole" ? "all in 10 s" : `${pace === 0.25 ? "¼" : pace}×`;

/** Plays what is recorded from the step looked at, and how fast. */
export function ReplayControls({ session }: { session: Session }) {
  const app = useApp();
  const { playing, pace } = app.replay;
  const { speed } = session.experiment.value;
  const label = playing.value
    ? "pause the replay"
    : session.cursor.value === null
      ? "replay from the first step"
      : "replay from here";
  const options = PACES.map((one) => ({
    value: String(one),
    label:
      one === "whole"
        ? "all in 10 s"
        : `${words(one)} · ${formatValue(stepsPerSecond(one, speed, 0))} steps/s`,
  }));
  return (
    <span class="replay">
      <button
        type="button"
        class="link replay-play"
        data-testid="replay-play"
        aria-label={label}
        title={`${label} (space)`}
        onClick={() => app.replay.turn(session)}
      >
        <Icon name={playing.value ? "pause" : "play"} />
        <span>{playing.value ? "pause" : "replay"}</span>
      </button>
      <span data-testid="replay-pace">
        <Picker
          label="replay speed"
          value={String(pace.value)}
          short={words(pace.value)}
          options={options}
          onPick={(value) => {
            app.replay.pace.value = value === "whole" ? "whole" : Number(value);
          }}
        />
      </span>
    </span>
  );
}
