import { useState } from "preact/hooks";
import { formatMoment, formatStep } from "../look/format.ts";
import type { ExperimentSummary, State } from "../protocol.ts";
import { addressOf, compareWith } from "../state/url.ts";
import { useApp } from "./context.ts";
import { ExperimentWords } from "./experiment_words.tsx";
import { RunLabels } from "./run_labels.tsx";

const STOPPABLE: State[] = ["queued", "running", "paused"];

interface Props {
  row: ExperimentSummary;
  label: string;
  /** Called once the server has changed this row's experiment. */
  onChanged: () => void;
  /** A tag was pressed. */
  onTag: (tag: string) => void;
}

/** One experiment of the list. */
export function ExperimentRow({ row, label, onChanged, onTag }: Props) {
  const app = useApp();
  const [stopping, setStopping] = useState(false);
  const stop = async () => {
    setStopping(true);
    try {
      await app.api.control(row.id, { kind: "stop" });
      onChanged();
    } finally {
      setStopping(false);
    }
  };
  const page = row.kind === "surface" ? "explore" : "train";
  return (
    <tr data-testid="experiment-row" data-experiment={row.id}>
      <td>
        <a href={addressOf(page, row.id, location.pathname)}>{label}</a>
        {row.tags.map((tag) => (
          <button
            key={tag}
            type="button"
            class="tag"
            data-testid="tag"
            title={`show what is tagged ${tag}`}
            onClick={() => onTag(tag)}
          >
            {tag}
          </button>
        ))}
      </td>
      <td>
        <RunLabels row={row} />
      </td>
      <td>{row.seed}</td>
      <td>
        <span class="state">
          <span class={`dot ${row.state === "running" ? "good" : ""}`} aria-hidden="true" />
          {row.state}
          {STOPPABLE.includes(row.state) && (
            <button
              type="button"
              class="button small"
              data-testid="stop"
              aria-label={`stop ${label}, seed ${row.seed}`}
              title="end its training; every step stays"
              disabled={stopping}
              onClick={() => app.attempt(stop)}
            >
              {row.state === "queued" ? "Cancel" : "Stop"}
            </button>
          )}
        </span>
      </td>
      <td>
        <a
          class="button small"
          href={compareWith(row.id, location.pathname)}
          data-testid="compare-with"
          aria-label={`compare ${label}, seed ${row.seed}, with others`}
        >
          Compare
        </a>
      </td>
      <td class="number">
        {formatStep(row.step)} of {formatStep(row.steps)}
      </td>
      <td>
        <time dateTime={row.created_at}>{formatMoment(row.created_at)}</time>
      </td>
      <td>
        <ExperimentWords id={row.id} label={`${label}, seed ${row.seed}`} onChanged={onChanged} />
      </td>
    </tr>
  );
}
