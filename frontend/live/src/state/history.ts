import type { Column, Rows } from "../charts/types.ts";
import type { Kin } from "./lineage.ts";
import { Merged } from "./merged.ts";
import { type Block, type Frame, numbersOf } from "./wire.ts";

const FIRST_CAPACITY = 256;

/** Rows of one run that come at one interval: a shared array of steps and the columns beside it. */
class Group {
  n = 0;
  steps: Float64Array = new Float64Array(FIRST_CAPACITY);
  readonly columns = new Map<string, Float64Array>();

  get last(): number {
    return this.n > 0 ? (this.steps[this.n - 1] as number) : 0;
  }

  /** Index of the first row at or after `step`. */
  find(step: number): number {
    let low = 0;
    let high = this.n;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.steps[middle] as number) < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  values(name: string): Float64Array {
    let values = this.columns.get(name);
    if (!values) {
      // NaN is "no value": rows that came before this column did not have it.
      values = new Float64Array(this.steps.length).fill(Number.NaN);
      this.columns.set(name, values);
    }
    return values;
  }

  reserve(rows: number): void {
    if (rows <= this.steps.length) return;
    let capacity = this.steps.length;
    while (capacity < rows) capacity *= 2;
    const grow = (old: Float64Array, rest: number): Float64Array => {
      const grown = new Float64Array(capacity);
      grown.set(old);
      if (rest !== 0) grown.fill(rest, old.length);
      return grown;
    };
    this.steps = grow(this.steps, 0);
    for (const [name, values] of this.columns) this.columns.set(name, grow(values, Number.NaN));
  }

  /** Makes room for a row at `index`; later rows move up. */
  insert(index: number, step: number): void {
    this.reserve(this.n + 1);
    this.steps.copyWithin(index + 1, index, this.n);
    this.steps[index] = step;
    for (const values of this.columns.values()) {
      values.copyWithin(index + 1, index, this.n);
      values[index] = Number.NaN;
    }
    this.n += 1;
  }

  /** Appends the rows `from` (included) to `to` (not) of another group, all later than its own. */
  copy(other: Group, from: number, to: number): void {
    const count = Math.max(0, to - from);
    this.reserve(this.n + count);
    this.steps.set(other.steps.subarray(from, from + count), this.n);
    for (const [name, values] of other.columns) {
      this.values(name).set(values.subarray(from, from + count), this.n);
    }
    this.n += count;
  }
}

/**
 * Every row of an experiment that has arrived, by run and interval.
 *
 * A row is known by (run, step): one that comes again changes nothing, so a replayed frame cannot
 * draw a line twice. A fork sends rows from its first step of its own on; those before are its
 * parent's, and stand here as its own too, so that whoever reads a run sees it from step 1 on.
 */
export class History implements Rows {
  version = 0;
  /** Newest step of any run; 0 before the first row. */
  head = 0;
  /** `seq` of the newest frame; the cursor of a reconnect. */
  seq = 0;
  private readonly runs = new Map<string, Map<number, Group>>();
  private readonly forks: Kin[] = [];
  private readonly merged = new Merged();

  /** Takes up who is a fork of whom; parents come before their forks. */
  relate(runs: readonly Kin[]): void {
    for (const run of runs) {
      if (!run.parent || this.forks.some((known) => known.id === run.id)) continue;
      this.forks.push({ id: run.id, parent: run.parent, fork_step: run.fork_step });
      this.inherit(run);
      this.version += 1;
    }
  }

  ingest(frame: Frame): void {
    for (const { run, first, every, rows, columns } of frame.blocks) {
      const numbers = Object.entries(columns).map(
        ([name, [dtype, bytes]]) => [name, numbersOf(dtype, bytes)] as const,
      );
      this.add({ run, first, every, rows, columns: numbers });
    }
    this.seq = Math.max(this.seq, frame.seq);
    this.version += 1;
  }

  column(run: string, name: string): Column | undefined {
    const found: Column[] = [];
    for (const { n, steps, columns } of this.runs.get(run)?.values() ?? []) {
      const values = columns.get(name);
      if (values) found.push({ n, steps, values });
    }
    // What was first measured at one interval and then at another is one column all the same.
    return found.length < 2 ? found[0] : this.merged.of(`${run}\n${name}`, found);
  }

  /** Names of the columns that a run has sent. */
  names(run: string): string[] {
    const groups = [...(this.runs.get(run)?.values() ?? [])];
    return groups.flatMap((group) => [...group.columns.keys()]);
  }

  /** Newest step of a run's every-step rows; 0 before its first. */
  last(run: string): number {
    return this.runs.get(run)?.get(1)?.last ?? 0;
  }

  /** What of its parent's rows is a new fork's past; its own that came before that was known stay. */
  private inherit({ id, parent, fork_step }: Kin): void {
    const groups = this.groups(id);
    for (const [every, theirs] of this.groups(parent)) {
      const own = groups.get(every);
      const whole = new Group();
      whole.copy(theirs, 0, theirs.find(fork_step + 1));
      if (own) whole.copy(own, own.find(fork_step + 1), own.n);
      groups.set(every, whole);
    }
  }

  private groups(run: string): Map<number, Group> {
    const groups = this.runs.get(run) ?? new Map<number, Group>();
    this.runs.set(run, groups);
    return groups;
  }

  private add(part: Part): void {
    const groups = this.groups(part.run);
    const group = groups.get(part.every) ?? new Group();
    groups.set(part.every, group);
    if (part.first > group.last) this.append(group, part);
    else this.merge(group, part);
    this.head = Math.max(this.head, part.first + (part.rows - 1) * part.every);
    for (const fork of this.forks) {
      if (fork.parent !== part.run || part.first > fork.fork_step) continue;
      const rows = Math.floor((fork.fork_step - part.first) / part.every) + 1;
      this.add({ ...part, run: fork.id, rows: Math.min(part.rows, rows) });
    }
  }

  private append(group: Group, { first, every, rows, columns }: Part): void {
    const start = group.n;
    group.reserve(start + rows);
    for (let i = 0; i < rows; i++) group.steps[start + i] = first + i * every;
    for (const [name, numbers] of columns) {
      group.values(name).set(numbers.subarray(0, rows), start);
    }
    group.n += rows;
  }

  private merge(group: Group, { first, every, rows, columns }: Part): void {
    for (let i = 0; i < rows; i++) {
      const step = first + i * every;
      const index = group.find(step);
      if (!(index < group.n && group.steps[index] === step)) group.insert(index, step);
      for (const [name, numbers] of columns) {
        const values = group.values(name);
        // A row that is there already only gains columns that it did not have.
        if (Number.isNaN(values[index])) values[index] = numbers[i] as number;
      }
    }
  }
}

/** A block with its numbers decoded. */
interface Part extends Omit<Block, "columns"> {
  columns: (readonly [string, Float32Array | Float64Array])[];
}

/** Index of the newest row at or before `step`; −1 if there is none. */
export function rowAt(column: Column, step: number): number {
  let low = 0;
  let high = column.n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((column.steps[middle] as number) <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Value at the newest row at or before `step`; NaN if there is none. */
export function valueAt(column: Column | undefined, step: number): number {
  const index = column ? rowAt(column, step) : -1;
  return index < 0 ? Number.NaN : ((column as Column).values[index] as number);
}

/** Mean of the last `count` rows up to `step`; NaN if there is none. */
export function meanAt(column: Column | undefined, step: number, count: number): number {
  const index = column ? rowAt(column, step) : -1;
  if (!column || index < 0) return Number.NaN;
  const first = Math.max(0, index - count + 1);
  let sum = 0;
  for (let i = first; i <= index; i++) sum += column.values[i] as number;
  return sum / (index - first + 1);
}
