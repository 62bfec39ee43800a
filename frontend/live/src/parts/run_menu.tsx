import type { Run, SettingInfo } from "../protocol.ts";
import { removeRun, set } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
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

/** A run's settings, live, and its removal. */
export function RunMenu({ session, run, name, disabled }: Props) {
  const app = useApp();
  const catalogue = app.catalogue.value;
  const optimizer = catalogue?.optimizers.find((other) => other.name === run.optimizer);
  const settings: SettingInfo[] = optimizer?.settings.filter(movable) ?? [];
  return (
    <Popover class="more" label="⋯" title={`settings of ${name}`} testId="run-menu">
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
          {settings.map((setting) => (
            <SettingField
              key={setting.name}
              setting={setting}
              value={run.settings[setting.name] ?? setting.default}
              disabled={disabled !== ""}
              testId={`setting-${setting.name}`}
              onSave={(value) => set(app, session, run.id, setting.name, value)}
            />
          ))}
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
