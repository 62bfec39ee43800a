import { useRef } from "preact/hooks";
import type { SettingInfo } from "../protocol.ts";
import { startAgain } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { RANGES } from "../state/typed.ts";
import { BasinChips, ViewSwitch } from "./basins_chips.tsx";
import { useApp, useBasins } from "./context.ts";
import { DeviceChip } from "./device_chip.tsx";
import { FormulaChip } from "./formula_form.tsx";
import { Caret } from "./icons.tsx";
import { Popover } from "./popover.tsx";
import { ProblemMenu } from "./problem_menu.tsx";
import { Rotation } from "./rotation.tsx";
import { useScrollRow } from "./scroll_row.ts";
import { SeedsChip } from "./seeds_chip.tsx";
import { SettingChip } from "./setting_chip.tsx";

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
  const experiment = session.experiment.value;
  const problem = session.problem.value;
  const paths = useApp().page.value === "lessons";
  const row = useRef<HTMLDivElement>(null);
  useScrollRow(row);
  return (
    <div class="chips" ref={row} data-testid="chips">
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
        {(close) => <ProblemMenu session={session} close={close} />}
      </Popover>
      {experiment.kind === "surface" && !paths && <ViewSwitch />}
      {experiment.kind === "surface" && <FormulaChip session={session} />}
      {experiment.kind === "surface" && <Rotation session={session} />}
      {useBasins(session) ? (
        <BasinChips session={session} />
      ) : (
        <ExperimentChips session={session} />
      )}
    </div>
  );
}

/** Those that are set in a place of their own have none. */
const hasChip = ({ name }: SettingInfo): boolean =>
  name !== "rotation" && name !== "formula" && !RANGES.some((range) => range.name === name);

/** Settings that an experiment begins with. */
function ExperimentChips({ session }: { session: Session }) {
  const app = useApp();
  const experiment = session.experiment.value;
  const settings = session.problem.value?.settings ?? [];
  return (
    <>
      {settings.filter(hasChip).map((setting) => (
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
      {experiment.kind === "task" && <SeedsChip session={session} />}
      <DeviceChip session={session} />
    </>
  );
}
