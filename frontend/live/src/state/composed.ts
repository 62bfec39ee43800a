import type { Column } from "../charts/types.ts";
import type { Piece } from "./lines.ts";

/** A part of the past: a piece between two steps, both included. */
export interface Part {
  piece: Piece;
  from: number;
  to: number;
  /** Nothing of rows after `to`: a bucket that reaches beyond it is left out. */
  strict: boolean;
}

/** Points that there is room for at the least, and beyond what the past has. */
const SMALLEST = 512;
const SPARE = 64;
/** A bucket's lowest, highest and last row. */
const OF_BUCKET = 3;

let generations = 0;

/** Rows, of which the first `n` count. */
interface Appended {
  n: number;
  steps: Float32Array | Float64Array;
  values: Float32Array | Float64Array;
}

/** A column put together from pieces of the past and the rows since; it grows with these only. */
export class Composed {
  private n = 0;
  private steps: Float64Array;
  private values: Float64Array;
  private of: Int32Array;
  private readonly generation: number;
  private readonly thin: [number, number][] = [];
  private readonly buckets = {
    first: [] as number[],
    last: [] as number[],
    low: [] as number[],
    high: [] as number[],
    mean: [] as number[],
  };

  /** `line`: with buckets as three points each; else the rows alone, a bucket's last one. */
  constructor(
    parts: readonly Part[],
    private readonly line: boolean,
  ) {
    generations += 1;
    this.generation = generations;
    const capacity = Math.max(SMALLEST, mostPoints(parts, line) + SPARE);
    this.steps = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.of = new Int32Array(capacity);
    for (const part of parts) {
      if (line && part.piece.buckets !== null) this.addBuckets(part);
      else this.addRows(part);
    }
  }

  get column(): Column {
    const { n, steps, values, generation, thin, of } = this;
    if (!this.line) return { n, steps, values, generation, thin };
    return { n, steps, values, generation, thin, buckets: { of, ...this.buckets } };
  }

  /** Appends rows of a column from index `from` on. */
  append({ n, steps, values }: Appended, from: number): void {
    const count = n - from;
    if (count <= 0) return;
    this.reserve(this.n + count);
    this.steps.set(steps.subarray(from, n), this.n);
    this.values.set(values.subarray(from, n), this.n);
    this.of.fill(-1, this.n, this.n + count);
    this.n += count;
  }

  private addRows({ piece, from, to }: Part): void {
    const { steps, values } = piece;
    const begin = firstFrom(steps, from);
    const rows = { n: firstFrom(steps, to + 1), steps, values };
    this.append(rows, begin);
    const end = Math.min(to, steps[steps.length - 1] ?? 0);
    if (piece.thin && end >= from) this.thin.push([from, end]);
  }

  private addBuckets({ piece, from, to, strict }: Part): void {
    const { steps, values, buckets } = piece;
    if (buckets === null) return;
    const { first: firsts, bad, low: lows, high: highs, mean } = buckets;
    for (let i = firstFrom(steps, from); i < steps.length; i++) {
      const [first, last] = [firsts[i] as number, steps[i] as number];
      if (first > to || (strict && last > to)) break;
      const final = values[i] as number;
      if (first === last) {
        this.push(last, final, -1);
        continue;
      }
      const b = this.buckets.first.length;
      const [low, high] = [lows[i] as number, highs[i] as number];
      this.buckets.first.push(first);
      this.buckets.last.push(last);
      this.buckets.low.push(low);
      this.buckets.high.push(high);
      this.buckets.mean.push(mean[i] as number);
      const [begin, end] = [Math.max(first, from), Math.min(last, to)];
      const middle = (begin + end) / 2;
      this.push(begin, low, b);
      if (Number.isNaN(low)) continue;
      this.push(middle, high, b);
      if ((bad[i] as number) > 0) this.push(middle, Number.NaN, b);
      this.push(end, final, b);
    }
  }

  private push(step: number, value: number, bucket: number): void {
    if (this.n === this.steps.length) this.reserve(this.n + 1);
    this.steps[this.n] = step;
    this.values[this.n] = value;
    this.of[this.n] = bucket;
    this.n += 1;
  }

  private reserve(rows: number): void {
    if (rows <= this.steps.length) return;
    // There are hundreds of these on a page: little is kept in reserve.
    const capacity = Math.max(rows, Math.ceil(this.steps.length * 1.125));
    const grown = <A extends Float64Array | Int32Array>(old: A, made: A): A => {
      made.set(old);
      return made;
    };
    this.steps = grown(this.steps, new Float64Array(capacity));
    this.values = grown(this.values, new Float64Array(capacity));
    this.of = grown(this.of, new Int32Array(capacity));
  }
}

/** What the parts have at most, as points. */
function mostPoints(parts: readonly Part[], line: boolean): number {
  let sum = 0;
  for (const { piece, from, to } of parts) {
    // The bucket in which it ends begins before it.
    const rows = firstFrom(piece.steps, to + 1) + 1 - firstFrom(piece.steps, from);
    sum += Math.max(0, rows) * (line && piece.buckets !== null ? OF_BUCKET : 1);
  }
  return sum;
}

/** Index of the first step that is at least `from`. */
function firstFrom(steps: Float32Array | Float64Array, from: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as number) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
