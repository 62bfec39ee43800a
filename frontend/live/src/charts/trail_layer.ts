/** The paths of all runs: faint on a layer that is only added to, their tails strong on another. */

import { runStyle, TOKENS, withAlpha } from "../look/palette.ts";
import { areAligned } from "./aligned.ts";
import type { Layers } from "./flat_stack.ts";
import { ASIDE, FLOOR, fades, strokesOf, strokeTail, tailLength } from "./tails.ts";
import { type Place, Trail } from "./trail.ts";
import type { Rows, RunView, Scene } from "./types.ts";

interface TrailOptions {
  columns: readonly [string, string];
  /** Widths of line and halo in pixels; on small pictures both are a third less. */
  line: number;
  halo: number;
}

/** Pictures narrower than this are a phone's. */
export const SMALL = 480;

export class TrailLayer {
  private readonly trails = new Map<string, Trail>();
  private basis = "";
  private rows: Rows | null = null;
  /** What the layer itself cannot be weakened by. */
  private weaker = 1;

  constructor(
    private readonly stack: Layers,
    private readonly layers: readonly [paths: number, tails: number],
    private readonly options: TrailOptions,
  ) {}

  /**
   * Bring the layers up to the step looked at.
   *
   * @param place from the columns' units to pixels
   * @param placeKey changes whenever `place` does
   * @param start where all runs start, in the columns' units
   */
  update(
    scene: Scene,
    place: Place,
    placeKey: string,
    start: readonly [number, number] | null,
  ): void {
    const until = scene.cursor ?? Infinity;
    const faded = areFaded(scene, scene.runs);
    const basis = basisOf(scene, scene.runs, placeKey);
    const whole = basis !== this.basis || scene.rows !== this.rows || !this.allContinue(scene);
    this.rows = scene.rows;
    this.basis = basis;
    // A lifted path is strong from end to end.
    const strength = faded ? FLOOR : 1;
    this.weaker = this.stack.fade(this.layers[0], strength);
    if (whole) {
      this.stack.clear(this.layers[0]);
      this.trails.clear();
    }
    let grew = false;
    for (const run of ordered(scene)) {
      const trail = this.trails.get(run.id) ?? new Trail();
      if (!this.trails.has(run.id)) {
        this.trails.set(run.id, trail);
        trail.restart(start === null || run.from ? null : place(start[0], start[1]));
      }
      const columns = this.columnsOf(scene, run);
      if (columns !== null) trail.feed(columns[0], columns[1], place, until, run.from);
      if (this.draw(trail, run, scene)) grew = true;
    }
    // Most frames move no head by as much as a pixel.
    if (whole || (grew && (faded || scene.runs.some((run) => run.from)))) {
      this.paintTails(this.stack.clear(this.layers[1]), scene, faded);
    }
  }

  trail(run: string): Trail | undefined {
    return this.trails.get(run);
  }

  private columnsOf(scene: Scene, run: RunView) {
    const x = scene.rows.column(run.id, this.options.columns[0]);
    const y = scene.rows.column(run.id, this.options.columns[1]);
    if (x === undefined || y === undefined || !areAligned(x, y)) return null;
    return [x, y] as const;
  }

  private allContinue(scene: Scene): boolean {
    return scene.runs.every((run) => {
      const columns = this.columnsOf(scene, run);
      const trail = this.trails.get(run.id);
      if (trail === undefined || trail.empty) return true;
      return columns !== null && trail.continues(columns[0], columns[1]);
    });
  }

  /** Draws what is new of a path; false where nothing is. */
  private draw(trail: Trail, run: RunView, scene: Scene): boolean {
    const fresh = trail.takeNew();
    if (fresh === null) return false;
    const context = this.stack.layer(this.layers[0]);
    const style = runStyle(run.slot, scene.theme);
    const lifted = run.id === scene.lifted;
    context.lineJoin = "round";
    context.globalAlpha = this.weaker * (scene.lifted === null || lifted ? 1 : ASIDE);
    context.setLineDash([]);
    context.lineCap = "butt";
    const { line, halo } = this.widths(lifted);
    context.lineWidth = halo;
    context.strokeStyle = withAlpha(TOKENS[scene.theme].page, 0.7);
    context.stroke(trail.path(fresh.halo));
    context.lineCap = style.dashed ? "butt" : "round";
    context.lineWidth = line;
    context.strokeStyle = style.color;
    if (style.dashed) {
      context.setLineDash([7, 4]);
      context.lineDashOffset = trail.lengthTo(fresh.line);
    }
    context.stroke(trail.path(fresh.line));
    context.setLineDash([]);
    context.lineDashOffset = 0;
    context.globalAlpha = 1;
    return true;
  }

  /** Draws the newest part of every path strong, and where forks begin. */
  private paintTails(context: CanvasRenderingContext2D, scene: Scene, faded: boolean): void {
    for (const run of ordered(scene)) {
      const trail = this.trails.get(run.id);
      if (trail === undefined || trail.xs.length === 0) continue;
      context.globalAlpha = scene.lifted === null || run.id === scene.lifted ? 1 : ASIDE;
      if (faded) this.paintTail(context, trail, run, scene);
      context.strokeStyle = runStyle(run.slot, scene.theme).color;
      if (run.from) ring(context, trail.xs[0], trail.ys[0]);
    }
    context.globalAlpha = 1;
  }

  private paintTail(
    context: CanvasRenderingContext2D,
    trail: Trail,
    run: RunView,
    scene: Scene,
  ): void {
    if (trail.xs.length < 2) return;
    const style = runStyle(run.slot, scene.theme);
    const length = tailLength(this.stack.width, this.stack.height);
    const pieces = strokesOf(length, style.dashed).map(({ back, alpha }) => {
      const from = trail.back(back);
      return { alpha, at: from.at, path: trail.path(from.next - 1, from) };
    });
    strokeTail(context, pieces, style, scene.theme, this.widths(false));
  }

  private widths(lifted: boolean): { line: number; halo: number } {
    const scale = this.stack.width < SMALL ? 2 / 3 : 1;
    const more = lifted ? 1 : 0;
    return { line: this.options.line * scale + more, halo: this.options.halo * scale + more };
  }
}

/** Where a fork leaves the path that it comes from. */
export function ring(context: CanvasRenderingContext2D, x = 0, y = 0): void {
  context.beginPath();
  context.arc(x, y, 3, 0, 2 * Math.PI);
  context.lineWidth = 1.5;
  context.stroke();
}

/** Drawing order: the lifted run last. */
export function ordered(scene: Scene): RunView[] {
  return [...scene.runs].sort(
    (a, b) => Number(a.id === scene.lifted) - Number(b.id === scene.lifted),
  );
}

export function areFaded({ lifted }: Scene, runs: readonly RunView[]): boolean {
  return lifted === null && fades(runs.length);
}

/** Equal as long as paths only grow: another one has all of them drawn anew. */
export function basisOf(scene: Scene, runs: readonly RunView[], placeKey: string): string {
  const faded = areFaded(scene, runs);
  const drawn = runs.map((run) => `${run.id}/${run.slot}/${run.from ?? 0}`);
  return [placeKey, scene.theme, scene.lifted, scene.cursor, faded, ...drawn].join("|");
}
