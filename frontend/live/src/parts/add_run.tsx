import { useEffect, useRef, useState } from "preact/hooks";
import type { LrScheduleInfo, RunIn } from "../protocol.ts";
import { addRun, whyDisabled } from "../state/actions.ts";
import { ApiError, messageOf } from "../state/api.ts";
import { mostRelevant } from "../state/fair.ts";
import { policyOf } from "../state/names.ts";
import {
  fieldOf,
  newForm,
  optimizerOf,
  type RunForm,
  runOf,
  scheduleSettingsOf,
  withOptimizer,
  withPolicy,
  withSchedule,
} from "../state/run_form.ts";
import type { Session } from "../state/session.ts";
import { BaselineOffer } from "./baseline_offer.tsx";
import { useApp } from "./context.ts";
import { FormField } from "./form_field.tsx";
import { MenuField } from "./menu_field.tsx";
import { Popover } from "./popover.tsx";
import { ScheduleFields } from "./schedule_fields.tsx";

/** So many settings beside lr are shown as they are; more are folded. */
const UNFOLDED = 2;

/** "+ add a run": the baseline first, then any optimizer with any policy. */
export function AddRun({ session }: { session: Session }) {
  const app = useApp();
  const most = app.catalogue.value?.max_runs ?? 16;
  const full = session.runs.value.length >= most;
  const fullWords = app.narrow.value ? `${most} runs` : `${most} runs: remove one to add another`;
  const disabled = whyDisabled(session);
  const why = full ? `${most} runs are the most one experiment holds` : disabled;
  return (
    <Popover
      class="add"
      label={full ? fullWords : app.narrow.value ? "+ run" : "+ add a run"}
      title={why || "add a run"}
      testId="add-run"
      disabled={why !== ""}
    >
      {(close) => <AddRunForm session={session} close={close} />}
    </Popover>
  );
}

interface Refusal {
  field: string;
  text: string;
}

function AddRunForm({ session, close }: { session: Session; close: () => void }) {
  const app = useApp();
  const { menus } = session;
  const schedules = app.catalogue.value?.schedules ?? [];
  const [form, setForm] = useState(() => newForm(menus));
  const [error, setError] = useState<Refusal | null>(null);
  const relevant = mostRelevant(session.runs.value, session.selected.value, menus);
  const root = useRef<HTMLFormElement>(null);

  useEffect(() => {
    // What was refused may be out of sight in a long form.
    root.current?.querySelector("[role=alert]")?.scrollIntoView({ block: "nearest" });
  }, [error]);
  const change = (next: RunForm) => {
    setForm(next);
    setError(null);
  };
  const add = async (spec: RunIn) => {
    try {
      await addRun(app, session, spec);
      close();
    } catch (failure) {
      const field = failure instanceof ApiError ? fieldOf(failure.detail.field) : "";
      setError({ field, text: fieldOf(messageOf(failure)) });
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void add(runOf(form, menus, schedules));
  };
  const parts = { session, form, error, change };
  return (
    <form class="form" data-testid="add-run-form" ref={root} onSubmit={submit}>
      {relevant && (
        <BaselineOffer session={session} run={relevant} onAdd={(spec) => void add(spec)} />
      )}
      <h3>Any optimizer</h3>
      <OptimizerFields {...parts} />
      <ScheduleFields
        prefix="add"
        schedules={schedules}
        schedule={form.schedule}
        drafts={form.scheduleSettings}
        errorAt={(field) => errorAt(error, field)}
        refused={error?.field.startsWith("schedule") ?? false}
        onSchedule={(name) => parts.change(withSchedule(form, name))}
        onDrafts={(scheduleSettings) => parts.change({ ...form, scheduleSettings })}
      />
      <h3>What is left out</h3>
      <PolicyFields {...parts} />
      {error && !isShown(error.field, form, session, schedules) && (
        <p class="bad" role="alert" data-testid="error">
          {error.text}
        </p>
      )}
      <div class="form-end">
        <button type="submit" class="button wide" data-testid="add-any">
          Add
        </button>
      </div>
    </form>
  );
}

interface Parts {
  session: Session;
  form: RunForm;
  error: Refusal | null;
  change: (next: RunForm) => void;
}

const errorAt = (error: Refusal | null, field: string): string =>
  error?.field === field ? error.text : "";

/** Whether a field that was refused is one of the form's, and shows the reason itself. */
function isShown(
  field: string,
  form: RunForm,
  session: Session,
  schedules: LrScheduleInfo[],
): boolean {
  const optimizer = optimizerOf(form, session.menus)?.settings ?? [];
  const policy = policyOf(form, session.menus)?.settings ?? [];
  return (
    field === "drop_rate" ||
    optimizer.some(({ name }) => field === `settings.${name}`) ||
    policy.some(({ name }) => field === `policy_settings.${name}`) ||
    scheduleSettingsOf(form, schedules).some(({ name }) => field === `schedule_settings.${name}`)
  );
}

function OptimizerFields({ session, form, error, change }: Parts) {
  const optimizer = optimizerOf(form, session.menus);
  const settings = optimizer?.settings ?? [];
  const others = settings.filter(({ name }) => name !== "lr");
  const suggested = session.problem.value?.suggested_lr[form.optimizer];
  const field = (setting: (typeof settings)[number]) => (
    <FormField
      key={`${form.optimizer} ${setting.name}`}
      id={`add-${setting.name}`}
      setting={setting}
      draft={form.settings[setting.name]}
      suggested={setting.name === "lr" ? suggested : undefined}
      error={errorAt(error, `settings.${setting.name}`)}
      onDraft={(draft) =>
        change({ ...form, settings: { ...form.settings, [setting.name]: draft } })
      }
    />
  );
  const refused = others.some(({ name }) => errorAt(error, `settings.${name}`));
  return (
    <>
      <MenuField
        id="add-optimizer"
        label="optimizer"
        value={form.optimizer}
        options={session.menus.optimizers}
        onPick={(name) => change(withOptimizer(form, name))}
      />
      {optimizer?.paper && <p class="paper">{optimizer.paper}</p>}
      {settings.filter(({ name }) => name === "lr").map(field)}
      {others.length <= UNFOLDED ? (
        others.map(field)
      ) : (
        <details class="fold" key={form.optimizer} open={refused || undefined}>
          <summary data-testid="add-more-settings">
            {others.length} more settings of {optimizer?.label}
          </summary>
          {others.map(field)}
        </details>
      )}
    </>
  );
}

function PolicyFields({ session, form, error, change }: Parts) {
  const app = useApp();
  const catalogue = app.catalogue.value;
  const policy = policyOf(form, session.menus);
  return (
    <>
      <MenuField
        id="add-policy"
        label="policy"
        value={form.policy}
        options={session.menus.policies}
        onPick={(name) => change(withPolicy(form, name))}
      />
      {policy && <p class="hint">{policy.help}</p>}
      {policy?.paper && <p class="paper">{policy.paper}</p>}
      {catalogue && (
        <FormField
          id="add-drop-rate"
          setting={catalogue.drop_rate}
          draft={form.dropRate}
          error={errorAt(error, "drop_rate")}
          onDraft={(dropRate) => change({ ...form, dropRate })}
        />
      )}
      {policy?.settings.map((setting) => (
        <FormField
          key={`${form.policy} ${setting.name}`}
          id={`add-policy-${setting.name}`}
          setting={setting}
          draft={form.policySettings[setting.name]}
          error={errorAt(error, `policy_settings.${setting.name}`)}
          onDraft={(draft) =>
            change({ ...form, policySettings: { ...form.policySettings, [setting.name]: draft } })
          }
        />
      ))}
      {catalogue && (
        <FormField
          id="add-rescale"
          setting={catalogue.rescale}
          draft={form.rescale}
          error=""
          onDraft={(draft) => change({ ...form, rescale: draft === true })}
        />
      )}
      {catalogue && <p class="hint">{catalogue.rescale.help}</p>}
    </>
  );
}
