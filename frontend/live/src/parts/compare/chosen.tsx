import { formatStep } from "../../look/format.ts";
import { keyOf, MOST_RUNS } from "../../state/compare/choice.ts";
import type { Line } from "../../state/compare/facts.ts";
import type { Picture } from "../../state/compare/picture.ts";
import { stateOf } from "../../state/compare/table.ts";
import { addressOf } from "../../state/url.ts";
import { useApp } from "../context.ts";
import { RunGlyph } from "../glyph.tsx";

/** The lines of the comparison, each with its runs, and those that could not be shown. */
export function Chosen({ picture }: { picture: Picture }) {
  const { compare } = useApp();
  return (
    <aside class="compare-chosen" aria-label="runs compared">
      <ul>
        {compare.lines.value.map((line) => (
          <LineItem key={line.id} line={line} picture={picture} />
        ))}
      </ul>
      <Missing />
      {compare.leftOut.value > 0 && (
        <p class="bad" role="status">
          {compare.leftOut.value} more runs were not added: at most {MOST_RUNS} can be compared.
        </p>
      )}
      {compare.loading && (
        <p class="hint waiting" role="status" data-testid="loading">
          <span class="dot turning" aria-hidden="true" /> loading
        </p>
      )}
    </aside>
  );
}

function LineItem({ line, picture }: { line: Line; picture: Picture }) {
  const app = useApp();
  const { compare } = app;
  const lift = (id: string | null) => {
    app.lifted.value = id;
  };
  const all = [...line.members, ...line.repeated];
  const steps = Math.max(0, ...line.members.map(({ run }) => run.step));
  const live = line.members.some(({ experiment }) => experiment.state === "running");
  return (
    <li
      class="compare-line"
      data-testid="compare-line"
      data-line={line.id}
      onPointerEnter={() => lift(line.id)}
      onPointerLeave={() => lift(null)}
    >
      <RunGlyph slot={line.slot} />
      <div class="compare-words">
        <b>{line.name}</b>
        <span class="hint">
          <span class={`dot ${live ? "good" : ""}`} aria-hidden="true" /> {stateOf(line.members)},
          step {formatStep(steps)}
          {line.seeds > 1 && `, ${line.seeds} seeds`}
          {picture.isBaseline(line) && ", baseline"}
        </span>
        <span class="compare-sources">
          {all.map(({ key, experiment, run }) => (
            <a
              key={key}
              href={addressOf(
                experiment.kind === "surface" ? "explore" : "train",
                experiment.id,
                location.pathname,
              )}
              title={`open its experiment, ${experiment.id}`}
            >
              {experiment.name || `seed ${experiment.seed}`} {run.id}
            </a>
          ))}
        </span>
      </div>
      <button
        type="button"
        class="close"
        aria-label={`remove ${line.name} from the comparison`}
        title="remove from the comparison"
        data-testid="remove-line"
        onClick={() => {
          lift(null);
          compare.remove(all.map(({ key }) => key));
        }}
      >
        ×
      </button>
    </li>
  );
}

/** What was chosen and cannot be shown, with the reason and what can be done. */
function Missing() {
  const { compare } = useApp();
  const loaded = compare.watched.loaded.value;
  const failures = compare.watched.failures.value;
  const { runs, add } = compare.choice.value;
  const reasons = new Map<string, string[]>();
  const name = (key: string, reason: string | undefined) => {
    if (reason) reasons.set(reason, [...(reasons.get(reason) ?? []), key]);
  };
  for (const run of runs) {
    name(keyOf(run), failures.get(keyOf(run)) || loaded.get(run.experiment)?.error);
  }
  for (const id of add) name(id, loaded.get(id)?.error);
  if (reasons.size === 0) return null;
  return (
    <div class="compare-missing" role="alert" data-testid="missing">
      {[...reasons].map(([reason, keys]) => (
        <p key={reason} class="bad">
          <b>{keys.length > 3 ? `${keys.length} runs` : keys.join(", ")}</b>: {reason}{" "}
          <button type="button" class="link" onClick={() => compare.remove(keys)}>
            Remove
          </button>
        </p>
      ))}
      <button type="button" class="button" data-testid="retry" onClick={() => compare.retry()}>
        Try again
      </button>
    </div>
  );
}
