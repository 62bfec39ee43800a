const FIRST_CAPACITY = 256;

/** Rows of one run that come at one interval: a shared array of steps and the columns beside it. */
export class Group {
  n = 0;
  steps: Float64Array = new Float64Array(FIRST_CAPACITY);
  readonly columns = new Map<string, Float64Array>();
  /** Grows when earlier rows are no longer what they were. */
  changes = 0;
  /** Rows that others may have taken in. */
  private settled = 0;

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
    this.resize(capacity, 0);
  }

  /** Makes room for a row at `index`; later rows move up. */
  insert(index: number, step: number): void {
    this.reserve(this.n + 1);
    this.changes += 1;
    this.steps.copyWithin(index + 1, index, this.n);
    this.steps[index] = step;
    for (const values of this.columns.values()) {
      values.copyWithin(index + 1, index, this.n);
      values[index] = Number.NaN;
    }
    this.n += 1;
  }

  /** A value that its row did not have. */
  put(values: Float64Array, index: number, value: number): void {
    values[index] = value;
    if (index < this.settled) this.changes += 1;
  }

  settle(): void {
    this.settled = this.n;
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

  /** Lets go of all rows up to `step`, and of the room that they took. */
  drop(step: number): void {
    const from = this.find(step + 1);
    if (from === 0) return;
    let capacity = FIRST_CAPACITY;
    // Room for as many again as are left: the next ones come at once.
    while (capacity < 4 * (this.n - from)) capacity *= 2;
    this.n -= from;
    this.settled = this.n;
    this.changes += 1;
    this.resize(capacity, from);
  }

  private resize(capacity: number, from: number): void {
    const moved = (old: Float64Array, rest: number): Float64Array => {
      const made = new Float64Array(capacity);
      made.set(old.subarray(from, Math.min(old.length, from + capacity)));
      if (rest !== 0) made.fill(rest, Math.max(0, old.length - from));
      return made;
    };
    this.steps = moved(this.steps, 0);
    for (const [name, values] of this.columns) this.columns.set(name, moved(values, Number.NaN));
  }
}
