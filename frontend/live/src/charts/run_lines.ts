/** The lines of all runs in one chart: kept up to date, ordered, measured, read out. */

import { runStyle } from "../look/palette.ts";
import { areAligned } from "./aligned.ts";
import type { GrowingBounds, Range, Scale } from "./axis.ts";
import type { BandColumn } from "./band.ts";
import type { HoverRow } from "./hover.ts";
import type { Line } from "./line_paint.ts";
import { type Frame, LineShape, type Point, yOf } from "./line_shape.ts";
import type { Column, Rows, RunView, Scene, View } from "./types.ts";

export interface LineColumn {
  name: string;
  label: string;
  /** Drawn weaker and without a glyph. */
  faint?: boolean;
  /** Draw the mean over the last `mean` steps, and every row itself faintly under it. */
  mean?: number;
  /** An interval around the line. */
  band?: BandColumn;
  /** It is computed in the browser: the store does not have it. */
  made?: boolean;
}

/** A diverged run may stretch the axis this far beyond the others. */
const DIVERGED_ROOM = { log: 1e3, linear: 1.5 };

export class RunLines {
  private readonly shapes = new Map<string, LineShape>();
  private view: View = { from: 0, to: 1, width: 1 };

  constructor(
    private readonly columns: readonly LineColumn[],
    private readonly window: number,
  ) {}

  /** Take in new rows; `width` is the plot's in device pixels. */
  feed(scene: Scene, view: Range, width: number): void {
    this.view = { from: view[0], to: view[1], width };
    const seen = new Set<string>();
    for (const run of scene.runs) {
      for (const { name, mean, band } of this.columns) {
        const key = `${run.id}\n${name}`;
        seen.add(key);
        const shape = this.shapes.get(key) ?? new LineShape();
        this.shapes.set(key, shape);
        const rows = lineOf(scene.rows, run.id, name, this.view);
        // A band says how single rows scatter; they need not lie under it as well.
        const over = mean !== undefined && band === undefined;
        shape.update(rows, mean ?? this.window, scene.smoothing, over, view, width);
      }
    }
    for (const key of this.shapes.keys()) if (!seen.has(key)) this.shapes.delete(key);
  }

  /** Forget all rows: they are another experiment's now. */
  clear(): void {
    this.shapes.clear();
  }

  /** In drawing order: faint columns first, the lifted run last. */
  ordered(scene: Scene): Line[] {
    const runs = [...scene.runs].sort(
      (a, b) => Number(a.id === scene.lifted) - Number(b.id === scene.lifted),
    );
    const columns = [...this.columns].sort((a, b) => Number(!!b.faint) - Number(!!a.faint));
    return columns.flatMap(({ name, faint, band, mean: window = 0 }) =>
      runs.flatMap((run) => {
        const shape = this.shape(run, name);
        if (shape === undefined) return [];
        const mean = band && scene.rows.column(run.id, name, this.view);
        const spread = band && scene.rows.column(run.id, band.column, this.view);
        const around =
          band && mean && spread && areAligned(mean, spread)
            ? { mean, spread, factor: band.factor, window }
            : undefined;
        return [{ run, shape, faint: faint === true, around }];
      }),
    );
  }

  empty(scene: Scene): boolean {
    return this.ordered(scene).every((line) => line.shape.empty);
  }

  /** Bounds of the value axis for what is in view. */
  bounds(
    scene: Scene,
    scale: Scale,
    range: Range | ((min: number, max: number) => Range) | undefined,
    growing: GrowingBounds,
  ): Range {
    if (Array.isArray(range)) return range;
    let [min, max, wildest] = [Infinity, -Infinity, -Infinity];
    for (const { run, shape } of this.ordered(scene)) {
      const [low, high] = shape.extent(scale);
      if (!(low <= high)) continue;
      min = Math.min(min, low);
      if (run.divergedStep === null) max = Math.max(max, high);
      else wildest = Math.max(wildest, high);
    }
    if (wildest > max) max = max > 0 ? Math.min(wildest, max * DIVERGED_ROOM[scale]) : wildest;
    if (typeof range === "function" && min <= max) return range(min, max);
    return growing.fit(min, max, scale);
  }

  /** Every run's values at a step; `top` is the plot area's upper edge in the host. */
  read(
    scene: Scene,
    step: number,
    frame: Frame,
    top: number,
    format: (v: number) => string,
  ): HoverRow[] {
    return scene.runs.map((run) => {
      const end = Math.min(run.divergedStep ?? Infinity, run.until ?? Infinity);
      const ended = step > end;
      const points = this.columns.map(({ name }) =>
        ended ? undefined : this.shape(run, name)?.at(step),
      );
      const main = points[0]?.drawn ?? Number.NaN;
      return {
        style: runStyle(run.slot, scene.theme),
        name: run.name,
        values: points.map((p) => words(p, format)),
        within: points.find((p) => p?.within)?.within,
        y: Number.isFinite(main) ? top + yOf(frame, main) : Infinity,
      };
    });
  }

  private shape(run: RunView, column: string): LineShape | undefined {
    return this.shapes.get(`${run.id}\n${column}`);
  }
}

function lineOf(rows: Rows, run: string, name: string, view: View): Column | undefined {
  return rows.line ? rows.line(run, name, view) : rows.column(run, name, view);
}

/** A value, or between which two the rows lie that are drawn as one. */
function words(point: Point | undefined, format: (v: number) => string): string {
  const { within } = point ?? {};
  if (within === undefined) return format(point?.value ?? Number.NaN);
  const [low, high] = [format(within.low), format(within.high)];
  return low === high ? low : `${low}…${high}`;
}
