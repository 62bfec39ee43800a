import type { View } from "../charts/types.ts";
import { ApiError, messageOf } from "./api.ts";
import type { Part } from "./composed.ts";
import { decodeLines, keyOf, type LinesAnswer, type Piece } from "./lines.ts";

/** What is asked of the server: `columns` in buckets, of `samples` a row of each bucket. */
export interface LinesAsk {
  columns: string[];
  samples: string[];
  first: number;
  /** Null is the newest step. */
  last: number | null;
  width: number;
}

/** Which parts of a column are wanted. */
export interface PartsAsk {
  to: number;
  /** Rows after `to` are another run's. */
  strict: boolean;
  view: View | undefined;
  line: boolean;
}

/** Gives the bytes that `decodeLines` reads. */
export type Reader = (ask: LinesAsk) => Promise<ArrayBuffer>;

/** Whether a column is wanted as a line or for single rows of it alone. */
type Kind = "line" | "sample";

/** Pixels that the whole past is asked for; charts are narrower, or zoom in a little too late. */
const WIDTH = 1024;
/** Ranges that were looked at and are kept. */
const MOST_RANGES = 6;
/** Exact rows are read this far before the step looked at, from multiples of half of it. */
const AROUND = 1024;
/** What the server gives in one answer: names × runs × rows a pixel × pixels. */
const MOST_VALUES = 6_000_000;
const ROWS_A_PIXEL = 4;
const AT_ONCE = 2;
const RETRY_MS = 2000;
const LATER_MS = 20;

/** Columns of all runs between two steps, as far as they were asked for. */
class Table {
  readonly pieces = new Map<string, Piece>();
  readonly loaded = new Map<string, Kind>();
  readonly wanted = new Map<string, Kind>();
  /** By run the newest step when it was read. */
  readonly until = new Map<string, number>();
  busy = false;
  /** One of many columns cannot be read: they are asked for one by one. */
  single = false;

  constructor(
    readonly from: number,
    readonly to: number | null,
    readonly width: number,
  ) {}

  want(name: string, kind: Kind): boolean {
    const enough = (known: Kind | undefined) => known === "line" || known === kind;
    if (enough(this.loaded.get(name)) || enough(this.wanted.get(name))) return false;
    this.wanted.set(name, kind);
    return true;
  }

  /** The last step that it knows of a run. */
  end(run: string): number {
    return Math.min(this.to ?? Infinity, this.until.get(run) ?? 0);
  }

  take(names: ReadonlyMap<string, Kind>, answer: LinesAnswer): void {
    for (const [key, piece] of answer.pieces) this.pieces.set(key, piece);
    for (const [name, kind] of names) this.loaded.set(name, kind);
    for (const [run, { last }] of answer.runs) {
      this.until.set(run, Math.min(last, this.until.get(run) ?? last));
    }
  }

  /** An empty one of the same range that wants all that was loaded or wanted here. */
  again(): Table {
    const table = new Table(this.from, this.to, this.width);
    for (const [name, kind] of [...this.loaded, ...this.wanted]) table.wanted.set(name, kind);
    return table;
  }
}

/**
 * The part of an experiment that is not held row by row: read from the store as wide as it is
 * looked at. What is missing is asked for and comes later; `changed` says that something has come.
 */
export class Past {
  /** Grows with everything that comes. */
  version = 0;
  private overview = new Table(1, null, WIDTH);
  private readonly ranges = new Map<string, Table>();
  private focused = "";
  /** Whether lines have the rows there, too. */
  private pointed = false;
  /** What takes the place of a table once it has been read. */
  private readonly fresh = new Map<Table, { table: Table; done: () => void }>();
  private readonly runs = new Map<string, Set<string>>();
  /** What was asked for last. */
  private last: { name: string; kind: Kind; view: View | undefined; version: number } = {
    name: "",
    kind: "sample",
    view: undefined,
    version: -1,
  };
  private flying = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private coming: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly read: Reader,
    private readonly changed: () => void,
    private readonly trouble: (words: string) => void,
  ) {}

  /** Whether anything has come yet. */
  get begun(): boolean {
    return this.runs.size > 0;
  }

  /** Whether something is still being read. */
  get busy(): boolean {
    const tables = [this.overview, ...this.ranges.values()];
    return this.flying > 0 || tables.some((table) => table.wanted.size > 0);
  }

  /** Which frame is the newest, which columns there are. Rejects with an `ApiError`. */
  async outline(): Promise<LinesAnswer> {
    const ask = { columns: [], samples: [], first: 1, last: null, width: 1 };
    const answer = decodeLines(await this.read(ask));
    this.learn(answer);
    return answer;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.coming);
  }

  /** Something that has come is left for the next frame: `changed` then, once. */
  comeLater(): void {
    if (this.coming !== undefined || this.closed) return;
    this.coming = setTimeout(() => {
      this.coming = undefined;
      this.changed();
    }, LATER_MS);
  }

  names(run: string): ReadonlySet<string> {
    return this.runs.get(run) ?? NONE;
  }

  /** The newest step that the overview has of a run; 0 if it has none. */
  end(run: string): number {
    return this.overview.end(run);
  }

  /**
   * The rows around a step are wanted one by one, for numbers, and for lines if it is pointed at;
   * null: around none.
   */
  focus(step: number | null, pointed: boolean): void {
    this.pointed = pointed;
    this.version += 1;
    if (step === null) {
      this.focused = "";
      return;
    }
    const half = AROUND / 2;
    const to = (Math.floor(step / half) + 1) * half;
    const table = this.range(Math.max(1, to - half - AROUND), to, AROUND / 2);
    for (const [name] of [...this.overview.loaded, ...this.overview.wanted]) this.want(table, name);
    this.focused = rangeKey(table);
  }

  /** Asks for a column of all runs in `view`, where it is not there yet. */
  ask(name: string, kind: Kind, view: View | undefined): void {
    const { last } = this;
    const same = last.name === name && last.kind === kind && last.view === view;
    // All runs of a chart ask for the same.
    if (same && last.version === this.version) return;
    this.last = { name, kind, view, version: this.version };
    const unknown = this.begun && ![...this.runs.values()].some((names) => names.has(name));
    if (unknown) return;
    if (this.overview.want(name, kind)) this.schedule();
    const focused = this.ranges.get(this.focused);
    if (focused) this.want(focused, name);
    if (view === undefined || !this.isFiner(name, view)) return;
    this.want(this.range(view.from, view.to, widthOf(view)), name, kind);
  }

  /** What there is of a column up to a step, in order. */
  parts(run: string, name: string, { to, strict, view, line }: PartsAsk): Part[] {
    const key = keyOf(run, name);
    const piece = this.overview.pieces.get(key);
    let parts: Part[] = piece ? [{ piece, from: 1, to, strict }] : [];
    const seen = view && this.ranges.get(rangeKey({ ...view, width: widthOf(view) }));
    const focused = line && !this.pointed ? undefined : this.ranges.get(this.focused);
    for (const table of [seen, focused]) {
      const piece = table?.pieces.get(key);
      if (table === undefined || piece === undefined) continue;
      const from = Math.max(1, table.from);
      const end = Math.min(to, table.end(run));
      if (end < from) continue;
      parts = [
        ...parts.flatMap((part) => cut(part, part.from, from - 1)),
        { piece, from, to: end, strict: strict && end === to },
        ...parts.flatMap((part) => cut(part, end + 1, part.to)),
      ];
    }
    return parts;
  }

  /** Views with the same key see the same parts. */
  viewKey(view: View | undefined): string {
    if (view === undefined || this.ranges.size === 0) return "";
    const key = rangeKey({ ...view, width: widthOf(view) });
    return this.ranges.has(key) ? key : "";
  }

  /** Reads everything anew up to the newest step; resolves when it is there. */
  renew(asked: ReadonlyMap<string, Kind>): Promise<void> {
    for (const table of this.ranges.values()) {
      if ((table.to ?? Infinity) > Math.max(0, ...table.until.values())) this.replace(table);
    }
    return new Promise((resolve) => {
      this.replace(this.overview, resolve);
      const next = this.fresh.get(this.overview)?.table;
      for (const [name, kind] of asked) next?.want(name, kind);
    });
  }

  private replace(table: Table, done: () => void = () => undefined): void {
    this.fresh.set(table, { table: table.again(), done });
    this.schedule();
  }

  /** Whether the overview is too coarse for a view. */
  private isFiner(name: string, { from, to, width }: View): boolean {
    const span = Math.max(1, ...this.overview.until.values());
    // A view of everything may grow with every frame.
    if (from <= 1 && to >= span) return false;
    if (((to - from) * WIDTH) / Math.max(1, width) > span) return false;
    for (const run of this.runs.keys()) {
      if (this.overview.pieces.get(keyOf(run, name))?.thin) return from <= span;
    }
    return false;
  }

  private range(from: number, to: number, width: number): Table {
    const made = new Table(from, to, width);
    const key = rangeKey(made);
    const table = this.ranges.get(key) ?? made;
    // The one that was looked at last is let go of last.
    this.ranges.delete(key);
    this.ranges.set(key, table);
    for (const old of this.ranges.keys()) {
      if (this.ranges.size <= MOST_RANGES) break;
      if (old !== key && old !== this.focused) this.ranges.delete(old);
    }
    return table;
  }

  private want(table: Table, name: string, kind: Kind = "line"): void {
    if (table.want(name, kind)) this.schedule();
  }

  private schedule(): void {
    if (this.timer !== undefined || this.closed) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.pump();
    }, 0);
  }

  private pump(): void {
    const known = [this.overview, ...this.ranges.values()];
    for (const old of this.fresh.keys()) if (!known.includes(old)) this.fresh.delete(old);
    for (const table of [...known, ...[...this.fresh.values()].map((fresh) => fresh.table)]) {
      if (this.flying >= AT_ONCE) return;
      if (!table.busy && table.wanted.size > 0) void this.fill(table);
      else if (!table.busy) this.settle(table);
    }
  }

  private async fill(table: Table): Promise<void> {
    const runs = Math.max(16, this.runs.size);
    const most = Math.floor(MOST_VALUES / (runs * ROWS_A_PIXEL * table.width));
    const names = new Map(
      [...table.wanted].slice(0, table.single ? 1 : Math.max(1, Math.min(64, most))),
    );
    const of = (kind: Kind) => [...names].filter(([, k]) => k === kind).map(([name]) => name);
    table.busy = true;
    this.flying += 1;
    let pause = 0;
    try {
      const { from, to, width } = table;
      const first = Math.max(1, from);
      const ask = { columns: of("line"), samples: of("sample"), first, last: to, width };
      const answer = decodeLines(await this.read(ask));
      if (this.closed) return;
      this.learn(answer);
      table.take(names, answer);
      this.done(table, names);
    } catch (error) {
      pause = this.failed(table, names, error);
    } finally {
      table.busy = false;
      this.flying -= 1;
    }
    this.settle(table);
    if (this.closed) return;
    if (pause > 0) setTimeout(() => this.schedule(), pause);
    else this.schedule();
    this.version += 1;
    this.changed();
  }

  private done(table: Table, names: ReadonlyMap<string, Kind>): void {
    for (const [name, kind] of names) {
      // It may be wanted as a line by now.
      if (table.wanted.get(name) === kind) table.wanted.delete(name);
    }
  }

  /** What to do about it; milliseconds until it is tried again. */
  private failed(table: Table, names: ReadonlyMap<string, Kind>, error: unknown): number {
    const status = error instanceof ApiError ? error.status : -1;
    // Without a server, or while it starts again.
    if (status === 0 || status > 500) return RETRY_MS;
    if (names.size > 1) {
      table.single = true;
      return 0;
    }
    for (const [name, kind] of names) table.loaded.set(name, kind);
    this.done(table, names);
    this.trouble(messageOf(error));
    return 0;
  }

  /** A table that was read anew takes its place. */
  private settle(table: Table): void {
    if (table.wanted.size > 0 || table.busy) return;
    for (const [old, fresh] of this.fresh) {
      if (fresh.table !== table) continue;
      this.fresh.delete(old);
      for (const [name, kind] of old.wanted) table.want(name, kind);
      if (old === this.overview) this.overview = table;
      else if (this.ranges.get(rangeKey(old)) === old) this.ranges.set(rangeKey(old), table);
      this.version += 1;
      fresh.done();
    }
  }

  private learn(answer: LinesAnswer): void {
    for (const [run, { names }] of answer.runs) this.runs.set(run, names);
  }
}

const NONE: ReadonlySet<string> = new Set();

/** Charts of nearly one width share what they read. */
const widthOf = ({ width }: View): number => Math.min(4096, Math.ceil(width / 64) * 64);

const rangeKey = ({ from, to, width }: { from: number; to: number | null; width: number }) =>
  `${from}–${to}/${width}`;

/** The part of a part between two steps. */
function cut(part: Part, from: number, to: number): Part[] {
  const [begin, end] = [Math.max(part.from, from), Math.min(part.to, to)];
  if (begin > end) return [];
  return [{ ...part, from: begin, to: end, strict: part.strict && end === part.to }];
}
