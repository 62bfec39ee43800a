import { areAligned } from "../charts/aligned.ts";
import type { Column, Rows, View } from "../charts/types.ts";
import type { PointInfo } from "../protocol.ts";
import type { History } from "./history.ts";

/** Name of the column that is computed here: how far (x, y) is from the nearest global minimum. */
export const DISTANCE = "distance";

interface Grown {
  n: number;
  /** Another one means that earlier rows are others now. */
  basis: string;
  values: Float64Array;
}

/** The rows of an experiment on a surface, with `distance` computed once a row. */
export class SurfaceRows implements Rows {
  private readonly grown = new Map<string, Grown>();
  private readonly minima: PointInfo[];

  constructor(
    private readonly history: History,
    points: PointInfo[],
  ) {
    this.minima = points.filter((point) => point.kind === "minimum");
  }

  get version(): number {
    return this.history.version;
  }

  get waiting(): string {
    return this.history.waiting;
  }

  line(run: string, name: string, view: View): Column | undefined {
    return name === DISTANCE ? this.column(run, name, view) : this.history.line(run, name, view);
  }

  column(run: string, name: string, view?: View): Column | undefined {
    if (name !== DISTANCE) return this.history.column(run, name, view);
    const x = this.history.column(run, "x", view);
    const y = this.history.column(run, "y", view);
    if (!x || !y || !areAligned(x, y) || this.minima.length === 0) return undefined;
    const key = view ? `${run}\n${view.from}\n${view.to}` : run;
    const basis = `${x.generation ?? 0}/${x.steps[0]}`;
    let grown = this.grown.get(key);
    if (grown?.basis !== basis || grown.n > x.n) grown = undefined;
    if (!grown || grown.values.length < x.n) {
      const values = new Float64Array(x.steps.length);
      if (grown) values.set(grown.values);
      grown = { n: grown?.n ?? 0, basis, values };
      this.keep(key, grown);
    }
    for (; grown.n < x.n; grown.n++) {
      grown.values[grown.n] = this.distance(
        x.values[grown.n] as number,
        y.values[grown.n] as number,
      );
    }
    return { ...x, values: grown.values };
  }

  private keep(key: string, grown: Grown): void {
    // Views come and go.
    if (this.grown.size > 64) this.grown.clear();
    this.grown.set(key, grown);
  }

  private distance(x: number, y: number): number {
    let nearest = Number.POSITIVE_INFINITY;
    for (const point of this.minima) {
      const distance = Math.hypot(x - point.x, y - point.y);
      if (!(distance >= nearest)) nearest = distance;
    }
    return nearest;
  }
}
