/** The surface as a relief that can be turned, with the paths of all runs on it. */

import { mapRamp, type Rgb, runStyle, TOKENS, tokenVariables, withAlpha } from "../look/palette.ts";
import { CanvasStack } from "./canvas_stack.ts";
import { BANDS, valueAt } from "./contours.ts";
import { type Head, paintHead } from "./heads.ts";
import { type Camera, Relief } from "./relief.ts";
import { signature } from "./signature.ts";
import type { SurfaceMapOptions } from "./surface_map.ts";
import { ordered } from "./trail_layer.ts";
import type { Chart, RunView, Scene } from "./types.ts";

const GROUND = 0;
const PATHS = 1;
/** Points of a path that are drawn at most. */
const MOST_POINTS = 1500;
/** Radians by which a key turns, and a drag over one pixel. */
const KEY = Math.PI / 24;
const DRAG = 0.009;
const TILTS: readonly [number, number] = [0.12, Math.PI / 2];

export const CAMERA: Camera = { turn: -0.45, tilt: 0.86 };

export class Surface3D implements Chart {
  private readonly stack: CanvasStack;
  private relief: Relief;
  private camera: Camera = { ...CAMERA };
  private scene: Scene | null = null;
  private drawn = "";
  private ground = "";
  private drag: { x: number; y: number } | null = null;
  private frame = 0;
  private reliefs = 0;
  private readonly scratch = document.createElement("canvas");

  constructor(
    host: HTMLElement,
    private options: SurfaceMapOptions,
  ) {
    this.stack = new CanvasStack(host, 2, () => this.paint());
    const { surface, grid } = options;
    this.relief = new Relief(grid, surface.minimum, surface.log);
    const { root } = this.stack;
    root.classList.add("chart", "surface-3d");
    root.setAttribute("role", "img");
    root.tabIndex = 0;
    root.addEventListener("pointerdown", (event) => {
      root.setPointerCapture(event.pointerId);
      this.drag = { x: event.clientX, y: event.clientY };
    });
    root.addEventListener("pointermove", (event) => this.dragged(event));
    for (const end of ["pointerup", "pointercancel"] as const) {
      root.addEventListener(end, () => {
        this.drag = null;
      });
    }
    root.addEventListener("keydown", (event) => this.pressed(event));
  }

  /** Draws another surface from now on, or the same from another start. */
  show(options: SurfaceMapOptions): void {
    if (options === this.options) return;
    const { surface, grid } = options;
    if (grid !== this.options.grid) {
      this.relief = new Relief(grid, surface.minimum, surface.log);
      this.reliefs += 1;
    }
    this.options = options;
    this.drawn = "";
  }

  update(scene: Scene): void {
    const now = signature(scene);
    if (now === this.drawn) return;
    if (this.scene?.theme !== scene.theme) {
      this.stack.root.style.cssText = tokenVariables(scene.theme);
    }
    this.drawn = now;
    this.scene = scene;
    const names = scene.runs.map((run) => run.name).join(", ") || "no runs";
    const { formula } = this.options.surface;
    const label = `Relief of f(x, y) = ${formula} with the paths of ${names}; arrow keys turn it`;
    if (this.stack.root.getAttribute("aria-label") !== label) {
      this.stack.root.setAttribute("aria-label", label);
    }
    this.paint();
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.stack.destroy();
  }

  private dragged(event: PointerEvent): void {
    if (this.drag === null) return;
    this.turnBy((event.clientX - this.drag.x) * DRAG, (event.clientY - this.drag.y) * DRAG);
    this.drag = { x: event.clientX, y: event.clientY };
  }

  private pressed(event: KeyboardEvent): void {
    const turns: Record<string, [number, number]> = {
      ArrowLeft: [-KEY, 0],
      ArrowRight: [KEY, 0],
      ArrowUp: [0, -KEY],
      ArrowDown: [0, KEY],
    };
    const turn = turns[event.key];
    if (turn === undefined && event.key !== "Home") return;
    event.preventDefault();
    event.stopPropagation();
    if (turn === undefined) this.camera = { ...CAMERA };
    this.turnBy(...(turn ?? [0, 0]));
  }

  private turnBy(turn: number, tilt: number): void {
    const { camera } = this;
    this.camera = {
      turn: camera.turn + turn,
      tilt: Math.min(TILTS[1], Math.max(TILTS[0], camera.tilt + tilt)),
    };
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    const { scene, stack } = this;
    stack.refit();
    if (scene === null || stack.width === 0 || stack.height === 0) return;
    const [width, height] = [Math.round(stack.width), Math.round(stack.height)];
    const { turn, tilt } = this.camera;
    const key = [width, height, stack.ratio, turn, tilt, scene.theme, this.reliefs].join();
    if (key !== this.ground) {
      this.ground = key;
      this.paintGround(width, height, scene);
    }
    this.paintPaths(scene);
    stack.root.dataset.turn = turn.toFixed(3);
  }

  private paintGround(width: number, height: number, scene: Scene): void {
    const colors = mapRamp(scene.theme, BANDS).map(
      (text) => text.match(/\d+/g)?.map(Number) as Rgb,
    );
    const image = this.relief.paint(width, height, this.camera, colors);
    const { scratch } = this;
    [scratch.width, scratch.height] = [width, height];
    scratch.getContext("2d")?.putImageData(image, 0, 0);
    this.stack.clear(GROUND).drawImage(scratch, 0, 0, width, height);
  }

  private place(x: number, y: number) {
    const { surface, grid } = this.options;
    const u = (x - surface.x[0]) / (surface.x[1] - surface.x[0]);
    const v = (y - surface.y[0]) / (surface.y[1] - surface.y[0]);
    if (!(u >= 0 && u <= 1 && v >= 0 && v <= 1)) return null;
    return this.relief.place(u, v, valueAt(grid, x, y, surface.minimum, surface.log));
  }

  private paintPaths(scene: Scene): void {
    const context = this.stack.clear(PATHS);
    const tokens = TOKENS[scene.theme];
    context.lineJoin = context.lineCap = "round";
    this.paintPoints(context, scene);
    const heads: Head[] = [];
    if (!this.options.bare) {
      for (const run of ordered(scene)) {
        const head = this.paintPath(context, scene, run);
        if (head) heads.push(head);
      }
    }
    for (const head of heads) {
      context.globalAlpha = scene.lifted !== null && head.run.id !== scene.lifted ? 0.75 : 1;
      paintHead(context, head, scene, 6, tokens.page);
    }
    context.globalAlpha = 1;
  }

  /** A run's path, weaker where the surface hides it; gives where its head is. */
  private paintPath(context: CanvasRenderingContext2D, scene: Scene, run: RunView): Head | null {
    const x = scene.rows.column(run.id, "x");
    const y = scene.rows.column(run.id, "y");
    if (!x || !y) return null;
    const until = scene.cursor ?? Number.POSITIVE_INFINITY;
    let n = Math.min(x.n, y.n);
    while (n > 0 && (x.steps[n - 1] as number) > until) n -= 1;
    const { start } = this.options;
    const seen = new Path2D();
    const hidden = new Path2D();
    let last = run.from ? null : this.place(start.x, start.y);
    const every = Math.max(1, Math.ceil(n / MOST_POINTS));
    for (let i = 0; i < n; i = i === n - 1 ? n : Math.min(i + every, n - 1)) {
      if ((x.steps[i] as number) < (run.from ?? 0)) continue;
      const here = this.place(x.values[i] as number, y.values[i] as number);
      if (here && last) {
        const path = here.seen && last.seen ? seen : hidden;
        path.moveTo(last.x, last.y);
        path.lineTo(here.x, here.y);
      }
      last = here;
    }
    const style = runStyle(run.slot, scene.theme);
    const lifted = run.id === scene.lifted;
    const weight = scene.lifted === null || lifted ? 1 : 0.55;
    if (style.dashed) context.setLineDash([7, 4]);
    context.globalAlpha = weight;
    context.lineWidth = 5;
    context.strokeStyle = withAlpha(TOKENS[scene.theme].page, 0.7);
    context.stroke(seen);
    context.lineWidth = lifted ? 3.6 : 2.6;
    context.strokeStyle = style.color;
    context.stroke(seen);
    context.globalAlpha = 0.28 * weight;
    context.lineWidth = 1.8;
    context.stroke(hidden);
    context.setLineDash([]);
    context.globalAlpha = 1;
    if (n === 0 || last === null) return null;
    const step = x.steps[n - 1] as number;
    const now = scene.cursor ?? scene.head;
    const diverged = run.divergedStep !== null && run.divergedStep <= now;
    return { run, x: last.x, y: last.y, step, diverged, outside: null };
  }

  /** Start, minima and saddles. */
  private paintPoints(context: CanvasRenderingContext2D, scene: Scene): void {
    const { surface, start } = this.options;
    const tokens = TOKENS[scene.theme];
    for (const point of [...surface.points, { ...start, kind: "start" }]) {
      const at = this.place(point.x, point.y);
      if (at === null) continue;
      context.beginPath();
      if (point.kind === "saddle") {
        for (const s of [-1, 1]) {
          context.moveTo(at.x - 4.5, at.y - 4.5 * s);
          context.lineTo(at.x + 4.5, at.y + 4.5 * s);
        }
      } else {
        const radius = point.kind === "start" ? 5.5 : point.kind === "minimum" ? 4 : 2.5;
        context.arc(at.x, at.y, radius, 0, 2 * Math.PI);
      }
      context.globalAlpha = at.seen ? 1 : 0.35;
      context.lineWidth = 4;
      context.strokeStyle = withAlpha(tokens.page, 0.6);
      context.stroke();
      context.lineWidth = point.kind === "start" ? 2 : 1.5;
      context.strokeStyle = tokens.ink;
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}
