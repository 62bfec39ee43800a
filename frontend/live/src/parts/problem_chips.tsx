import type { SettingInfo, Value } from "../protocol.ts";
import { startAgain, switchProblem } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { Caret } from "./icons.tsx";
import { Popover } from "./popover.tsx";
import { SettingField } from "./setting_field.tsx";

/** The seed as a setting, so that it is edited like one. */
const SEED: SettingInfo = {
  name: "seed",
  label: "seed",
  kind: "int",
  default: 0,
  low: 0,
  high: Number.MAX_SAFE_INTEGER,
  low_open: false,
  high_open: false,
  choices: [],
  allowed: "a whole number from 0",
  help: "Fixes the start, the order of the data and the masks.",
  log: false,
  live: false,
};

/** What is trained: the problem, its settings, the seed. Any change is a new experiment. */
export function ProblemChips({ session }: { session: Session }) {
  const app = useApp();
  const experiment = session.experiment.value;
  const problem = session.problem.value;
  const others = app.catalogue.value?.problems.filter((one) => one.kind === experiment.kind) ?? [];
  return (
    <div class="chips">
      <Popover
        testId="problem"
        title={`${experiment.kind}: ${problem?.label ?? experiment.problem}`}
        label={
          <>
            <span class="key">{experiment.kind}</span>
            <b>{problem?.label ?? experiment.problem}</b>
            <Caret />
          </>
        }
      >
        {(close) => (
          <ul class="menu">
            {others.map((one) => (
              <li key={one.name}>
                <button
                  type="button"
                  aria-current={one.name === experiment.problem}
                  data-problem={one.name}
                  onClick={() => {
                    close();
                    switchProblem(app, session, one);
                  }}
                >
                  <b>{one.label}</b>
                  <span>{one.about}</span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </Popover>
      {(problem?.settings ?? []).map((setting) => (
        <SettingChip
          key={setting.name}
          setting={setting}
          value={experiment.settings[setting.name] ?? setting.default}
          save={(value) => startAgain(app, session, { settings: { [setting.name]: value } })}
        />
      ))}
      <SettingChip
        setting={SEED}
        value={experiment.seed}
        save={(value) => startAgain(app, session, { seed: value as number })}
      />
      <span class="chip still device">
        <span class="key">device</span> cpu
      </span>
    </div>
  );
}

interface ChipProps {
  setting: SettingInfo;
  value: Value;
  save: (value: Value) => Promise<void>;
}

function SettingChip({ setting, value, save }: ChipProps) {
  const label = setting.label || setting.name;
  return (
    <Popover
      testId={setting.name === "seed" ? "seed" : `chip-${setting.name}`}
      title={`${label}: ${shown(setting, value)}`}
      label={
        <>
          <span class="key">{label}</span> {shown(setting, value)}
        </>
      }
    >
      {(close) => (
        <div class="form">
          <SettingField
            setting={setting}
            value={value}
            testId={`problem-${setting.name}`}
            onSave={async (next) => {
              await save(next);
              close();
            }}
          />
          <p class="hint">
            {setting.help} {setting.allowed}. A new experiment starts; this one stays in the list.
          </p>
        </div>
      )}
    </Popover>
  );
}

function shown(setting: SettingInfo, value: Value): string {
  if (setting.name === "label_noise") return `${Number((Number(value) * 100).toFixed(1))} %`;
  if (typeof value !== "number") return String(value);
  return String(setting.kind === "int" ? value : Number(value.toPrecision(4))).replace("-", "−");
}
