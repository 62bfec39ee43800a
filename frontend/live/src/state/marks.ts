import type { Mark } from "../charts/types.ts";
import type { ChangeInfo, ControlKind, ControlOut, Value } from "../protocol.ts";

const SAME_GESTURE_MS = 2000;
const SAME_GESTURE_STEPS = 20;

/** A mark with what is to be known to go back to before it. */
export interface ControlMark extends Mark {
  kind: ControlKind;
  /** Of each run the setting before and after; `step` is the first step that used it. */
  changes: ChangeInfo[];
  /** ISO time of the (first) control. */
  at: string;
  who: string;
}

interface Open {
  mark: ControlMark;
  at: number;
  step: number;
  first: Value | null;
}

/** What a control did at one step. */
interface Part {
  run: string | null;
  step: number;
  control: ControlOut;
  /** As one, for words. */
  change: ChangeInfo;
  changes: ChangeInfo[];
}

/**
 * Controls as marks on time axes. Settings of one run that one person moved in one gesture (within
 * 2 s or 20 steps) make one mark, from the first value to the last, at the step of the first.
 *
 * `name` gives a run's words; `setting` a setting's label.
 */
export function marksOf(
  controls: ControlOut[],
  name: (run: string) => string,
  setting: (name: string) => string,
): ControlMark[] {
  const marks: ControlMark[] = [];
  const open = new Map<string, Open>();
  const ordered = [...controls].sort((a, b) => a.step - b.step || a.at.localeCompare(b.at));
  for (const control of ordered) {
    if (control.kind === "set") {
      for (const part of partsOf(control)) addSet(part, marks, open, name, setting);
    } else {
      const text = eventText(control, name);
      // A run that is added starts at step 1; the mark belongs where somebody added it.
      const step =
        control.kind === "fork" ? control.step : Math.max(control.step, control.received_step);
      const { run, kind, changes, at, who } = control;
      if (text) marks.push({ step, run, text, kind, changes, at, who });
    }
  }
  return marks;
}

function addSet(
  part: Part,
  marks: ControlMark[],
  open: Map<string, Open>,
  name: (run: string) => string,
  setting: (name: string) => string,
): void {
  const { run, step, control, change, changes } = part;
  const at = Date.parse(control.at);
  const key = `${run ?? "*"}/${change.setting}`;
  const before = open.get(key);
  const who = run === null ? "all" : name(run);
  if (before?.mark.who === control.who && sameGesture(before, at, step)) {
    before.at = at;
    before.step = step;
    before.mark.text = `${who}: ${setting(change.setting)} ${arrow(before.first, change.new)}`;
    before.mark.changes = joined(before.mark.changes, changes);
    return;
  }
  const text = `${who}: ${setting(change.setting)} ${arrow(change.old, change.new)}`;
  const mark = { step, run, text, kind: control.kind, changes, at: control.at, who: control.who };
  marks.push(mark);
  open.set(key, { mark, at, step, first: change.old });
}

/** Two changes of one gesture, as one a run: from the first value to the last. */
function joined(first: ChangeInfo[], last: ChangeInfo[]): ChangeInfo[] {
  const next = (change: ChangeInfo) => last.find((other) => other.run === change.run);
  const moved = first.map((change) => ({ ...change, new: next(change)?.new ?? change.new }));
  return [...moved, ...last.filter((other) => !first.some(({ run }) => run === other.run))];
}

/** A control by where it took effect: as one, and apart the runs that were at another step then. */
function partsOf(control: ControlOut): Part[] {
  const stepOf = (change: ChangeInfo) => change.step ?? control.step;
  const together = control.changes.filter(
    (change) => control.run !== null || stepOf(change) === control.step,
  );
  const apart = control.changes.filter((change) => !together.includes(change));
  const parts: Part[] = apart.map((change) => ({
    run: change.run,
    step: stepOf(change),
    control,
    change,
    changes: [change],
  }));
  const whole = wholeChange(together);
  if (whole) {
    const { run } = control;
    parts.unshift({ run, step: stepOf(whole), control, change: whole, changes: together });
  }
  return parts;
}

function sameGesture(before: Open, at: number, step: number): boolean {
  return at - before.at <= SAME_GESTURE_MS || step - before.step <= SAME_GESTURE_STEPS;
}

/** Changes as one; where runs started from different values, the old one is left out. */
function wholeChange(changes: ChangeInfo[]): ChangeInfo | undefined {
  const first = changes[0];
  if (!first) return undefined;
  const same = changes.every((change) => change.old === first.old);
  return same ? first : { ...first, old: null };
}

export function arrow(from: Value | null, to: Value | null): string {
  if (from === to) return `moved and set back to ${shown(to)}`;
  return from === null ? `→ ${shown(to)}` : `${shown(from)} → ${shown(to)}`;
}

function shown(value: Value | null): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value !== "number") return String(value ?? "");
  return String(Number(value.toPrecision(3))).replace("e-", "e−");
}

function eventText(control: ControlOut, name: (run: string) => string): string {
  const run = control.run ? name(control.run) : "";
  switch (control.kind) {
    case "add_run":
      return `added ${run}`;
    case "remove_run":
      return `removed ${run}`;
    case "restore_run":
      return `brought back ${run}`;
    case "fork":
      return `fork: ${run}`;
    default:
      return "";
  }
}
