import type { Column } from "../charts/types.ts";

/** Columns of one name as one, ordered by step; of rows at one step the first column's counts. */
export function mergeColumns(columns: readonly Column[]): Column {
  const total = columns.reduce((sum, column) => sum + column.n, 0);
  const steps = new Float64Array(total);
  const values = new Float64Array(total);
  const next = columns.map(() => 0);
  let n = 0;
  for (;;) {
    let from = -1;
    let step = Number.POSITIVE_INFINITY;
    columns.forEach((column, k) => {
      const at = next[k] as number;
      if (at < column.n && (column.steps[at] as number) < step) {
        from = k;
        step = column.steps[at] as number;
      }
    });
    if (from < 0) return { n, steps, values };
    const value = (columns[from] as Column).values[next[from] as number] as number;
    next[from] = (next[from] as number) + 1;
    if (n > 0 && steps[n - 1] === step) continue;
    steps[n] = step;
    values[n] = value;
    n += 1;
  }
}

/** Merged columns, each made anew only when it has grown. */
export class Merged {
  private readonly known = new Map<string, { rows: number; column: Column }>();

  of(key: string, columns: readonly Column[]): Column {
    const rows = columns.reduce((sum, column) => sum + column.n, 0);
    const known = this.known.get(key);
    if (known?.rows === rows) return known.column;
    const column = mergeColumns(columns);
    this.known.set(key, { rows, column });
    return column;
  }
}
