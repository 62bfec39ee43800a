import { Caret } from "./icons.tsx";

interface Props {
  label: string;
  value: string;
  options: { value: string; label: string }[];
  onPick: (value: string) => void;
  /** Words shown in the place of the chosen option's, where the title says it already. */
  short?: string | undefined;
  disabled?: boolean;
}

/** A small menu in a chart's title line. */
export function Picker({ label, value, options, onPick, short, disabled }: Props) {
  const shown = short ?? options.find((option) => option.value === value)?.label ?? "";
  return (
    <span class="picker">
      <span aria-hidden="true">
        {shown} <Caret />
      </span>
      <select
        value={value}
        aria-label={label}
        disabled={disabled}
        onChange={(event) => onPick(event.currentTarget.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </span>
  );
}
