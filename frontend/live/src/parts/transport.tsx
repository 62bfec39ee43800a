import {
  anotherSeed,
  canResume,
  control,
  EXTENSION,
  hasEnded,
  isDone,
  isOver,
  playOrPause,
  stepOnce,
  whyDisabled,
} from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { Caret, Icon, ResetIcon } from "./icons.tsx";
import type { Numbers } from "./numbers.ts";

/** Steps a second; 0 is as fast as it can. */
const SPEEDS = [1, 5, 20, 60, 240, 0];

/** How time runs: play or pause, one step, a new seed. */
export function TransportButtons({ session }: { session: Session }) {
  const app = useApp();
  const experiment = session.experiment.value;
  const { state } = experiment;
  const running = state === "running" || state === "starting";
  const ended = hasEnded(experiment);
  const lost = session.phase.value === "lost";
  const why = whyNoPlay(session);
  const more = !running && isDone(session) && why === "";
  const on = ended ? "resume" : "play";
  const words = running ? "pause" : more ? `go on for ${EXTENSION} more steps` : on;
  return (
    <fieldset class="transport" aria-label="transport">
      <button
        type="button"
        class="button ink play"
        data-testid="play"
        aria-label={words}
        title={why || `${words} (space)`}
        disabled={why !== ""}
        onClick={() => playOrPause(app, session)}
      >
        <Icon name={running ? "pause" : "play"} />
        {more && <span>+{EXTENSION}</span>}
      </button>
      <button
        type="button"
        class="button square"
        data-testid="step-once"
        aria-label="one step"
        title={whyDisabled(session) || "one step, then pause (→)"}
        disabled={whyDisabled(session) !== "" || isOver(experiment)}
        onClick={() => stepOnce(app, session)}
      >
        <Icon name="step" />
      </button>
      <button
        type="button"
        class="button square"
        data-testid="reset"
        aria-label="start again with a new seed"
        title="start again with a new seed"
        disabled={lost}
        onClick={() => anotherSeed(app, session)}
      >
        <ResetIcon />
      </button>
    </fieldset>
  );
}

/** Why it cannot be played now; empty if it can. */
function whyNoPlay(session: Session): string {
  const experiment = session.experiment.value;
  const diverged = "All runs have diverged; fork one before that, or start again.";
  if (experiment.state === "diverged") return diverged;
  if (!hasEnded(experiment) || session.phase.value === "lost") return whyDisabled(session);
  return canResume(experiment) ? "" : diverged;
}

/** The speed limit, for everybody who watches. */
export function Speed({ session, short }: { session: Session; short?: boolean }) {
  const app = useApp();
  const { speed } = session.experiment.value;
  const speeds = SPEEDS.includes(speed) ? SPEEDS : [speed, ...SPEEDS];
  const why = whyDisabled(session);
  return (
    <label class="chip speed" title={why || "steps a second"}>
      <span class="key">speed</span>
      <select
        value={String(speed)}
        disabled={why !== ""}
        data-testid="speed"
        aria-label="speed"
        onChange={(event) => {
          const value = Number(event.currentTarget.value);
          app.attempt(() => control(app, session, { kind: "speed", value }));
        }}
      >
        {speeds.map((one) => (
          <option key={one} value={String(one)}>
            {one === 0 ? "max" : short ? `${one}/s` : `${one} steps/s`}
          </option>
        ))}
      </select>
      <Caret />
    </label>
  );
}

/** The one number that matters. */
export function StepCount({ numbers }: { numbers: Numbers }) {
  return (
    <span class="step-count">
      <b data-testid="step">{numbers.step}</b> <span class="key">step</span>
    </span>
  );
}
