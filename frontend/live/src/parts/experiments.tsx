import { useEffect, useRef, useState } from "preact/hooks";
import { formatStep } from "../look/format.ts";
import type { ExperimentSummary, State } from "../protocol.ts";
import { messageOf } from "../state/api.ts";
import { NO_MENUS, summaryName } from "../state/names.ts";
import { addressOf, compareWith } from "../state/url.ts";
import { useApp } from "./context.ts";
import { RunGlyph } from "./glyph.tsx";
import { Jobs } from "./jobs.tsx";

const REFRESH_MS = 3000;
const STOPPABLE: State[] = ["queued", "running", "paused"];

/** Every experiment that is kept, newest first. */
export function Experiments() {
  const app = useApp();
  const [rows, setRows] = useState<ExperimentSummary[] | null>(null);
  const [error, setError] = useState("");
  const [filter, setFilter] = useState("");
  const reload = useRef(() => {});
  useEffect(() => {
    let current = true;
    const load = () => {
      if (document.hidden) return;
      app.api.experiments().then(
        (list) => {
          if (!current) return;
          setRows(list);
          setError("");
        },
        (failure) => current && setError(messageOf(failure)),
      );
    };
    reload.current = load;
    load();
    const timer = setInterval(load, REFRESH_MS);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, []);
  const problems = app.catalogue.value?.problems ?? [];
  const labelOf = (name: string) => problems.find((one) => one.name === name)?.label ?? name;
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = (rows ?? []).filter((row) => {
    const text = [row.id, row.name, row.problem, labelOf(row.problem), row.state, ...row.labels];
    const whole = `${text.join(" ")} seed ${row.seed}`.toLowerCase();
    return words.every((word) => whole.includes(word));
  });
  return (
    <main class="experiments">
      <header>
        <h1>Experiments</h1>
        <input
          type="search"
          placeholder="filter: beale, adam, running, seed 3 …"
          aria-label="filter experiments"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <span class="hint" role="status">
          {rows ? `${shown.length} of ${rows.length}` : ""}
        </span>
      </header>
      {error && (
        <p class="banner bad" role="alert" data-testid="error">
          {error}
        </p>
      )}
      <Jobs />
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>problem</th>
              <th>runs</th>
              <th>seed</th>
              <th>state</th>
              <th aria-label="compare" />
              <th class="number">steps</th>
              <th>started</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <Row
                key={row.id}
                row={row}
                label={row.name || labelOf(row.problem)}
                onStopped={() => reload.current()}
              />
            ))}
          </tbody>
        </table>
        {rows?.length === 0 && (
          <p class="hint">None yet. Open Explore or Train: each starts a comparison.</p>
        )}
      </div>
    </main>
  );
}

interface RowProps {
  row: ExperimentSummary;
  label: string;
  /** Called once the server has stopped this row's experiment. */
  onStopped: () => void;
}

function Row({ row, label, onStopped }: RowProps) {
  const app = useApp();
  const [stopping, setStopping] = useState(false);
  const menus = app.catalogue.value ?? NO_MENUS;
  const stop = async () => {
    setStopping(true);
    try {
      await app.api.control(row.id, { kind: "stop" });
      onStopped();
    } finally {
      setStopping(false);
    }
  };
  const page = row.kind === "surface" ? "explore" : "train";
  return (
    <tr data-testid="experiment-row" data-experiment={row.id}>
      <td>
        <a href={addressOf(page, row.id, location.pathname)}>{label}</a>
      </td>
      <td>
        <span class="labels">
          {row.labels.map((name, i) => (
            <span key={row.slots[i]}>
              <RunGlyph slot={row.slots[i] ?? i} size={12} /> {summaryName(name, menus)}
            </span>
          ))}
        </span>
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
        <time dateTime={row.created_at}>{when(row.created_at)}</time>
      </td>
    </tr>
  );
}

function when(at: string): string {
  const options: Intl.DateTimeFormatOptions = {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  };
  return new Date(at).toLocaleString("en-GB", options);
}
