import { useEffect, useState } from "preact/hooks";
import { formatStep } from "../../look/format.ts";
import type { Experiment, ExperimentSummary, Run } from "../../protocol.ts";
import { messageOf } from "../../state/api.ts";
import { NO_MENUS, shortName } from "../../state/names.ts";
import { useApp } from "../context.ts";
import { RunGlyph } from "../glyph.tsx";
import { RunLabels } from "../run_labels.tsx";

const TYPING_MS = 200;
const MOST = 50;
const STATES = ["running", "paused", "finished", "cancelled", "diverged", "failed", "queued"];

/** Finds experiments, and adds their runs to the comparison: all of one, or single ones. */
export function Finder() {
  const app = useApp();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const [optimizer, setOptimizer] = useState("");
  const [state, setState] = useState("");
  const [found, setFound] = useState<ExperimentSummary[] | null>(null);
  const [error, setError] = useState("");
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      const filters = Object.entries({ text, problem, optimizer, state }).filter(([, v]) => v);
      app.api.experiments({ limit: String(MOST), ...Object.fromEntries(filters) }).then(
        (list) => {
          if (!current) return;
          setFound(list);
          setError("");
        },
        (failure) => current && setError(messageOf(failure)),
      );
    }, TYPING_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text, problem, optimizer, state, turn]);
  const menus = app.catalogue.value;
  const named = (list: { name: string; label: string }[] = []) =>
    list.map(({ name, label }): [string, string] => [name, label]);
  return (
    <section class="finder" data-testid="finder" aria-label="find runs">
      <div class="finder-filters">
        <input
          type="search"
          placeholder="name, tag, run …"
          aria-label="find experiments"
          value={text}
          data-first
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <Filter
          label="problem"
          value={problem}
          options={named(menus?.problems)}
          pick={setProblem}
        />
        <Filter
          label="optimizer"
          value={optimizer}
          options={named(menus?.optimizers)}
          pick={setOptimizer}
        />
        <Filter
          label="state"
          value={state}
          options={STATES.map((name) => [name, name])}
          pick={setState}
        />
      </div>
      {error && (
        <p class="bad" role="alert">
          {error}{" "}
          <button type="button" class="link" onClick={() => setTurn(turn + 1)}>
            Try again
          </button>
        </p>
      )}
      <ul class="finder-list">
        {(found ?? []).map((row) => (
          <Found key={row.id} row={row} />
        ))}
      </ul>
      {found === null && !error && (
        <p class="hint" role="status">
          loading
        </p>
      )}
      {found?.length === 0 && (
        <p class="hint">
          {text || problem || optimizer || state
            ? "No experiment fits all of this."
            : "No experiments yet. Open Explore or Train: each starts a comparison."}
        </p>
      )}
      {found?.length === MOST && <p class="hint">The newest {MOST}; filter to find others.</p>}
    </section>
  );
}

interface FilterProps {
  label: string;
  value: string;
  options: [string, string][];
  pick: (value: string) => void;
}

function Filter({ label, value, options, pick }: FilterProps) {
  return (
    <select value={value} aria-label={label} onChange={(event) => pick(event.currentTarget.value)}>
      <option value="">any {label}</option>
      {options.map(([name, words]) => (
        <option key={name} value={name}>
          {words}
        </option>
      ))}
    </select>
  );
}

function Found({ row }: { row: ExperimentSummary }) {
  const app = useApp();
  const { compare } = app;
  const [open, setOpen] = useState(false);
  const problems = app.catalogue.value?.problems ?? [];
  const label = row.name || (problems.find((p) => p.name === row.problem)?.label ?? row.problem);
  const { runs, add } = compare.choice.value;
  const chosen = runs.filter((run) => run.experiment === row.id).length;
  const all = chosen >= row.runs || add.includes(row.id);
  return (
    <li data-testid="found" data-experiment={row.id}>
      <div class="finder-head">
        <b>{label}</b>
        <span class="hint">
          seed {row.seed}, {row.state}, {formatStep(row.step)} of {formatStep(row.steps)}
        </span>
        <button
          type="button"
          class="button small"
          data-testid="choose-runs"
          aria-expanded={open}
          aria-label={`choose runs of ${label}, seed ${row.seed}`}
          onClick={() => setOpen(!open)}
        >
          Choose
        </button>
        <button
          type="button"
          class="button small"
          data-testid="add-all"
          aria-pressed={all}
          aria-label={`all runs of ${label}, seed ${row.seed}`}
          title={all ? "take them out of the comparison again" : "add all runs"}
          onClick={() => (all ? compare.removeAll(row.id) : compare.addAll(row.id))}
        >
          {all ? "Added" : "Add all"}
        </button>
      </div>
      {open ? <RunsOf id={row.id} /> : <RunLabels row={row} />}
    </li>
  );
}

/** An experiment's runs, each to be added or taken away. */
function RunsOf({ id }: { id: string }) {
  const app = useApp();
  const { compare } = app;
  const [experiment, setExperiment] = useState<Experiment | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    let current = true;
    app.api.experiment(id).then(
      (found) => current && setExperiment(found),
      (failure) => current && setError(messageOf(failure)),
    );
    return () => {
      current = false;
    };
  }, [id]);
  if (error) return <p class="bad">{error}</p>;
  if (!experiment) return <p class="hint">loading</p>;
  const menus = app.catalogue.value ?? NO_MENUS;
  const key = (run: Run) => `${id}.${run.id}`;
  const chosen = new Set(compare.choice.value.runs.map((run) => `${run.experiment}.${run.run}`));
  return (
    <div class="finder-runs">
      {experiment.runs
        .filter((run) => run.state !== "removed")
        .map((run) => (
          <button
            key={run.id}
            type="button"
            class="chip"
            data-testid="choose-run"
            data-run={run.id}
            aria-pressed={chosen.has(key(run))}
            onClick={() =>
              chosen.has(key(run)) ? compare.remove([key(run)]) : compare.addRun(id, run.id)
            }
          >
            <RunGlyph slot={run.slot} size={12} /> {shortName(run, experiment.runs, menus)}
          </button>
        ))}
    </div>
  );
}
