import type { Column, Rows } from "../charts/types.ts";
import type { PointInfo } from "../protocol.ts";
import type { History } from "./history.ts";

/** Name of the column that is computed here: how far (x, y) is from the nearest global minimum. */
export const DISTANCE = "distance";

interface Grown {
  n: number;
  /** Its first row's step: another one means that rows came before it. */
  first: number;
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

  column(run: string, name: string): Column | undefined {
    if (name !== DISTANCE) return this.history.column(run, name);
    const x = this.history.column(run, "x");
    const y = this.history.column(run, "y");
    if (!x || !y || this.minima.length === 0) return undefined;
    const first = x.steps[0] as number;
    let grown = this.grown.get(run);
    if (grown?.first !== first) grown = undefined;
    if (!grown || grown.values.length < x.n) {
      const values = new Float64Array(x.steps.length);
      if (grown) values.set(grown.values);
      grown = { n: grown?.n ?? 0, first, values };
      this.grown.set(run, grown);
    }
    for (; grown.n < x.n; grown.n++) {
      grown.values[grown.n] = this.distance(
        x.values[grown.n] as number,
        y.values[grown.n] as number,
      );
    }
    return { n: x.n, steps: x.steps, values: grown.values };
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
