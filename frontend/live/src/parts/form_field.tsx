import { formatRange } from "../look/format.ts";
import type { SettingInfo } from "../protocol.ts";
import type { Draft } from "../state/run_form.ts";

interface Props {
  id: string;
  setting: SettingInfo;
  /** What was typed; undefined where it was not touched. */
  draft: Draft | undefined;
  /** Shown where nothing was typed, instead of the setting's own default. */
  suggested?: number;
  /** Why the server refused it; empty if it did not. */
  error: string;
  onDraft: (draft: Draft) => void;
}

/** One setting of something that does not exist yet: its label, its range, its input. */
export function FormField({ id, setting, draft, suggested, error, onDraft }: Props) {
  const shown = draft ?? suggested ?? setting.default;
  const note = `${id}-note`;
  const common = {
    id,
    title: setting.help || setting.allowed,
    "data-testid": id,
    "aria-describedby": note,
    "aria-invalid": error !== "",
  };
  return (
    <div class="field">
      <label for={id} title={setting.help}>
        {setting.label || setting.name} <span class="range">{formatRange(setting)}</span>
      </label>
      {setting.kind === "bool" ? (
        <input
          {...common}
          type="checkbox"
          checked={shown === true}
          onChange={(event) => onDraft(event.currentTarget.checked)}
        />
      ) : setting.kind === "choice" ? (
        <select
          {...common}
          value={String(shown)}
          onChange={(event) => onDraft(event.currentTarget.value)}
        >
          {setting.choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          type="text"
          inputMode={setting.kind === "text" ? "text" : "decimal"}
          autocomplete="off"
          value={String(shown)}
          onInput={(event) => onDraft(event.currentTarget.value)}
        />
      )}
      <div class="field-note" id={note}>
        {error && (
          <span class="bad" role="alert" data-testid="error">
            {error}
          </span>
        )}
      </div>
    </div>
  );
}
