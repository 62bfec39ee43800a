import type { SettingInfo, Value } from "../protocol.ts";
import { Popover } from "./popover.tsx";
import { SettingField } from "./setting_field.tsx";

const ANEW = "A new experiment starts; this one stays in the list.";

interface Props {
  setting: SettingInfo;
  value: Value;
  save: (value: Value) => Promise<void>;
  /** What a change does. */
  note?: string;
}

/** A setting as a chip that opens its field. */
export function SettingChip({ setting, value, save, note = ANEW }: Props) {
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
            {setting.help} {setting.allowed}. {note}
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
