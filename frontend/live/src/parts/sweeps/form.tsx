import { useEffect, useState } from "preact/hooks";
import type { Catalogue } from "../../protocol.ts";
import { ApiError, messageOf } from "../../state/api.ts";
import { type AxisForm, axisOptions, valuesOf } from "../../state/sweeps/axis.ts";
import {
  askOf,
  axisNamed,
  costWords,
  newForm,
  problemOf,
  type SweepForm,
  withProblem,
  withRule,
} from "../../state/sweeps/form.ts";
import { useApp } from "../context.ts";
import { MenuField } from "../menu_field.tsx";

interface Refusal {
  field: string;
  text: string;
}

/** What a sweep is of and its two axes; as it is filled in at first, it can start at once. */
export function NewSweep({ catalogue }: { catalogue: Catalogue }) {
  const app = useApp();
  const [form, setForm] = useState<SweepForm>(() => app.sweeps.draft ?? newForm(catalogue));
  const [refused, setRefused] = useState<Refusal | null>(null);
  const [starting, setStarting] = useState(false);
  useEffect(() => void app.dataSets.load(), []);
  const change = (next: SweepForm) => {
    app.sweeps.draft = next;
    setForm(next);
    setRefused(null);
  };
  const problem = problemOf(form, catalogue);
  const asked = askOf(form);
  const wrong = refused ?? ("why" in asked ? { field: asked.field, text: asked.why } : null);
  const submit = async (event: Event) => {
    event.preventDefault();
    if ("why" in asked || starting) return;
    setStarting(true);
    setRefused(null);
    try {
      await app.sweeps.start(asked.ask);
    } catch (failure) {
      const field = failure instanceof ApiError ? failure.detail.field : "";
      setRefused({ field, text: messageOf(failure) });
    } finally {
      setStarting(false);
    }
  };
  const parts = { form, catalogue, wrong, change };
  const known = ["x.", "y.", "seeds", "steps", "seed"];
  const elsewhere = wrong && !known.some((start) => wrong.field.startsWith(start));
  return (
    <form class="form sweep-form" data-testid="sweep-form" onSubmit={(e) => void submit(e)}>
      <ProblemField {...parts} />
      <MenuField
        id="sweep-optimizer"
        label="optimizer"
        value={form.optimizer}
        options={catalogue.optimizers}
        onPick={(optimizer) => change(withRule(form, catalogue, { optimizer }))}
      />
      <MenuField
        id="sweep-policy"
        label="policy"
        value={form.policy}
        options={catalogue.policies}
        onPick={(policy) => change(withRule(form, catalogue, { policy }))}
      />
      <AxisFields axis="x" title="across" {...parts} />
      <AxisFields axis="y" title="upwards" {...parts} />
      <div class="sweep-numbers">
        <NumberField id="seeds" label="seeds" help="each cell is trained so often" {...parts} />
        <NumberField id="steps" label="steps" help="of every run" {...parts} />
        <NumberField id="seed" label="first seed" help="of start, data and masks" {...parts} />
      </div>
      <div class="field menu-field">
        <label for="sweep-name">name</label>
        <input
          id="sweep-name"
          type="text"
          maxLength={60}
          autocomplete="off"
          placeholder="optional"
          value={form.name}
          data-testid="sweep-name"
          onInput={(event) => change({ ...form, name: event.currentTarget.value })}
        />
      </div>
      {elsewhere && (
        <p class="bad" role="alert" data-testid="error">
          {wrong.text}
        </p>
      )}
      <div class="sweep-start">
        <button
          type="submit"
          class="button ink"
          data-testid="start-sweep"
          disabled={starting || "why" in asked}
        >
          {starting ? "Starting…" : "Start sweep"}
        </button>
        <p class="hint" data-testid="sweep-cost">
          {"ask" in asked && problem ? costWords(asked.ask, problem.kind) : ""}
        </p>
      </div>
    </form>
  );
}

interface Parts {
  form: SweepForm;
  catalogue: Catalogue;
  wrong: Refusal | null;
  change: (next: SweepForm) => void;
}

/** Tasks, then surfaces; those whose data are not here cannot be chosen. */
function ProblemField({ form, catalogue, change }: Parts) {
  const { dataSets } = useApp();
  const group = (kind: "task" | "surface", label: string) => (
    <optgroup label={label}>
      {catalogue.problems
        .filter((problem) => problem.kind === kind)
        .map((problem) => {
          const data = dataSets.of(problem);
          const missing = data !== undefined && data !== null && data.state !== "present";
          return (
            <option key={problem.name} value={problem.name} disabled={missing}>
              {problem.label}
              {missing ? " (its data are not here: see Train)" : ""}
            </option>
          );
        })}
    </optgroup>
  );
  return (
    <div class="field menu-field">
      <label for="sweep-problem">problem</label>
      <select
        id="sweep-problem"
        value={form.problem}
        data-testid="sweep-problem"
        onChange={(event) => change(withProblem(form, catalogue, event.currentTarget.value))}
      >
        {group("task", "tasks")}
        {group("surface", "surfaces")}
      </select>
    </div>
  );
}

/** A setting with its range, and the values that come of it, which may be typed instead. */
function AxisFields({
  axis,
  title,
  form,
  catalogue,
  wrong,
  change,
}: Parts & { axis: "x" | "y"; title: string }) {
  const value = form[axis];
  const options = axisOptions(catalogue, form.optimizer, form.policy);
  const other = form[axis === "x" ? "y" : "x"].setting;
  const problem = problemOf(form, catalogue);
  const made = valuesOf(value);
  const set = (part: Partial<AxisForm>) => change({ ...form, [axis]: { ...value, ...part } });
  const pick = (name: string) => {
    if (!problem) return;
    const next = axisNamed(catalogue, problem, form.optimizer, form.policy, name);
    // The two settings change places if the other axis has this one.
    if (name !== other) change({ ...form, [axis]: next });
    else change({ ...form, x: form.y, y: form.x });
  };
  const text = value.list ?? ("values" in made ? made.values.join("  ") : "");
  const message = wrong?.field.startsWith(`${axis}.`) ? wrong.text : "";
  const note = `sweep-${axis}-note`;
  const input = (name: "from" | "to" | "count", label: string) => (
    <label class="sweep-part">
      <span class="key">{label}</span>
      <input
        type="text"
        inputMode="decimal"
        autocomplete="off"
        value={value[name]}
        data-testid={`sweep-${axis}-${name}`}
        aria-label={`${label}, ${title}`}
        aria-describedby={note}
        aria-invalid={wrong?.field === `${axis}.${name}`}
        onInput={(event) => set({ [name]: event.currentTarget.value, list: null })}
      />
    </label>
  );
  return (
    <fieldset class="sweep-axis" data-testid={`sweep-${axis}`}>
      <legend>{title}</legend>
      <MenuField
        id={`sweep-${axis}-setting`}
        label="setting"
        value={value.setting}
        options={options}
        onPick={pick}
      />
      <div class="sweep-range">
        {input("from", "from")}
        {input("to", "to")}
        {input("count", "values")}
        <label class="sweep-part">
          <span class="key">spacing</span>
          <select
            value={value.spacing}
            aria-label={`spacing, ${title}`}
            data-testid={`sweep-${axis}-spacing`}
            onChange={(event) =>
              set({ spacing: event.currentTarget.value as AxisForm["spacing"], list: null })
            }
          >
            <option value="linear">linear</option>
            <option value="log">log</option>
          </select>
        </label>
      </div>
      <label class="sweep-list">
        <span class="key">
          {"values" in made ? `${made.values.length} values` : "values"}, which can be edited
        </span>
        <textarea
          rows={2}
          spellcheck={false}
          value={text}
          data-testid={`sweep-${axis}-list`}
          aria-label={`values, ${title}`}
          aria-describedby={note}
          aria-invalid={wrong?.field.startsWith(`${axis}.`) === true}
          onInput={(event) => set({ list: event.currentTarget.value })}
        />
      </label>
      <p class="field-note" id={note}>
        {message && (
          <span class="bad" role="alert" data-testid="error">
            {message}
          </span>
        )}
      </p>
    </fieldset>
  );
}

interface NumberProps extends Parts {
  id: "seeds" | "steps" | "seed";
  label: string;
  help: string;
}

function NumberField({ id, label, help, form, wrong, change }: NumberProps) {
  const bad = wrong?.field === id ? wrong.text : "";
  return (
    <label class="sweep-part" title={help}>
      <span class="key">{label}</span>
      <input
        type="text"
        inputMode="numeric"
        autocomplete="off"
        value={form[id]}
        data-testid={`sweep-${id}`}
        aria-invalid={bad !== ""}
        onInput={(event) => change({ ...form, [id]: event.currentTarget.value })}
      />
      {bad && (
        <span class="bad" role="alert" data-testid="error">
          {bad}
        </span>
      )}
    </label>
  );
}
