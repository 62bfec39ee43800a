/** The rows of one run, fetched as a chart needs them; of a run that trains, those that are new. */

import type { BucketsOut, Experiment, Points, Run } from "../../protocol.ts";
import type { Api } from "../api.ts";
import { ancestry } from "../lineage.ts";
import type { Axis } from "./choice.ts";

/** Pixels asked for: up to four times as many rows come as they are. */
export const WIDTH = 2000;
const MOST_ROWS = 4 * WIDTH;
/** Measured at every step: how far it goes, all columns go. */
const EVERY_STEP = "loss";
/** A column in buckets is fetched anew once it has grown by this share. */
const GROWN = 1.02;

/** One column: every row, or of each bucket the last one and the extremes. */
export interface Recorded {
  steps: Float64Array;
  values: Float64Array;
  buckets: { first: Float64Array; min: Float64Array; max: Float64Array } | null;
}

/** Steps of one run of the chain of forks that a run ends. */
interface Piece {
  run: string;
  first: number;
  last: number;
}

type Ask = Pick<Api, "columns" | "series" | "effective" | "times">;

/** Who made which steps of a run: the run it comes from first, itself last. */
export function piecesOf(runs: readonly Run[], run: Run): Piece[] {
  const way = [...ancestry(runs, run)].reverse();
  let first = 1;
  return way.flatMap(([id, until]) => {
    const piece = { run: id, first, last: Math.min(until, run.step) };
    first = piece.last + 1;
    return piece.last >= piece.first ? [piece] : [];
  });
}

export class Source {
  readonly columns = new Map<string, Recorded>();
  names: ReadonlySet<string> = new Set();
  /** Sums of learning rate × kept share; a row at step 0 begins them. */
  effective: Recorded | null = null;
  /** Seconds since its first rows were stored; null if that was not noted. */
  times: Recorded | null = null;
  /** Newest step that all columns reach. */
  upTo = 0;
  private namesAt = -1;
  private timesAt = 0;

  constructor(
    private readonly api: Ask,
    private readonly id: string,
  ) {}

  /** Brings the wanted columns up to date; whether there is anything new. */
  async refresh(
    experiment: Experiment,
    run: Run,
    wanted: readonly string[],
    axis: Axis,
  ): Promise<boolean> {
    if (run.step < 1) return false;
    const pieces = piecesOf(experiment.runs, run);
    if (run.step > this.upTo) await this.readNames(run.step, pieces);
    const names = [...new Set([EVERY_STEP, ...wanted])].filter((name) => this.names.has(name));
    const missing = names.filter((name) => !this.columns.has(name));
    let changed = false;
    if (missing.length > 0) changed = await this.readWhole(pieces, missing);
    if (this.upTo === 0) this.upTo = this.reached;
    if (run.step > this.upTo) changed = (await this.readNew(pieces, names, run.step)) || changed;
    if (axis === "effective") changed = (await this.readEffective(pieces, run.step)) || changed;
    if (axis === "time") changed = (await this.readTimes(pieces, run.step)) || changed;
    this.upTo = this.reached;
    return changed;
  }

  private get reached(): number {
    return this.columns.get(EVERY_STEP)?.steps.at(-1) ?? 0;
  }

  private async readNames(step: number, pieces: readonly Piece[]): Promise<void> {
    // Held-out columns come later than the first steps.
    if (this.namesAt >= 0 && step < this.namesAt * GROWN + 10) return;
    const asked = pieces.map((piece) => this.api.columns(this.id, piece.run));
    this.names = new Set((await Promise.all(asked)).flatMap((answer) => answer.columns));
    this.namesAt = step;
  }

  private async readWhole(pieces: readonly Piece[], names: readonly string[]): Promise<boolean> {
    const parts = new Map<string, Recorded[]>();
    for (const piece of pieces) {
      const { columns } = await this.read(piece, names);
      for (const [name, column] of Object.entries(columns)) {
        parts.set(name, [...(parts.get(name) ?? []), recorded(column)]);
      }
    }
    for (const [name, list] of parts) this.columns.set(name, joined(list));
    return parts.size > 0;
  }

  /** Appends what came since; what is in buckets, or has become too long for rows, is read anew. */
  private async readNew(
    pieces: readonly Piece[],
    names: readonly string[],
    step: number,
  ): Promise<boolean> {
    const held = names.filter((name) => this.columns.has(name));
    const inRows = held.filter((name) => {
      const column = this.columns.get(name) as Recorded;
      return column.buckets === null && column.steps.length < MOST_ROWS;
    });
    const anew = held.filter((name) => !inRows.includes(name) && step > this.upTo * GROWN);
    let changed = false;
    if (anew.length > 0) changed = await this.readWhole(pieces, anew);
    const own = pieces.at(-1);
    if (!own || inRows.length === 0) return changed;
    const first = Math.max(own.first, this.upTo + 1);
    if (first > own.last) return changed;
    const { columns } = await this.read({ ...own, first }, inRows);
    for (const [name, column] of Object.entries(columns)) {
      const [old, more] = [this.columns.get(name) as Recorded, recorded(column)];
      const after = more.steps.findIndex((at) => at > (old.steps.at(-1) ?? 0));
      if (after >= 0) this.columns.set(name, joined([old, cut(more, after, more.steps.length)]));
    }
    return changed || Object.keys(columns).length > 0;
  }

  private async readEffective(pieces: readonly Piece[], step: number): Promise<boolean> {
    const known = this.effective;
    const upTo = known?.steps.at(-1) ?? 0;
    if (step <= upTo) return false;
    const own = pieces.at(-1)?.first ?? 1;
    const fits = known !== null && known.steps.length < MOST_ROWS && upTo >= own;
    if (known !== null && !fits && step < upTo * GROWN) return false;
    let parts: Recorded[] = fits ? [known] : [START];
    for (const piece of fits ? pieces.slice(-1) : pieces) {
      const first = fits ? upTo + 1 : piece.first;
      const { run, last } = piece;
      const answer = await this.api.effective(this.id, { run, first, last, width: WIDTH });
      const before = parts.at(-1)?.values.at(-1) ?? 0;
      const values = Float64Array.from(answer.values, (value) => before + value);
      parts = [...parts, { steps: Float64Array.from(answer.steps), values, buckets: null }];
    }
    this.effective = joined(parts);
    return true;
  }

  private async readTimes(pieces: readonly Piece[], step: number): Promise<boolean> {
    if (step <= this.timesAt) return false;
    const answers = await Promise.all(pieces.map((one) => this.api.times(this.id, one.run)));
    const notes = answers.flatMap(({ steps, at }, k) => {
      const { first, last } = pieces[k] as Piece;
      const all = steps.map((noted, i): [number, number] => [noted, at[i] as number]);
      return all.filter(([noted]) => noted >= first && noted <= last);
    });
    const before = this.times?.steps.length ?? 0;
    this.times = sinceFirst(notes);
    this.timesAt = step;
    return (this.times?.steps.length ?? 0) !== before;
  }

  private read(piece: Piece, names: readonly string[]) {
    return this.api.series(this.id, { ...piece, columns: names.join(","), width: WIDTH });
  }
}

const START: Recorded = {
  steps: Float64Array.of(0),
  values: Float64Array.of(0),
  buckets: null,
};

/** Seconds since the first note; a clock that was put back stands still for as long. */
function sinceFirst(notes: readonly (readonly [number, number])[]): Recorded | null {
  const [first] = notes;
  if (!first) return null;
  let latest = first[1];
  const seconds = notes.map(([, at]) => {
    latest = Math.max(latest, at);
    return latest - first[1];
  });
  // The first frame came a few hundredths of a second after its first step.
  const steps = Float64Array.of(0, ...notes.map(([step]) => step));
  return { steps, values: Float64Array.of(0, ...seconds), buckets: null };
}

/** A column of an answer; NaN and infinities come as their names. */
export function recorded(column: Points | BucketsOut): Recorded {
  if ("values" in column) {
    const values = Float64Array.from(column.values, Number);
    return { steps: Float64Array.from(column.steps), values, buckets: null };
  }
  return {
    steps: Float64Array.from(column.last),
    values: Float64Array.from(column.final, Number),
    buckets: {
      first: Float64Array.from(column.first),
      min: Float64Array.from(column.min, Number),
      max: Float64Array.from(column.max, Number),
    },
  };
}

/** The first rows of a column. */
export function firstRows(column: Recorded, rows: number): Recorded {
  return rows === column.steps.length ? column : cut(column, 0, rows);
}

function cut({ steps, values, buckets }: Recorded, from: number, to: number): Recorded {
  const part = (array: Float64Array) => array.slice(from, to);
  return {
    steps: part(steps),
    values: part(values),
    buckets: buckets && {
      first: part(buckets.first),
      min: part(buckets.min),
      max: part(buckets.max),
    },
  };
}

/** Columns one after the other; rows among buckets are buckets of one row. */
export function joined(parts: readonly Recorded[]): Recorded {
  const all = (pick: (part: Recorded) => Float64Array): Float64Array => {
    const arrays = parts.map(pick);
    const whole = new Float64Array(arrays.reduce((sum, array) => sum + array.length, 0));
    let at = 0;
    for (const array of arrays) {
      whole.set(array, at);
      at += array.length;
    }
    return whole;
  };
  const buckets = parts.some((part) => part.buckets !== null) && {
    first: all((part) => part.buckets?.first ?? part.steps),
    min: all((part) => part.buckets?.min ?? part.values),
    max: all((part) => part.buckets?.max ?? part.values),
  };
  return { steps: all((p) => p.steps), values: all((p) => p.values), buckets: buckets || null };
}
