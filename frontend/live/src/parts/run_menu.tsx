import type { ComponentChildren } from "preact";
import { formatSetting } from "../look/format.ts";
import type { Run, SettingInfo, Value } from "../protocol.ts";
import { removeRun, set } from "../state/actions.ts";
import { policyOf } from "../state/names.ts";
import { POLICY_PREFIX } from "../state/run_settings.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { HowNote } from "./how_line.tsx";
import { ReplayNote } from "./origin_line.tsx";
import { Popover } from "./popover.tsx";
import { SettingField } from "./setting_field.tsx";

interface Props {
  session: Session;
  run: Run;
  name: string;
  disabled: string;
}

/** A switch or a choice shapes a run from its first step on: only numbers move while it trains. */
function movable({ live, kind }: SettingInfo): boolean {
  return live && (kind === "float" || kind === "int");
}

/** A run's settings, live where they can be, what they come from, and its removal. */
export function RunMenu({ session, run, name, disabled }: Props) {
  const app = useApp();
  const catalogue = app.catalogue.value;
  const optimizer = catalogue?.optimizers.find((other) => other.name === run.optimizer);
  const policy = policyOf(run, session.menus);
  const group = { session, run, disabled };
  return (
    <Popover class="more" label="⋯" sign title={`settings of ${name}`} testId="run-menu">
      {(close) => (
        <div class="form">
          <h3>{name}</h3>
          <p class="hint">Changes take effect at the next step.</p>
          {catalogue && (
            <SettingField
              setting={catalogue.drop_rate}
              value={run.drop_rate}
              disabled={disabled !== ""}
              testId="setting-drop_rate"
              onSave={(value) => set(app, session, run.id, "drop_rate", value)}
            />
          )}
          {optimizer && (
            <Settings
              {...group}
              title={optimizer.label}
              paper={optimizer.paper}
              settings={optimizer.settings}
              values={run.settings}
              prefix=""
            />
          )}
          {policy && (
            <Settings
              {...group}
              title={`Policy: ${policy.label}`}
              paper={policy.paper}
              settings={policy.settings}
              values={run.policy_settings}
              prefix={POLICY_PREFIX}
            >
              <p class="hint">{policy.help}</p>
              {run.rescale && <Fixed label="rescaled" value={true} />}
            </Settings>
          )}
          <HowNote run={run} />
          <ReplayNote run={run} />
          {disabled && <p class="hint warn">{disabled}</p>}
          <button
            type="button"
            class="button wide"
            data-testid="remove-run"
            disabled={disabled !== ""}
            onClick={() => {
              close();
              removeRun(app, session, run.id);
            }}
          >
            Remove this run
          </button>
        </div>
      )}
    </Popover>
  );
}

interface SettingsProps {
  session: Session;
  run: Run;
  disabled: string;
  title: string;
  paper: string;
  settings: SettingInfo[];
  values: Record<string, Value>;
  /** Before a setting's name in a control. */
  prefix: string;
  children?: ComponentChildren;
}

/** The settings of the optimizer or of the policy, and where it was published. */
function Settings(props: SettingsProps) {
  const app = useApp();
  const { session, run, disabled, title, paper, settings, values, prefix, children } = props;
  return (
    <section class="form">
      <h4>{title}</h4>
      {settings.map((setting) => {
        const value = values[setting.name] ?? setting.default;
        const name = prefix + setting.name;
        if (!movable(setting)) {
          return <Fixed key={name} label={setting.label || setting.name} value={value} />;
        }
        return (
          <SettingField
            key={name}
            setting={setting}
            value={value}
            disabled={disabled !== ""}
            testId={`setting-${name}`}
            onSave={(next) => set(app, session, run.id, name, next)}
          />
        );
      })}
      {children}
      {paper && <p class="paper">{paper}</p>}
    </section>
  );
}

/** A setting that stays what it was at the first step. */
function Fixed({ label, value }: { label: string; value: Value }) {
  return (
    <div class="field fixed" title="fixed from the first step on">
      <span>{label}</span>
      <b>{formatSetting(value)}</b>
    </div>
  );
}
