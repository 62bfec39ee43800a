/** What the charts of a comparison draw: a line's columns laid along the chosen axis. */

import type { ReadonlySignal } from "@preact/signals";
import type { Column, Rows, RunView } from "../../charts/types.ts";
import { durationAxis, realAxis, STEPS, type XAxis } from "../../charts/x_axis.ts";
import type { Catalogue, ProblemInfo } from "../../protocol.ts";
import type { Axis } from "./choice.ts";
import { baselineOf, type Compare } from "./compare.ts";
import {
  asColumn,
  type Difference,
  difference,
  lineCurve,
  type MemberCurve,
  memberCurve,
  placesOf,
  pointsOf,
  stepsPerEpoch,
} from "./drawn.ts";
import type { Line, Member } from "./facts.ts";
import type { Banded } from "./statistics.ts";

/** Of a column's mean: half of its interval; the rows under it; its difference to the baseline. */
export const HALF = "/half";
export const RAW = "/raw";
export const MINUS = "/minus";

export const AXIS_LABELS: Record<Axis, string> = {
  step: "step",
  epoch: "epoch",
  effective: "effective step",
  time: "wall time",
};

/** The rows of all lines. One for as long as the page is open: charts keep what they have drawn. */
export class Picture implements Rows {
  private made = 0;
  private key: readonly unknown[] = [];
  private readonly members = new Map<string, MemberCurve | null | undefined>();
  private readonly columns = new Map<string, Column | undefined>();
  private readonly differences = new Map<string, Difference | null>();

  constructor(
    private readonly compare: Compare,
    private readonly catalogue: ReadonlySignal<Catalogue | null>,
  ) {}

  /** Grows with every change, of rows or of what was chosen; a part that asks is drawn anew then. */
  get version(): number {
    const { axis, baseline } = this.compare.choice.value;
    const key = [
      this.compare.version.value,
      this.compare.lines.value,
      this.catalogue.value,
      axis,
      baseline,
    ];
    if (key.some((part, i) => part !== this.key[i])) {
      this.key = key;
      this.made += 1;
      this.members.clear();
      this.columns.clear();
      this.differences.clear();
    }
    return this.made;
  }

  column(id: string, name: string): Column | undefined {
    void this.version;
    const key = `${id}\n${name}`;
    if (!this.columns.has(key)) {
      const line = this.compare.lines.peek().find((one) => one.id === id);
      this.columns.set(key, line && this.make(line, name));
    }
    return this.columns.get(key);
  }

  /** A run's curve; undefined if it has not measured the column, null if it has no such axis. */
  curveOf(member: Member, column: string): MemberCurve | null | undefined {
    void this.version;
    const key = `${member.key}\n${column}`;
    if (!this.members.has(key)) {
      const source = this.compare.source(member.key);
      const axis = this.compare.choice.peek().axis;
      const curve = source && memberCurve(member, source, column, axis, this.problems);
      this.members.set(key, curve);
    }
    return this.members.get(key);
  }

  /** The curves of a line's runs that have this column. */
  curvesOf(line: Line, column: string): { member: Member; curve: MemberCurve }[] {
    return line.members.flatMap((member) => {
      const curve = this.curveOf(member, column);
      return curve ? [{ member, curve }] : [];
    });
  }

  /** A line minus the baseline; null for the baseline's own and where there is nothing to take. */
  differenceOf(line: Line, column: string): Difference | null {
    void this.version;
    const key = `${line.id}\n${column}`;
    if (!this.differences.has(key)) {
      const baseline = this.baseline;
      const own = baseline.length === 0 || this.isBaseline(line);
      const made = own ? null : difference(line, baseline, (m) => this.curveOf(m, column));
      this.differences.set(key, made);
    }
    return this.differences.get(key) ?? null;
  }

  get baseline(): Member[] {
    return baselineOf(this.compare.members.peek(), this.compare.choice.peek().baseline);
  }

  isBaseline(line: Line): boolean {
    const keys = new Set(this.baseline.map((member) => member.key));
    return line.members.some((member) => keys.has(member.key));
  }

  /** The lines as charts know them; with `against` as far as their differences go. */
  views(against = false): RunView[] {
    const furthest = against ? this.end(this.baseline) : Number.POSITIVE_INFINITY;
    return this.compare.lines.peek().map((line) => {
      const ended = line.members
        .filter(({ run }) => run.diverged_step !== null)
        .map((member) => this.place(member, member.run.diverged_step as number))
        .filter(Number.isFinite);
      return {
        id: line.id,
        slot: line.slot,
        name: line.seeds > 1 ? `${line.name}, ${line.seeds} seeds` : line.name,
        divergedStep: ended.length > 0 ? Math.min(...ended) : null,
        until: Math.min(furthest, this.end(line.members)),
      };
    });
  }

  /** How far the shortest of some runs goes. */
  private end(members: readonly Member[]): number {
    return Math.min(...members.map((member) => finite(this.place(member, member.run.step))));
  }

  /** How far the lines go, and how far they will. */
  extent(): { head: number; end: number } {
    const members = this.compare.members.peek();
    const axis = this.compare.choice.peek().axis;
    const head = Math.max(0, ...members.map((m) => finite(this.place(m, m.run.step))));
    if (axis === "effective" || axis === "time") return { head, end: rounded(head) };
    const ends = members.map((m) => {
      const each = axis === "epoch" ? stepsPerEpoch(m, this.problems) : 1;
      return each > 0 ? m.experiment.steps / each : 0;
    });
    return { head, end: Math.max(head, ...ends) };
  }

  axis(): XAxis {
    const axis = this.compare.choice.peek().axis;
    if (axis === "step") return STEPS;
    const { end } = this.extent();
    return axis === "time" ? durationAxis(AXIS_LABELS.time, end) : realAxis(AXIS_LABELS[axis], end);
  }

  private get problems(): ProblemInfo[] {
    return this.catalogue.peek()?.problems ?? [];
  }

  private place(member: Member, step: number): number {
    const source = this.compare.source(member.key);
    if (!source) return Number.NaN;
    const axis = this.compare.choice.peek().axis;
    // What is not known of the very last steps yet is where it was known last.
    const places = axis === "time" ? source.times : axis === "effective" ? source.effective : null;
    const known = places ? Math.min(step, places.steps.at(-1) ?? 0) : step;
    return placesOf(axis, Float64Array.of(known), member, source, this.problems)?.[0] ?? Number.NaN;
  }

  private make(line: Line, name: string): Column | undefined {
    const [column, ...parts] = name.split("/") as [string, ...string[]];
    const curves = this.curvesOf(line, column).map(({ curve }) => curve);
    const [first] = curves;
    // A mean of some of its runs would be taken for that of all.
    if (!first || curves.length < line.members.length) return undefined;
    const kind = `/${parts.join("/")}`;
    if (kind === RAW) {
      const { raw, x } = first;
      return curves.length === 1 && raw ? asColumn(x, raw) : undefined;
    }
    if (kind.startsWith(MINUS)) return this.makeDifference(line, column, kind);
    if (kind === HALF) return halfOf(lineCurve(curves));
    const mean = lineCurve(curves);
    if (!mean) return undefined;
    return curves.length === 1 ? pointsOf(first) : asColumn(mean.x, mean.mean);
  }

  private makeDifference(line: Line, column: string, kind: string): Column | undefined {
    if (this.isBaseline(line)) {
      const { head } = this.extent();
      const zeros = Float64Array.of(0, 0);
      return kind === MINUS ? asColumn(Float64Array.of(0, head), zeros) : undefined;
    }
    const found = this.differenceOf(line, column);
    if (!found) return undefined;
    return kind === MINUS ? asColumn(found.x, found.mean) : halfOf(found);
  }
}

function halfOf(curve: Banded | null): Column | undefined {
  if (!curve?.half.some(Number.isFinite)) return undefined;
  return asColumn(curve.x, curve.half);
}

const finite = (value: number): number => (Number.isFinite(value) ? value : 0);

/** The next of 1, 1.5, 2, 3, 4, 5, 6, 8 × 10ᵏ: an axis that grows does so in steps. */
function rounded(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const found = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((m) => m * power >= value * (1 - 1e-9)) ?? 10;
  return Number((found * power).toPrecision(6));
}
