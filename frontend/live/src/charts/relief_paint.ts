/** All that lies on a relief: paths with their tails, signs and words, arrows, heads. */

import { runStyle, TOKENS, withAlpha } from "../look/palette.ts";
import { paintParts, partsOf, tilted, type Update } from "./arrows.ts";
import { valueAt } from "./contours.ts";
import type { Layers } from "./flat_stack.ts";
import { type Head, paintHead } from "./heads.ts";
import { around } from "./labels.ts";
import type { Relief } from "./relief.ts";
import { ReliefPath, type Seen } from "./relief_path.ts";
import { drawSign, named, SignWords, type Word } from "./surface_signs.ts";
import type { SurfaceMapOptions } from "./surface_view.ts";
import { ASIDE, FLOOR, strokesOf, strokeTail, tailLength } from "./tails.ts";
import { areFaded, basisOf, ordered, ring } from "./trail_layer.ts";
import type { Rows, RunView, Scene } from "./types.ts";

/** Layers, lowest first. */
export const GROUND = 0;
export const PATHS = 1;
export const TAILS = 2;
export const TOP = 3;

const LINE = 2.6;
const HALO = 5;
const HIDDEN = 0.28;
const HEAD_RADIUS = 6;
/** Share of the ranges over which the slope under a head is measured. */
const NEAR = 0.01;

/** A relief as it is seen, and what is drawn on it besides rows. */
export interface ReliefView {
  relief: Relief;
  options: SurfaceMapOptions;
  updates: { step: number; runs: Record<string, Update> } | null;
}

/** Paths that are made once for each view, and drawn only where one has grown. */
export class ReliefPainter {
  paths = new Map<string, ReliefPath>();
  private readonly words = new SignWords();
  private basis = "";
  private rows: Rows | null = null;

  /**
   * Draws all layers above the ground.
   *
   * @param viewKey changes whenever places do
   */
  paint(stack: Layers, view: ReliefView, viewKey: string, scene: Scene): void {
    const runs = view.options.bare ? [] : ordered(scene);
    const whole = this.begin(runs, viewKey, scene);
    const grown = runs.map((run) => this.feed(view, run, scene));
    if (whole || grown.includes(true)) this.paintPaths(stack, runs, scene);
    const context = stack.clear(TOP);
    const heads = headsOf(this.paths, runs, scene);
    paintPoints(context, stack, view, scene, heads, this.words);
    paintUpdates(context, view, scene, heads);
    for (const head of heads) {
      context.globalAlpha = scene.lifted !== null && head.run.id !== scene.lifted ? 0.75 : 1;
      paintHead(context, head, scene, HEAD_RADIUS, TOKENS[scene.theme].page);
    }
    context.globalAlpha = 1;
  }

  /** True where all is drawn anew. */
  private begin(runs: readonly RunView[], viewKey: string, scene: Scene): boolean {
    const basis = basisOf(scene, runs, viewKey);
    const continues = runs.every(({ id }) => {
      const [x, y] = [scene.rows.column(id, "x"), scene.rows.column(id, "y")];
      const path = this.paths.get(id);
      return path === undefined || (x && y && path.continues(x, y));
    });
    const whole = basis !== this.basis || scene.rows !== this.rows || !continues;
    this.basis = basis;
    this.rows = scene.rows;
    if (whole) this.paths = new Map();
    return whole;
  }

  private feed(view: ReliefView, run: RunView, scene: Scene): boolean {
    const x = scene.rows.column(run.id, "x");
    const y = scene.rows.column(run.id, "y");
    if (!x || !y) return false;
    let path = this.paths.get(run.id);
    if (path === undefined) {
      const place = (px: number, py: number) => placeOn(view, px, py);
      path = new ReliefPath(place, run.from ? null : view.options.start);
      this.paths.set(run.id, path);
    }
    return path.feed(x, y, run.from ?? 0, scene.cursor ?? Number.POSITIVE_INFINITY);
  }

  private paintPaths(stack: Layers, runs: readonly RunView[], scene: Scene): void {
    const below = stack.clear(PATHS);
    const faded = areFaded(scene, runs);
    const strength = faded ? FLOOR : 1;
    const weaker = stack.fade(PATHS, strength);
    const shown = runs.flatMap((run) => {
      const path = this.paths.get(run.id);
      return path ? [{ run, path }] : [];
    });
    for (const { run, path } of shown) paintPath(below, path, run, scene, weaker, strength);
    const context = stack.clear(TAILS);
    const length = tailLength(stack.width, stack.height);
    for (const { run, path } of shown) {
      context.globalAlpha = aside(scene, run);
      if (faded) paintTail(context, path, run, scene, length);
      const { first } = path;
      context.strokeStyle = runStyle(run.slot, scene.theme).color;
      if (run.from && first) ring(context, first.x, first.y);
    }
    context.globalAlpha = 1;
  }
}

const aside = (scene: Scene, run: RunView): number =>
  scene.lifted === null || run.id === scene.lifted ? 1 : ASIDE;

/** From the surface's units into the picture; null outside of the drawn ranges. */
function placeOn({ relief, options }: ReliefView, x: number, y: number): Seen | null {
  const { surface, grid } = options;
  const u = (x - surface.x[0]) / (surface.x[1] - surface.x[0]);
  const v = (y - surface.y[0]) / (surface.y[1] - surface.y[0]);
  if (!(u >= 0 && u <= 1 && v >= 0 && v <= 1)) return null;
  return relief.place(u, v, valueAt(grid, x, y, surface.minimum, surface.log));
}

function headsOf(
  paths: ReadonlyMap<string, ReliefPath>,
  runs: readonly RunView[],
  scene: Scene,
): Head[] {
  const now = scene.cursor ?? scene.head;
  return runs.flatMap((run) => {
    const head = paths.get(run.id)?.head;
    if (!head) return [];
    const diverged = run.divergedStep !== null && run.divergedStep <= now;
    return [{ run, x: head.x, y: head.y, step: head.step, diverged, outside: null }];
  });
}

/** A run's whole path, weaker where the surface hides it. */
function paintPath(
  context: CanvasRenderingContext2D,
  path: ReliefPath,
  run: RunView,
  scene: Scene,
  weaker: number,
  strength: number,
): void {
  const style = runStyle(run.slot, scene.theme);
  const more = run.id === scene.lifted ? 1 : 0;
  const seen = path.trace(false);
  context.lineJoin = context.lineCap = "round";
  if (style.dashed) context.setLineDash([7, 4]);
  context.globalAlpha = weaker * aside(scene, run);
  context.lineWidth = HALO;
  context.strokeStyle = withAlpha(TOKENS[scene.theme].page, 0.7);
  context.stroke(seen);
  context.lineWidth = LINE + more;
  context.strokeStyle = style.color;
  context.stroke(seen);
  // However weak the layer is, this part is as weak as before.
  context.globalAlpha = (HIDDEN * aside(scene, run) * weaker) / strength;
  context.lineWidth = 1.8;
  context.stroke(path.trace(true));
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** The newest part of what is in sight, strong. */
function paintTail(
  context: CanvasRenderingContext2D,
  path: ReliefPath,
  run: RunView,
  scene: Scene,
  length: number,
): void {
  const style = runStyle(run.slot, scene.theme);
  // Dashes are counted from each trace's own beginning: those of several would not meet.
  const strokes = strokesOf(length, style.dashed).slice(style.dashed ? -1 : 0);
  const pieces = strokes.map(({ back, alpha }) => ({
    alpha,
    at: 0,
    path: path.trace(false, back),
  }));
  strokeTail(context, pieces, style, scene.theme, { line: LINE, halo: HALO });
}

/** Start, minima and saddles with their names, signs weaker where the surface hides them. */
function paintPoints(
  context: CanvasRenderingContext2D,
  stack: Layers,
  view: ReliefView,
  scene: Scene,
  heads: readonly Head[],
  words: SignWords,
): void {
  const { surface, start } = view.options;
  const told = new Set(named(surface.points));
  const texts: Word[] = [];
  for (const point of [{ ...start, kind: "start" as const }, ...surface.points]) {
    const at = placeOn(view, point.x, point.y);
    if (at === null) continue;
    context.globalAlpha = at.seen ? 1 : 0.35;
    drawSign(context, point.kind, at, scene.theme);
    if (point.kind === "start" || told.has(point))
      texts.push({ text: point.kind, x: at.x, y: at.y });
  }
  context.globalAlpha = 1;
  const boxes = heads.map((head) => around(head.x, head.y, HEAD_RADIUS + 2));
  words.draw(context, texts, boxes, stack, scene.theme);
}

/** What was kept and dropped, along the surface under each head. */
function paintUpdates(
  context: CanvasRenderingContext2D,
  view: ReliefView,
  scene: Scene,
  heads: readonly Head[],
): void {
  if (view.updates === null || scene.cursor !== null) return;
  const { step, runs } = view.updates;
  const { x, y } = view.options.surface;
  const [wide, high] = [x[1] - x[0], y[1] - y[0]];
  const side = view.relief.ground;
  const parts = partsOf(runs, [side / wide, side / high]);
  for (const head of heads) {
    if (head.step !== step) continue;
    const px = scene.rows.column(head.run.id, "x");
    const py = scene.rows.column(head.run.id, "y");
    const n = Math.min(px?.n ?? 0, py?.n ?? 0);
    const at = [px?.values[n - 1] as number, py?.values[n - 1] as number] as const;
    const along = (dx: number, dy: number): [number, number] => {
      const before = placeOn(view, at[0] - dx * wide, at[1] - dy * high) ?? head;
      const after = placeOn(view, at[0] + dx * wide, at[1] + dy * high) ?? head;
      const sides = before === head || after === head ? 1 : 2;
      const pixels = sides * NEAR * side;
      return [(after.x - before.x) / pixels, (after.y - before.y) / pixels];
    };
    const axes = { x: along(NEAR, 0), y: along(0, NEAR) };
    paintParts(context, head, tilted(parts.get(head.run.id) ?? [], axes), scene.theme);
  }
}
