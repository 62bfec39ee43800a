import { useEffect, useRef, useState } from "preact/hooks";
import type { ExperimentSummary } from "../protocol.ts";
import { messageOf } from "../state/api.ts";
import { useApp } from "./context.ts";
import { ExperimentRow } from "./experiment_row.tsx";
import { Jobs } from "./jobs.tsx";

const REFRESH_MS = 3000;

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
    const text = [row.id, row.name, row.problem, labelOf(row.problem), row.state];
    text.push(...row.labels, ...row.tags);
    const whole = `${text.join(" ")} seed ${row.seed}`.toLowerCase();
    return words.every((word) => whole.includes(word));
  });
  return (
    <div class="experiments">
      <header>
        <h1>Experiments</h1>
        <input
          type="search"
          placeholder="filter: beale, adam, running, a tag, seed 3 …"
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
              <th>
                <span class="unseen">compare</span>
              </th>
              <th class="number">steps</th>
              <th>started</th>
              <th>
                <span class="unseen">name, notes and tags</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <ExperimentRow
                key={row.id}
                row={row}
                label={row.name || labelOf(row.problem)}
                onChanged={() => reload.current()}
                onTag={setFilter}
              />
            ))}
          </tbody>
        </table>
        {rows?.length === 0 && (
          <p class="hint">None yet. Open Explore or Train: each starts a comparison.</p>
        )}
      </div>
    </div>
  );
}
