import { startAgain } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { Popover } from "./popover.tsx";

/** Numbers of seeds that can be chosen. */
const SEEDS = [1, 4, 8, 16, 32];

/** How many copies of every run train at once, each from its own seed. */
export function SeedsChip({ session }: { session: Session }) {
  const app = useApp();
  const { seeds, seed } = session.experiment.value;
  return (
    <Popover
      testId="seeds"
      title={seeds === 1 ? "compare seeds" : `mean of ${seeds} seeds`}
      label={
        <>
          <span class="key">seeds</span> {seeds}
        </>
      }
    >
      {(close) => (
        <div class="form">
          <h3>Compare seeds</h3>
          <fieldset class="choice" aria-label="number of seeds">
            {[...new Set([...SEEDS, seeds])]
              .sort((a, b) => a - b)
              .map((count) => (
                <button
                  key={count}
                  type="button"
                  class={`button ${count === seeds ? "ink" : ""}`}
                  aria-pressed={count === seeds}
                  data-seeds={count}
                  onClick={() => {
                    close();
                    if (count !== seeds) {
                      app.attempt(() => startAgain(app, session, { seeds: count }));
                    }
                  }}
                >
                  {count}
                </button>
              ))}
          </fieldset>
          <p class="hint">
            Every run trains as so many copies at once, from seed {seed} on; charts show their mean
            with its 95 % interval. A new experiment starts; this one stays in the list.
          </p>
        </div>
      )}
    </Popover>
  );
}
