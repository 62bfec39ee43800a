import { useState } from "preact/hooks";
import type { OptimizerInfo, RunIn, SettingInfo } from "../protocol.ts";
import { addRun, whyDisabled } from "../state/actions.ts";
import { ApiError, messageOf } from "../state/api.ts";
import { fairBaseline, mostRelevant } from "../state/fair.ts";
import { lrOf, rate } from "../state/names.ts";
import type { Session } from "../state/session.ts";
import { firstChange } from "../state/verdict_changes.ts";
import { useApp } from "./context.ts";
import { Popover } from "./popover.tsx";
import { parsed } from "./setting_field.tsx";

/** "+ add a run": the fair baseline first, then any optimizer. */
export function AddRun({ session }: { session: Session }) {
  const app = useApp();
  const most = app.catalogue.value?.max_runs ?? 16;
  const full = session.runs.value.length >= most;
  const disabled = whyDisabled(session);
  const why = full ? `${most} runs are the most one experiment holds` : disabled;
  return (
    <Popover
      class="add"
      label={full ? `${most} runs: remove one to add another` : "+ add a run"}
      title={why || "add a run"}
      testId="add-run"
      disabled={why !== ""}
    >
      {(close) => <AddRunForm session={session} close={close} />}
    </Popover>
  );
}

function AddRunForm({ session, close }: { session: Session; close: () => void }) {
  const app = useApp();
  const optimizers = app.catalogue.value?.optimizers ?? [];
  const problem = session.problem.value;
  const first = optimizers.find((one) => one.name === "adam") ?? optimizers[0];
  const [name, setName] = useState(first?.name ?? "adam");
  const [lr, setLr] = useState<string | null>(null);
  const [dropRate, setDropRate] = useState("0.5");
  const [error, setError] = useState<{ field: string; text: string } | null>(null);
  const optimizer = optimizers.find((one) => one.name === name);
  const suggested = problem?.suggested_lr[name] ?? settingOf(optimizer, "lr")?.default ?? 0.01;
  const relevant = mostRelevant(session.runs.value, session.selected.value);

  const add = async (spec: RunIn) => {
    try {
      await addRun(app, session, spec);
      close();
    } catch (failure) {
      const field = failure instanceof ApiError ? failure.detail.field : "";
      setError({ field, text: messageOf(failure) });
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    // A text that is no number is sent as it is: the server says what is allowed.
    const spec = {
      optimizer: name,
      settings: { lr: parsed(lr ?? String(suggested), "float") },
      drop_rate: parsed(dropRate, "float") as number,
    };
    void add(spec);
  };
  const errorAt = (end: string) => (error?.field.endsWith(end) ? error.text : "");
  const elsewhere = error && !errorAt("lr") && !errorAt("drop_rate") ? error.text : "";
  const fair = relevant ? fairBaseline(relevant) : null;
  const own = session.controls.value.filter(({ changes }) =>
    changes.some((change) => change.run === relevant?.id),
  );
  const moved = firstChange(own, Number.POSITIVE_INFINITY);
  return (
    <form class="form" onSubmit={submit}>
      {relevant && fair && (
        <>
          <h3>The fair baseline</h3>
          <p class="hint">
            Dropping also shortens the mean step. This run tells the two apart: the optimizer of{" "}
            {session.nameOf(relevant)} at lr × (1 − {rate(relevant.drop_rate)}), nothing dropped.
          </p>
          {moved !== null && (
            <p class="hint warn">
              Its settings were changed at step {moved}. The baseline has the present ones from step
              1 on, so the two are not fairly compared; start again for that.
            </p>
          )}
          <button
            type="button"
            class="button ink wide"
            data-testid="add-fair-baseline"
            data-first
            onClick={() => void add(fair)}
          >
            Add {labelOf(optimizers, fair)} at lr {String(lrOf(fair))}
          </button>
        </>
      )}
      <h3>Any optimizer</h3>
      <div class="field">
        <label for="add-optimizer">optimizer</label>
        <select
          id="add-optimizer"
          value={name}
          data-testid="add-optimizer"
          onChange={(event) => {
            setName(event.currentTarget.value);
            setLr(null);
          }}
        >
          {optimizers.map((one) => (
            <option key={one.name} value={one.name}>
              {one.label}
            </option>
          ))}
        </select>
      </div>
      <TextField
        id="add-lr"
        label="lr"
        value={lr ?? String(suggested)}
        allowed={settingOf(optimizer, "lr")?.allowed ?? ""}
        error={errorAt("lr")}
        onInput={setLr}
      />
      <TextField
        id="add-drop-rate"
        label="drop rate"
        value={dropRate}
        allowed={app.catalogue.value?.drop_rate.allowed ?? ""}
        error={errorAt("drop_rate")}
        onInput={setDropRate}
      />
      {elsewhere && (
        <p class="bad" role="alert" data-testid="error">
          {elsewhere}
        </p>
      )}
      <button type="submit" class="button wide" data-testid="add-any">
        Add
      </button>
    </form>
  );
}

interface TextProps {
  id: string;
  label: string;
  value: string;
  allowed: string;
  error: string;
  onInput: (text: string) => void;
}

function TextField({ id, label, value, allowed, error, onInput }: TextProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        inputMode="decimal"
        autocomplete="off"
        value={value}
        title={allowed}
        aria-invalid={error !== ""}
        data-testid={id}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <div class="field-note">
        {error && (
          <span class="bad" role="alert" data-testid="error">
            {error}
          </span>
        )}
      </div>
    </div>
  );
}

function settingOf(optimizer: OptimizerInfo | undefined, name: string): SettingInfo | undefined {
  return optimizer?.settings.find((setting) => setting.name === name);
}

function labelOf(optimizers: OptimizerInfo[], run: RunIn): string {
  return optimizers.find((one) => one.name === run.optimizer)?.label ?? run.optimizer;
}
