import { Fragment } from "preact";
import type { SettingInfo, Value } from "../protocol.ts";
import type { Session } from "../state/session.ts";
import type { Masks } from "../state/swarm.ts";
import type { View } from "../state/url.ts";
import { useApp } from "./context.ts";
import { Caret } from "./icons.tsx";
import { Popover } from "./popover.tsx";
import { SettingChip } from "./setting_chip.tsx";

const VIEWS: View[] = ["paths", "basins"];

/** "view paths · basins": the same runs as paths on the map, or as where thousands of starts end. */
export function ViewSwitch() {
  const app = useApp();
  return (
    <fieldset class="chip view-switch" aria-label="view" data-testid="view">
      <span class="key" aria-hidden="true">
        view
      </span>
      {VIEWS.map((view, i) => (
        <Fragment key={view}>
          {i > 0 && (
            <span class="key" aria-hidden="true">
              ·
            </span>
          )}
          <button
            type="button"
            aria-pressed={view === app.view.value}
            data-testid={`view-${view}`}
            onClick={() => app.turnTo(view)}
          >
            {view}
          </button>
        </Fragment>
      ))}
    </fieldset>
  );
}

const SIDES = [64, 128, 256, 512];

const MASKS: { value: Masks; label: string; help: string }[] = [
  { value: "own", label: "own per start", help: "Every start throws its own coins." },
  {
    value: "shared",
    label: "shared",
    help: "All starts see the same masks: those that one run of this seed has.",
  },
];

const PLAIN = {
  kind: "int" as const,
  low_open: false,
  high_open: false,
  choices: [],
  log: false,
  live: true,
};

const STEPS: SettingInfo = {
  ...PLAIN,
  name: "steps",
  label: "steps",
  default: 500,
  low: 1,
  high: 5000,
  allowed: "a whole number from 1 to 5000",
  help: "So many steps every start has to reach a minimum.",
};

const SEED: SettingInfo = {
  ...PLAIN,
  name: "mask-seed",
  label: "seed",
  default: 0,
  low: 0,
  high: Number.MAX_SAFE_INTEGER,
  allowed: "a whole number from 0",
  help: "Fixes the masks of these pictures; the experiment keeps its own seed.",
};

const AT_ONCE = "The pictures follow at once.";

/** What the pictures are made of. */
export function BasinChips({ session }: { session: Session }) {
  const { basins } = useApp();
  return (
    <>
      <MenuChip
        name="starts"
        value={`${basins.n.value} × ${basins.n.value}`}
        options={SIDES.map((side) => ({
          value: String(side),
          label: `${side} × ${side}`,
          help: side === 512 ? "four times the work of 256 × 256" : "",
        }))}
        chosen={String(basins.n.value)}
        onPick={(side) => {
          basins.n.value = Number(side);
        }}
      />
      <SettingChip
        setting={STEPS}
        value={basins.steps.value}
        note={AT_ONCE}
        save={async (value) => {
          basins.steps.value = checked(STEPS, value);
        }}
      />
      <MenuChip
        name="masks"
        value={MASKS.find(({ value }) => value === basins.masks.value)?.label ?? ""}
        options={MASKS}
        chosen={basins.masks.value}
        onPick={(masks) => {
          basins.masks.value = masks as Masks;
        }}
      />
      <SettingChip
        setting={SEED}
        value={basins.seed.value ?? session.experiment.value.seed}
        note={AT_ONCE}
        save={async (value) => {
          basins.seed.value = checked(SEED, value);
        }}
      />
    </>
  );
}

/** The number itself; throws a sentence with the field, the value and the mend. */
function checked({ label, allowed, low, high }: SettingInfo, value: Value): number {
  const fits = typeof value === "number" && Number.isInteger(value);
  if (!fits || value < (low ?? value) || value > (high ?? value)) {
    throw new Error(`${label} is ${value}; it must be ${allowed}.`);
  }
  return value;
}

interface MenuProps {
  name: string;
  value: string;
  options: { value: string; label: string; help: string }[];
  chosen: string;
  onPick: (value: string) => void;
}

function MenuChip({ name, value, options, chosen, onPick }: MenuProps) {
  return (
    <Popover
      testId={`chip-${name}`}
      title={`${name}: ${value}`}
      label={
        <>
          <span class="key">{name}</span> {value}
          <Caret />
        </>
      }
    >
      {(close) => (
        <ul class="menu">
          {options.map((option) => (
            <li key={option.value}>
              <button
                type="button"
                aria-current={option.value === chosen}
                data-value={option.value}
                onClick={() => {
                  close();
                  onPick(option.value);
                }}
              >
                <b>{option.label}</b>
                {option.help && <span>{option.help}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}
