import type { Column, Rows } from "../charts/types.ts";
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
}

/**
 * Every row of an experiment that has arrived, by run and interval.
 *
 * A row is known by (run, step): one that comes again changes nothing, so a replayed frame cannot
 * draw a line twice.
 */
export class History implements Rows {
  version = 0;
  /** Newest step of any run; 0 before the first row. */
  head = 0;
  /** `seq` of the newest frame; the cursor of a reconnect. */
  seq = 0;
  private readonly runs = new Map<string, Map<number, Group>>();

  ingest(frame: Frame): void {
    for (const block of frame.blocks) this.add(block);
    this.seq = Math.max(this.seq, frame.seq);
    this.version += 1;
  }

  column(run: string, name: string): Column | undefined {
    for (const group of this.runs.get(run)?.values() ?? []) {
      const values = group.columns.get(name);
      if (values) return { n: group.n, steps: group.steps, values };
    }
    return undefined;
  }

  /** Names of the columns that a run has sent. */
  names(run: string): string[] {
    const groups = [...(this.runs.get(run)?.values() ?? [])];
    return groups.flatMap((group) => [...group.columns.keys()]);
  }

  private add(block: Block): void {
    const groups = this.runs.get(block.run) ?? new Map<number, Group>();
    this.runs.set(block.run, groups);
    const group = groups.get(block.every) ?? new Group();
    groups.set(block.every, group);
    const columns = Object.entries(block.columns).map(
      ([name, [dtype, bytes]]) => [name, numbersOf(dtype, bytes)] as const,
    );
    if (block.first > group.last) this.append(group, block, columns);
    else this.merge(group, block, columns);
    this.head = Math.max(this.head, block.first + (block.rows - 1) * block.every);
  }

  private append(group: Group, block: Block, columns: Columns): void {
    const start = group.n;
    group.reserve(start + block.rows);
    for (let i = 0; i < block.rows; i++) group.steps[start + i] = block.first + i * block.every;
    for (const [name, numbers] of columns) group.values(name).set(numbers, start);
    group.n += block.rows;
  }

  private merge(group: Group, block: Block, columns: Columns): void {
    for (let i = 0; i < block.rows; i++) {
      const step = block.first + i * block.every;
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

type Columns = (readonly [string, Float32Array | Float64Array])[];

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
