import { rowAt } from "../charts/derive.ts";
import type { Column, View } from "../charts/types.ts";
import { Composed, type Part } from "./composed.ts";
import { Turns } from "./turns.ts";

/** Columns with a past that are kept put together. */
const MOST_KEPT = 600;

/** What a column is made of besides the rows that come; where one changes, it is made anew. */
export interface Basis {
  past: number;
  folded: number;
  /** How often rows that are held were changed. */
  changes: number;
}

/** One that is asked for. */
export interface Asked {
  run: string;
  name: string;
  line: boolean;
  view: View | undefined;
  /** Views with the same key have the same column. */
  viewKey: string;
  basis: Basis;
}

interface Kept {
  line: boolean;
  viewKey: string;
  composed: Composed;
  basis: Basis;
  /** The last of the rows that it has taken in. */
  step: number;
}

/**
 * Columns that begin with the past and go on with the rows that come. When the past is read anew
 * they are made anew as well, a run at a time: until its turn comes, one goes on as it was.
 */
export class Wholes {
  private readonly kept = new Map<string, Map<string, Kept[]>>();
  private count = 0;
  private readonly turns = new Turns();

  /**
   * @param parts the past of a column, where its held rows begin at a step
   * @param later is told when a column was left as it was: it is to be asked for again
   */
  constructor(
    private readonly parts: (asked: Asked, to: number) => readonly Part[],
    private readonly later: () => void,
  ) {}

  /** The column with all rows of `raw`, which it knows up to some step; undefined without any. */
  of(asked: Asked, raw: Column | undefined): Column | undefined {
    let kept = this.find(asked);
    if (kept === undefined || !this.isFresh(kept, asked)) kept = this.made(asked, raw, kept);
    if (raw !== undefined && raw.n > 0) {
      kept.composed.append(raw, rowAt(raw.steps, raw.n, kept.step) + 1);
      kept.step = raw.steps[raw.n - 1] as number;
    }
    const { column } = kept.composed;
    return column.n > 0 ? column : undefined;
  }

  private isFresh({ basis }: Kept, { basis: now }: Asked): boolean {
    return basis.past === now.past && basis.folded === now.folded && basis.changes === now.changes;
  }

  private made(asked: Asked, raw: Column | undefined, old: Kept | undefined): Kept {
    const { run, name, line, viewKey, basis } = asked;
    // One that has nothing yet is shown as soon as there is something. Columns of a run belong
    // together: pictures are made of several, row by row.
    if (old !== undefined && old.composed.column.n > 0 && !this.turns.admits(run)) {
      this.later();
      return old;
    }
    const began = performance.now();
    const to = raw && raw.n > 0 ? (raw.steps[0] as number) - 1 : Number.POSITIVE_INFINITY;
    const composed = new Composed(this.parts(asked, Math.min(basis.folded, to)), line);
    if (raw && raw.n > 0) composed.append(raw, 0);
    const kept = { line, viewKey, composed, basis, step: raw?.steps[raw.n - 1] ?? 0 };
    this.put(run, name, kept, old);
    this.turns.spend(performance.now() - began);
    return kept;
  }

  private find({ run, name, line, viewKey }: Asked): Kept | undefined {
    const known = this.kept.get(name)?.get(run);
    return known?.find((one) => one.line === line && one.viewKey === viewKey);
  }

  private put(run: string, name: string, kept: Kept, old: Kept | undefined): void {
    // Views that were left are made anew should one come back to them.
    if (old === undefined && this.count >= MOST_KEPT) {
      this.kept.clear();
      this.count = 0;
    }
    const runs = this.kept.get(name) ?? new Map<string, Kept[]>();
    this.kept.set(name, runs);
    const others = (runs.get(run) ?? []).filter((one) => one !== old);
    this.count += others.length + 1 - (runs.get(run)?.length ?? 0);
    runs.set(run, [...others, kept]);
  }
}
