import type { LrScheduleInfo, Value } from "../protocol.ts";
import type { Draft } from "../state/run_form.ts";
import { FormField } from "./form_field.tsx";
import { MenuField } from "./menu_field.tsx";

interface Props {
  /** Before the ids of its fields: `add` or `fork`. */
  prefix: string;
  schedules: LrScheduleInfo[];
  schedule: string;
  drafts: Record<string, Draft>;
  /** What a fork's parent has, of this schedule. */
  had?: Readonly<Record<string, Value>>;
  /** Of a field, why the server refused it; empty if it did not. */
  errorAt: (field: string) => string;
  /** One of them was refused. */
  refused: boolean;
  onSchedule: (name: string) => void;
  onDrafts: (drafts: Record<string, Draft>) => void;
}

/** How the learning rate follows the steps; folded, since most runs need nothing of it. */
export function ScheduleFields(props: Props) {
  const { prefix, schedules, schedule, drafts, had, errorAt, refused } = props;
  const chosen = schedules.find(({ name }) => name === schedule);
  if (!chosen) return null;
  return (
    <details class="fold" open={refused || undefined}>
      <summary data-testid={`${prefix}-schedule-fold`}>
        learning-rate schedule: {chosen.label}
      </summary>
      <MenuField
        id={`${prefix}-schedule`}
        label="schedule"
        value={schedule}
        options={schedules}
        onPick={props.onSchedule}
      />
      <p class="hint">{chosen.help}</p>
      {chosen.paper && <p class="paper">{chosen.paper}</p>}
      {chosen.settings.map((setting) => {
        const before = had?.[setting.name];
        const suggested = typeof before === "number" ? before : undefined;
        const draft = drafts[setting.name] ?? (suggested === undefined ? before : undefined);
        return (
          <FormField
            key={`${schedule} ${setting.name}`}
            id={`${prefix}-schedule-${setting.name}`}
            setting={setting}
            draft={draft as Draft | undefined}
            {...(suggested !== undefined && { suggested })}
            error={errorAt(`schedule_settings.${setting.name}`)}
            onDraft={(typed) => props.onDrafts({ ...drafts, [setting.name]: typed })}
          />
        );
      })}
    </details>
  );
}
