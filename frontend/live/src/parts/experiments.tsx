import { useEffect, useState } from "preact/hooks";
import { formatStep } from "../look/format.ts";
import type { ExperimentSummary } from "../protocol.ts";
import { messageOf } from "../state/api.ts";
import { addressOf } from "../state/url.ts";
import { useApp } from "./context.ts";
import { RunGlyph } from "./glyph.tsx";

const REFRESH_MS = 3000;

/** Every experiment that is kept, newest first. */
export function Experiments() {
  const app = useApp();
  const [rows, setRows] = useState<ExperimentSummary[] | null>(null);
  const [error, setError] = useState("");
  const [filter, setFilter] = useState("");
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
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>problem</th>
              <th>runs</th>
              <th>seed</th>
              <th>state</th>
              <th class="number">steps</th>
              <th>started</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <Row key={row.id} row={row} label={row.name || labelOf(row.problem)} />
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

function Row({ row, label }: { row: ExperimentSummary; label: string }) {
  const optimizers = useApp().catalogue.value?.optimizers ?? [];
  const words = (name: string) => optimizers.find((one) => one.name === name)?.label ?? name;
  const page = row.kind === "surface" ? "explore" : "train";
  return (
    <tr data-testid="experiment-row" data-experiment={row.id}>
      <td>
        <a href={addressOf(page, row.id, location.pathname)}>{label}</a>
      </td>
      <td>
        <span class="labels">
          {row.labels.map((name, slot) => (
            <span key={`${slot} ${name}`}>
              <RunGlyph slot={slot} size={12} /> {words(name)}
            </span>
          ))}
        </span>
      </td>
      <td>{row.seed}</td>
      <td>
        <span class={`dot ${row.state === "running" ? "good" : ""}`} aria-hidden="true" />{" "}
        {row.state}
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
