import { rowAt as rowOf } from "../charts/derive.ts";
import type { Column, Rows, View } from "../charts/types.ts";
import type { Part } from "./composed.ts";
import { Group } from "./group.ts";
import type { Kin } from "./lineage.ts";
import type { LinesAnswer } from "./lines.ts";
import { Merged } from "./merged.ts";
import type { PartsAsk, Past } from "./past.ts";
import { Wholes } from "./wholes.ts";
import { type Block, type Frame, numbersOf } from "./wire.ts";

/** More rows of a run than this are not held one by one, nor more numbers of all runs together. */
const MOST_ROWS = 14_000;
const MOST_VALUES = 2_000_000;
/** Columns that a run may have, for a guess before any has come. */
const USUAL_COLUMNS = 40;
/** Once there is a past, rows join it in smaller parts, but not more often than this. */
const SOME_VALUES = 125_000;
const PAUSE_MS = 20_000;
/** Where rows are let go of, this share of them stays. */
const KEPT = 0.25;

/** Whether so much is read from the store as it is looked at, instead of row by row. */
export function isLong(steps: number, runs: number): boolean {
  return steps > MOST_ROWS || steps * runs * USUAL_COLUMNS > MOST_VALUES;
}

/**
 * Every row of an experiment that has arrived, by run and interval; of a long one the newest, and
 * before them what `Past` reads from the store.
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
  private past: Past | null = null;
  /** By run the last step that is the past's. */
  private readonly folded = new Map<string, number>();
  private readonly wholes = new Wholes(
    ({ run, name, view, line }, to) => this.parts(run, name, { to, strict: false, view, line }),
    () => this.past?.comeLater(),
  );
  private readonly asked = new Map<string, "line" | "sample">();
  private renewing = false;
  private renewed = Number.NEGATIVE_INFINITY;
  /** The newest step when the history began in the middle. */
  private begun: number | null = null;

  /** `makePast` is for a history that grows long; without it every row is held. */
  constructor(private readonly makePast: (() => Past) | null = null) {}

  /** Begins in the middle: what there is up to frame `answer.seq` is the past's. */
  begin(past: Past, answer: LinesAnswer): void {
    this.past = past;
    for (const [run, { last }] of answer.runs) {
      this.folded.set(run, last);
      this.head = Math.max(this.head, last);
    }
    this.inheritFolds();
    this.seq = answer.seq;
    this.begun = this.head;
    this.renewed = performance.now();
    past.focus(this.begun, false);
    this.version += 1;
  }

  get waiting(): string {
    return this.past?.busy ? "reading the history…" : "";
  }

  /** What is read from the store has changed. */
  touch(): void {
    this.version += 1;
  }

  /** The step looked at, whose rows have to be there one by one; null follows the newest. */
  focus(step: number | null): void {
    this.past?.focus(step ?? this.begun, step !== null);
    this.version += 1;
  }

  /** Takes up who is a fork of whom; parents come before their forks. */
  relate(runs: readonly Kin[]): void {
    for (const run of runs) {
      if (!run.parent || this.forks.some((known) => known.id === run.id)) continue;
      this.forks.push({ id: run.id, parent: run.parent, fork_step: run.fork_step });
      this.inherit(run);
      this.inheritFolds();
      this.version += 1;
    }
  }

  ingest(frame: Frame): void {
    // What came before may be the past's by now.
    if (this.past !== null && frame.seq <= this.seq) return;
    for (const { run, first, every, rows, columns } of frame.blocks) {
      const numbers = Object.entries(columns).map(
        ([name, [dtype, bytes]]) => [name, numbersOf(dtype, bytes)] as const,
      );
      this.add({ run, first, every, rows, columns: numbers });
    }
    this.seq = Math.max(this.seq, frame.seq);
    this.version += 1;
    for (const groups of this.runs.values()) for (const group of groups.values()) group.settle();
    this.fold();
  }

  column(run: string, name: string, view?: View): Column | undefined {
    if (!this.asked.has(name)) this.asked.set(name, "sample");
    return this.whole(run, name, view, false);
  }

  line(run: string, name: string, view: View): Column | undefined {
    this.asked.set(name, "line");
    return this.whole(run, name, view, true);
  }

  /** Whether the run has such a column, here or in the store. */
  has(run: string, name: string): boolean {
    return this.raw(run, name) !== undefined || this.past?.names(run).has(name) === true;
  }

  /** The rows that are held, after the past where there is one. */
  private whole(
    run: string,
    name: string,
    view: View | undefined,
    line: boolean,
  ): Column | undefined {
    const raw = this.raw(run, name);
    const { past } = this;
    const folded = this.folded.get(run) ?? 0;
    if (past === null || folded === 0) return raw;
    past.ask(name, line ? "line" : "sample", view);
    const basis = { past: past.version, folded, changes: raw ? this.changes(run) : -1 };
    const viewKey = past.viewKey(view);
    return this.wholes.of({ run, name, line, view, viewKey, basis }, raw);
  }

  /** The past of a run: its ancestors', then its own. */
  private parts(run: string, name: string, ask: PartsAsk): Part[] {
    const fork = this.forks.find((one) => one.id === run);
    const shared = fork && { ...ask, to: Math.min(ask.to, fork.fork_step), strict: true };
    const before = fork && shared ? this.parts(fork.parent, name, shared) : [];
    return [...before, ...(this.past?.parts(run, name, ask) ?? [])];
  }

  /** How often rows that are held were changed. */
  private changes(run: string): number {
    let sum = 0;
    for (const { changes } of this.runs.get(run)?.values() ?? []) sum += changes;
    return sum;
  }

  private raw(run: string, name: string): Column | undefined {
    const found: Column[] = [];
    for (const { n, steps, columns } of this.runs.get(run)?.values() ?? []) {
      const values = columns.get(name);
      if (values) found.push({ n, steps, values });
    }
    // What was first measured at one interval and then at another is one column all the same.
    return found.length < 2 ? found[0] : this.merged.of(`${run}\n${name}`, found);
  }

  /** Newest step of a run's every-step rows; 0 before its first. */
  last(run: string): number {
    const folded = this.folded.get(run) ?? 0;
    return Math.max(this.runs.get(run)?.get(1)?.last ?? 0, folded);
  }

  /** Hands the oldest rows over to the past once there are too many. */
  private fold(): void {
    if (this.renewing || !this.isFull()) return;
    const fresh = this.past === null;
    this.past ??= this.makePast?.() ?? null;
    const { past } = this;
    if (past === null) return;
    this.renewing = true;
    this.renewed = performance.now();
    const begun = fresh ? past.outline() : Promise.resolve();
    begun
      .then(() => past.renew(this.asked))
      .then(() => {
        for (const run of this.runs.keys()) this.foldRun(run, past.end(run));
        this.inheritFolds();
        this.version += 1;
      })
      // The server is away: it is tried again with the frames that come when it is back.
      .catch(() => undefined)
      .finally(() => {
        this.renewing = false;
      });
  }

  private isFull(): boolean {
    let values = 0;
    for (const groups of this.runs.values()) {
      for (const { n, columns } of groups.values()) {
        if (n > MOST_ROWS) return true;
        values += n * columns.size;
      }
    }
    if (this.past !== null && performance.now() - this.renewed >= PAUSE_MS) {
      return values > SOME_VALUES;
    }
    return values > MOST_VALUES;
  }

  private foldRun(run: string, end: number): void {
    const groups = [...this.groups(run).values()];
    const longest = groups.reduce((a, b) => (b.n > a.n ? b : a), new Group());
    const index = Math.floor(longest.n * (1 - KEPT)) - 1;
    if (index < 0) return;
    const step = Math.min(end, longest.steps[index] as number);
    if (step <= (this.folded.get(run) ?? 0)) return;
    this.folded.set(run, step);
    for (const group of groups) group.drop(step);
  }

  /** What a fork has of its parent's past is the past's, too. */
  private inheritFolds(): void {
    for (const { id, parent, fork_step } of this.forks) {
      const shared = Math.min(fork_step, this.folded.get(parent) ?? 0);
      if (shared > (this.folded.get(id) ?? 0)) this.folded.set(id, shared);
    }
  }

  /** What of its parent's rows is a new fork's past; its own that came before that was known stay. */
  private inherit({ id, parent, fork_step }: Kin): void {
    const groups = this.groups(id);
    for (const [every, theirs] of this.groups(parent)) {
      const own = groups.get(every);
      const whole = new Group();
      whole.copy(theirs, 0, theirs.find(fork_step + 1));
      if (own) whole.copy(own, own.find(fork_step + 1), own.n);
      whole.changes = (own?.changes ?? 0) + 1;
      groups.set(every, whole);
    }
  }

  private groups(run: string): Map<number, Group> {
    const groups = this.runs.get(run) ?? new Map<number, Group>();
    this.runs.set(run, groups);
    return groups;
  }

  private add(part: Arrived): void {
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

  private append(group: Group, { first, every, rows, columns }: Arrived): void {
    const start = group.n;
    group.reserve(start + rows);
    for (let i = 0; i < rows; i++) group.steps[start + i] = first + i * every;
    for (const [name, numbers] of columns) {
      group.values(name).set(numbers.subarray(0, rows), start);
    }
    group.n += rows;
  }

  private merge(group: Group, { first, every, rows, columns }: Arrived): void {
    for (let i = 0; i < rows; i++) {
      const step = first + i * every;
      const index = group.find(step);
      if (!(index < group.n && group.steps[index] === step)) group.insert(index, step);
      for (const [name, numbers] of columns) {
        const values = group.values(name);
        // A row that is there already only gains columns that it did not have.
        if (Number.isNaN(values[index])) group.put(values, index, numbers[i] as number);
      }
    }
  }
}

/** A block with its numbers decoded. */
interface Arrived extends Omit<Block, "columns"> {
  columns: (readonly [string, Float32Array | Float64Array])[];
}

/** Index of the newest row at or before `step`; −1 if there is none. */
export const rowAt = ({ steps, n }: Column, step: number): number => rowOf(steps, n, step);

/** Value at the newest row at or before `step`; NaN if there is none, or if it is not known. */
export function valueAt(column: Column | undefined, step: number): number {
  const index = column ? rowAt(column, step) : -1;
  if (!column || index < 0 || !allBetween(column, column.steps[index] as number, step)) {
    return Number.NaN;
  }
  return column.values[index] as number;
}

/** Mean of the last `count` rows up to `step`; NaN if there is none, or if one is not known. */
export function meanAt(column: Column | undefined, step: number, count: number): number {
  const index = column ? rowAt(column, step) : -1;
  if (!column || index < 0) return Number.NaN;
  const first = Math.max(0, index - count + 1);
  if (!allBetween(column, column.steps[first] as number, step)) return Number.NaN;
  let sum = 0;
  for (let i = first; i <= index; i++) sum += column.values[i] as number;
  return sum / (index - first + 1);
}

/** Whether every row after step `from`, up to `to`, is in the column. */
function allBetween({ thin }: Column, from: number, to: number): boolean {
  return from === to || !thin?.some(([begin, end]) => begin <= to && end > from);
}
