/** The part of a plane that shows all paths in equal units; grows in steps, each with room to spare. */

import type { Range } from "./axis.ts";
import type { Rows, Scene } from "./types.ts";

export interface PlaneView {
  x: Range;
  y: Range;
  /** Pixels per unit, the same both ways. */
  scale: number;
}

/** Room kept free at the edge, in pixels, for glyphs. */
const EDGE = 14;
/** How much more than the data needs is shown when the view grows. */
const SPARE = 1.35;
/** A view that the data fills less than this share of, both ways, is drawn anew, closer. */
const LOOSE = 0.4;

export class PlaneBounds {
  /** Extent of the data (with the origin) and how many rows of each run it covers. */
  private extent = emptyExtent();
  private readonly done = new Map<string, number>();
  private readonly generations = new Map<string, number>();
  private shown: PlaneView | null = null;
  private size = "";
  private rows: Rows | null = null;

  constructor(
    private readonly xName: string,
    private readonly yName: string,
  ) {}

  view(scene: Scene, width: number, height: number): PlaneView {
    this.takeIn(scene);
    const size = `${width}×${height}`;
    if (this.shown === null || size !== this.size || !this.fits(this.shown)) {
      this.shown = this.fresh(width, height);
      this.size = size;
    }
    return this.shown;
  }

  private takeIn(scene: Scene): void {
    const shorter = (id: string, n: number) =>
      !scene.runs.some((run) => run.id === id) || (scene.rows.column(id, this.xName)?.n ?? 0) < n;
    if (scene.rows !== this.rows || [...this.done].some(([id, n]) => shorter(id, n))) {
      this.rows = scene.rows;
      this.done.clear();
      this.extent = emptyExtent();
    }
    for (const { id } of scene.runs) {
      const x = scene.rows.column(id, this.xName);
      const y = scene.rows.column(id, this.yName);
      const generation = x?.generation ?? 0;
      if (generation !== this.generations.get(id)) this.done.delete(id);
      this.generations.set(id, generation);
      const n = Math.min(x?.n ?? 0, y?.n ?? 0);
      for (let i = Math.min(this.done.get(id) ?? 0, n); i < n; i++) {
        this.include(x?.values[i] as number, y?.values[i] as number);
      }
      this.done.set(id, n);
    }
  }

  private include(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const { extent } = this;
    extent.x = [Math.min(extent.x[0], x), Math.max(extent.x[1], x)];
    extent.y = [Math.min(extent.y[0], y), Math.max(extent.y[1], y)];
  }

  private fits(view: PlaneView): boolean {
    const edge = EDGE / view.scale;
    const inside = (data: Range, shown: Range) =>
      data[0] >= shown[0] + edge && data[1] <= shown[1] - edge;
    const share = (data: Range, shown: Range) => (data[1] - data[0]) / (shown[1] - shown[0]);
    const filled = Math.max(share(this.extent.x, view.x), share(this.extent.y, view.y));
    const moved = this.extent.x[1] > this.extent.x[0] || this.extent.y[1] > this.extent.y[0];
    const loose = moved && filled < LOOSE;
    return !loose && inside(this.extent.x, view.x) && inside(this.extent.y, view.y);
  }

  private fresh(width: number, height: number): PlaneView {
    const { x, y } = this.extent;
    const wide = Math.max(1, width - 2 * EDGE) / SPARE;
    const tall = Math.max(1, height - 2 * EDGE) / SPARE;
    const needed = Math.max((x[1] - x[0]) / wide, (y[1] - y[0]) / tall);
    const scale = 1 / (needed > 0 ? needed : 1 / 100);
    const around = (range: Range, pixels: number): Range => {
      const middle = (range[0] + range[1]) / 2;
      return [middle - pixels / 2 / scale, middle + pixels / 2 / scale];
    };
    return { x: around(x, width), y: around(y, height), scale };
  }
}

/** The part of a plane that shows all of a grid. */
export function roundView(
  grid: { x: readonly number[]; y: readonly number[] },
  width: number,
  height: number,
): PlaneView {
  const ends = (axis: readonly number[]): Range => [
    axis[0] as number,
    axis[axis.length - 1] as number,
  ];
  const [x, y] = [ends(grid.x), ends(grid.y)];
  const scale = Math.min(width / (x[1] - x[0]), height / (y[1] - y[0]));
  const around = (range: Range, pixels: number): Range => {
    const middle = (range[0] + range[1]) / 2;
    return [middle - pixels / 2 / scale, middle + pixels / 2 / scale];
  };
  return { x: around(x, width), y: around(y, height), scale };
}

const emptyExtent = (): { x: Range; y: Range } => ({ x: [0, 0], y: [0, 0] });
