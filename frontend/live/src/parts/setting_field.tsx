import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { SettingInfo, Value } from "../protocol.ts";
import { messageOf } from "../state/api.ts";
import { parsed } from "../state/run_form.ts";

interface Props {
  setting: SettingInfo;
  value: Value;
  /** Sends the new value; its rejection's message is shown beside the field. */
  onSave: (value: Value) => Promise<unknown>;
  disabled?: boolean;
  /** Save at every change of a switch or a choice, Enter or leaving for a number. */
  testId?: string;
}

/**
 * One setting's input. What is typed and not yet sent stays, whoever changes the value meanwhile;
 * the newer value is then shown beside it.
 */
export function SettingField({ setting, value, onSave, disabled, testId }: Props) {
  const id = useId();
  const [draft, setDraft] = useState<string | null>(null);
  const [started, setStarted] = useState<Value>(value);
  const [error, setError] = useState("");
  const sending = useRef(false);
  const label = setting.label || setting.name;

  useEffect(() => {
    if (draft !== null && parsed(draft, setting.kind) === value) setDraft(null);
  }, [value]);

  const save = async (next: Value) => {
    if (sending.current) return;
    sending.current = true;
    try {
      await onSave(next);
      setDraft(null);
      setError("");
    } catch (failure) {
      setError(messageOf(failure));
    } finally {
      sending.current = false;
    }
  };
  const commit = () => {
    if (draft === null) return;
    const next = parsed(draft, setting.kind);
    if (next === value) {
      setDraft(null);
      setError("");
    } else void save(next);
  };
  const edit = (text: string) => {
    if (draft === null) setStarted(value);
    setDraft(text);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter") commit();
    if (event.key === "Escape" && draft !== null) {
      event.stopPropagation();
      setDraft(null);
      setError("");
    }
  };
  const others = draft !== null && started !== value;

  return (
    <div class="field">
      <label for={id} title={setting.help}>
        {label}
      </label>
      {setting.kind === "bool" ? (
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          disabled={disabled}
          data-testid={testId}
          onChange={(event) => void save(event.currentTarget.checked)}
        />
      ) : setting.kind === "choice" ? (
        <select
          id={id}
          value={String(value)}
          disabled={disabled}
          data-testid={testId}
          onChange={(event) => void save(event.currentTarget.value)}
        >
          {setting.choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          type="text"
          inputMode="decimal"
          autocomplete="off"
          value={draft ?? String(value)}
          disabled={disabled}
          aria-invalid={error !== ""}
          aria-describedby={`${id}-note`}
          title={setting.allowed}
          data-testid={testId}
          onInput={(event) => edit(event.currentTarget.value)}
          onKeyDown={keys}
          onBlur={commit}
        />
      )}
      <div class="field-note" id={`${id}-note`}>
        {others && <span class="warn">now {String(value)}</span>}
        {error && (
          <span class="bad" role="alert" data-testid="error">
            {error}
          </span>
        )}
      </div>
    </div>
  );
}
