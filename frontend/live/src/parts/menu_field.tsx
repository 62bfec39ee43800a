interface Props {
  id: string;
  label: string;
  value: string;
  options: { name: string; label: string }[];
  onPick: (name: string) => void;
}

/** A menu of things with names and labels. */
export function MenuField({ id, label, value, options, onPick }: Props) {
  return (
    <div class="field menu-field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        data-testid={id}
        onChange={(event) => onPick(event.currentTarget.value)}
      >
        {options.map((option) => (
          <option key={option.name} value={option.name}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}
