import { useEffect, useRef, useState } from "preact/hooks";
import { formatStep } from "../look/format.ts";
import type { Run, Value } from "../protocol.ts";
import { ApiError, messageOf } from "../state/api.ts";
import { policyOf } from "../state/names.ts";
import { type Draft, fieldOf, parsed, values } from "../state/run_form.ts";
import type { Session } from "../state/session.ts";
import { type ForkSpec, forkAndShow, forkStep, runAt } from "../state/time_travel.ts";
import { chosenRun } from "./chosen_run.ts";
import { useApp } from "./context.ts";
import { FormField } from "./form_field.tsx";
import { MenuField } from "./menu_field.tsx";
import { ScheduleFields } from "./schedule_fields.tsx";

/** What was typed so far; what was not touched stays as the run had it. */
interface Typed {
  dropRate?: Draft;
  settings: Record<string, Draft>;
  policy?: string;
  policySettings: Record<string, Draft>;
  schedule?: string;
  scheduleSettings: Record<string, Draft>;
}

const NOTHING: Typed = { settings: {}, policySettings: {}, scheduleSettings: {} };

/** A field's value: what was typed, else what the run had, else the setting's default. */
function shownAs(draft: Draft | undefined, had: Value | undefined) {
  if (draft !== undefined) return { draft };
  return typeof had === "number" ? { draft, suggested: had } : { draft: had };
}

/** A new run from a step of another one on, with another drop rate or whatever should differ. */
export function ForkForm({ session, close }: { session: Session; close: () => void }) {
  const app = useApp();
  const { menus } = session;
  const runs = session.runs.value;
  const [id, setId] = useState(() => chosenRun(session)?.id ?? "");
  const run = runs.find((one) => one.id === id) ?? (runs[0] as Run);
  // The step is that at which the form was opened: training goes on meanwhile.
  const [shown] = useState(() => new Map(runs.map((one) => [one.id, forkStep(session, one.id)])));
  const step = shown.get(run.id) ?? forkStep(session, run.id);
  const live = useRef(session.cursor.peek() === null).current;
  const before = live ? run : runAt(session, run, step);
  const [typed, setTyped] = useState<Typed>(NOTHING);
  const [error, setError] = useState<{ field: string; text: string } | null>(null);
  const [sending, setSending] = useState(false);
  const rate = useRef<HTMLDivElement>(null);
  useEffect(() => rate.current?.querySelector("input")?.select(), [id]);

  const change = (next: Partial<Typed>) => {
    setTyped({ ...typed, ...next });
    setError(null);
  };
  const policyName = typed.policy ?? before.policy;
  const policy = policyOf({ policy: policyName }, menus);
  const schedules = app.catalogue.value?.schedules ?? [];
  const schedule = typed.schedule ?? before.schedule;
  const ofSchedule = schedules.find(({ name }) => name === schedule)?.settings ?? [];
  const optimizer = menus.optimizers.find((one) => one.name === run.optimizer);
  const movable = (optimizer?.settings ?? []).filter(({ kind, live: moves }) => {
    return moves && (kind === "float" || kind === "int");
  });
  const errorAt = (field: string) => (error?.field === field ? error.text : "");
  const wanted = (): ForkSpec => ({
    // A text that is no number goes as it is: the server says what is allowed.
    drop_rate: parsed(String(typed.dropRate ?? before.drop_rate), "float") as number,
    settings: { ...before.settings, ...values(typed.settings, movable) },
    policy: policyName,
    policy_settings: {
      ...(policyName === before.policy && before.policy_settings),
      ...values(typed.policySettings, policy?.settings ?? []),
    },
    schedule,
    schedule_settings: {
      ...(schedule === before.schedule && before.schedule_settings),
      ...values(typed.scheduleSettings, ofSchedule),
    },
  });
  const submit = async (event: Event) => {
    event.preventDefault();
    if (sending) return;
    setSending(true);
    try {
      await forkAndShow(app, session, run, step, wanted());
      close();
    } catch (failure) {
      const field = failure instanceof ApiError ? fieldOf(failure.detail.field) : "";
      setError({ field, text: fieldOf(messageOf(failure)) });
      setSending(false);
    }
  };
  const inFields = [
    "drop_rate",
    ...movable.map(({ name }) => `settings.${name}`),
    ...(policy?.settings ?? []).map(({ name }) => `policy_settings.${name}`),
    ...ofSchedule.map(({ name }) => `schedule_settings.${name}`),
  ];
  const catalogue = app.catalogue.value;
  return (
    <form class="form" data-testid="fork-form" onSubmit={(event) => void submit(event)}>
      <h3>Fork at step {formatStep(step)}</h3>
      <p class="hint">
        A new run goes on from {session.nameOf(run)} as it was then, beside it and on the same data.
      </p>
      {runs.length > 1 && (
        <MenuField
          id="fork-run"
          label="run"
          value={run.id}
          options={runs.map((one) => ({ name: one.id, label: session.nameOf(one) }))}
          onPick={(name) => {
            setId(name);
            setTyped(NOTHING);
            setError(null);
          }}
        />
      )}
      {catalogue && (
        <div ref={rate}>
          <FormField
            id="fork-drop-rate"
            setting={catalogue.drop_rate}
            draft={typed.dropRate}
            suggested={before.drop_rate}
            error={errorAt("drop_rate")}
            onDraft={(dropRate) => change({ dropRate })}
          />
        </div>
      )}
      <details class="fold">
        <summary data-testid="fork-more">lr, policy and other settings</summary>
        {movable.map((setting) => (
          <FormField
            key={`${run.id} ${setting.name}`}
            id={`fork-${setting.name}`}
            setting={setting}
            {...shownAs(typed.settings[setting.name], before.settings[setting.name])}
            error={errorAt(`settings.${setting.name}`)}
            onDraft={(draft) => change({ settings: { ...typed.settings, [setting.name]: draft } })}
          />
        ))}
        <MenuField
          id="fork-policy"
          label="policy"
          value={policyName}
          options={menus.policies}
          onPick={(name) => change({ policy: name, policySettings: {} })}
        />
        {policy?.settings.map((setting) => (
          <FormField
            key={`${policyName} ${setting.name}`}
            id={`fork-policy-${setting.name}`}
            setting={setting}
            {...shownAs(
              typed.policySettings[setting.name],
              policyName === before.policy ? before.policy_settings[setting.name] : undefined,
            )}
            error={errorAt(`policy_settings.${setting.name}`)}
            onDraft={(draft) =>
              change({ policySettings: { ...typed.policySettings, [setting.name]: draft } })
            }
          />
        ))}
      </details>
      <ScheduleFields
        prefix="fork"
        schedules={schedules}
        schedule={schedule}
        drafts={typed.scheduleSettings}
        had={schedule === before.schedule ? before.schedule_settings : {}}
        errorAt={errorAt}
        refused={error?.field.startsWith("schedule") ?? false}
        onSchedule={(name) => change({ schedule: name, scheduleSettings: {} })}
        onDrafts={(scheduleSettings) => change({ scheduleSettings })}
      />
      {error && !inFields.includes(error.field) && (
        <p class="bad" role="alert" data-testid="error">
          {error.text}
        </p>
      )}
      <div class="form-end">
        <button type="submit" class="button ink wide" data-testid="fork" disabled={sending}>
          {sending ? "Forking …" : "Fork"}
        </button>
      </div>
    </form>
  );
}
