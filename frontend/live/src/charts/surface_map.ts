/** The surface from above with the paths of all runs moving on it. */

import { formatStep, formatValue } from "../look/format.ts";
import { runStyle, TOKENS, tokenVariables, withAlpha } from "../look/palette.ts";
import { CanvasStack } from "./canvas_stack.ts";
import { ContourPicture, type Grid, valueAt } from "./contours.ts";
import { type Head, headsOf, paintHead } from "./heads.ts";
import { HoverTable } from "./hover.ts";
import { around, type Label, placeLabels } from "./labels.ts";
import { signature } from "./signature.ts";
import { SMALL, TrailLayer } from "./trail_layer.ts";
import type { Chart, Scene } from "./types.ts";

/** What the catalogue says about a surface. */
export interface SurfaceView {
  x: readonly [number, number];
  y: readonly [number, number];
  log: boolean;
  points: readonly { x: number; y: number; kind: "minimum" | "local minimum" | "saddle" }[];
  minimum: number;
  formula: string;
}

export interface SurfaceMapOptions {
  surface: SurfaceView;
  grid: Grid;
  start: { x: number; y: number };
}

const GROUND = 0;
const PATHS = 1;
const TOP = 2;
const HEAD_RADIUS = 6.2;
/** More points of a kind than this get their sign, but no word. */
const MOST_WORDS = 4;
/** How near the pointer must be to a path to name its step. */
const NEAR = 14;

export class SurfaceMap implements Chart {
  private readonly stack: CanvasStack;
  private readonly trails: TrailLayer;
  private readonly contours: ContourPicture;
  private readonly hover: HoverTable;
  private scene: Scene | null = null;
  private drawnSignature = "";
  private groundKey = "";
  private sides: (number | undefined)[] = [];
  private pointer: { x: number; y: number } | null = null;

  constructor(
    host: HTMLElement,
    private readonly options: SurfaceMapOptions,
  ) {
    const { surface, grid } = options;
    this.contours = new ContourPicture(grid, surface.minimum, surface.log);
    this.stack = new CanvasStack(host, 3, () => this.draw());
    this.trails = new TrailLayer(this.stack, PATHS, { columns: ["x", "y"], line: 3, halo: 6 });
    this.hover = new HoverTable(this.stack.root);
    this.stack.root.classList.add("chart", "surface-map");
    this.stack.root.setAttribute("role", "img");
    this.stack.root.addEventListener("pointermove", (event) => this.point(event));
    this.stack.root.addEventListener("pointerleave", () => this.point(null));
  }

  update(scene: Scene): void {
    const now = signature(scene);
    if (now === this.drawnSignature) return;
    if (this.scene?.theme !== scene.theme) {
      this.stack.root.style.cssText = tokenVariables(scene.theme);
    }
    this.drawnSignature = now;
    this.scene = scene;
    this.draw();
  }

  destroy(): void {
    this.stack.destroy();
  }

  private draw(): void {
    const scene = this.scene;
    this.stack.fit();
    const { width, height, ratio } = this.stack;
    if (scene === null || width === 0 || height === 0) return;
    const sizeKey = `${width}×${height}@${ratio}`;
    if (this.groundKey !== sizeKey + scene.theme) {
      this.groundKey = sizeKey + scene.theme;
      this.contours.paint(this.stack.clear(GROUND), width, height, scene.theme);
    }
    const { start } = this.options;
    this.trails.update(scene, (x, y) => this.place(x, y), sizeKey, [start.x, start.y]);
    this.drawTop(scene);
    this.describe(scene);
    if (this.pointer !== null) this.showHover();
  }

  /** From the surface's units to pixels; far points just far enough out for the canvas. */
  private place(x: number, y: number): [number, number] {
    const { surface } = this.options;
    const u = (x - surface.x[0]) / (surface.x[1] - surface.x[0]);
    const v = (y - surface.y[0]) / (surface.y[1] - surface.y[0]);
    const near = (share: number) => Math.min(20, Math.max(-20, share));
    return [near(u) * this.stack.width, near(1 - v) * this.stack.height];
  }

  private drawTop(scene: Scene): void {
    const { width, height } = this.stack;
    const context = this.stack.clear(TOP);
    const tokens = TOKENS[scene.theme];
    const heads = headsOf(scene, this.trails, width, height);
    const [startX, startY] = this.place(this.options.start.x, this.options.start.y);
    this.drawPoints(context, scene);
    context.beginPath();
    context.arc(startX, startY, 5.5, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = tokens.ink;
    context.stroke();
    this.drawLabels(context, scene, heads, { x: startX, y: startY });
    const faded = (head: Head) => scene.lifted !== null && head.run.id !== scene.lifted;
    for (const head of heads) {
      context.globalAlpha = faded(head) ? 0.75 : 1;
      paintHead(context, head, scene, width < SMALL ? HEAD_RADIUS - 1.2 : HEAD_RADIUS);
    }
    context.globalAlpha = 1;
  }

  private drawPoints(context: CanvasRenderingContext2D, scene: Scene): void {
    const tokens = TOKENS[scene.theme];
    context.lineCap = "round";
    for (const point of this.options.surface.points) {
      const [x, y] = this.place(point.x, point.y);
      context.beginPath();
      if (point.kind === "saddle") {
        for (const s of [-1, 1]) {
          context.moveTo(x - 4.5, y - 4.5 * s);
          context.lineTo(x + 4.5, y + 4.5 * s);
        }
      } else {
        context.arc(x, y, point.kind === "minimum" ? 4 : 2.5, 0, 2 * Math.PI);
      }
      context.lineWidth = 3.5;
      context.strokeStyle = withAlpha(tokens.page, 0.55);
      context.stroke();
      context.lineWidth = 1.5;
      context.strokeStyle = tokens.ink;
      context.stroke();
    }
  }

  private drawLabels(
    context: CanvasRenderingContext2D,
    scene: Scene,
    heads: readonly Head[],
    start: { x: number; y: number },
  ): void {
    const { width, height } = this.stack;
    const tokens = TOKENS[scene.theme];
    const family = getComputedStyle(this.stack.root).fontFamily || "sans-serif";
    context.font = `12.5px ${family}`;
    context.textBaseline = "middle";
    const labels = this.words(start).map((word) => ({
      ...word,
      width: context.measureText(word.text).width,
    }));
    const obstacles = [
      ...heads.map((head) => around(head.x, head.y, HEAD_RADIUS + 2)),
      ...labels.map((label) => around(label.x, label.y, 5)),
    ];
    const spots = placeLabels(labels, obstacles, width, height, this.sides);
    this.sides = spots.map((spot, i) => spot?.side ?? this.sides[i]);
    context.lineJoin = "round";
    spots.forEach((spot, i) => {
      if (spot === null) return;
      const text = (labels[i] as Label).text;
      context.lineWidth = 3;
      context.strokeStyle = withAlpha(tokens.page, 0.7);
      context.strokeText(text, spot.x, spot.y);
      context.fillStyle = tokens.ink;
      context.fillText(text, spot.x, spot.y);
    });
  }

  private words(start: { x: number; y: number }): { text: string; x: number; y: number }[] {
    const { points } = this.options.surface;
    const few = (kind: string) => points.filter((p) => p.kind === kind).length <= MOST_WORDS;
    const named = points
      .filter((point) => few(point.kind))
      .map((point) => {
        const [x, y] = this.place(point.x, point.y);
        return { text: point.kind, x, y };
      });
    return [{ text: "start", ...start }, ...named];
  }

  private describe(scene: Scene): void {
    const runs = scene.runs.map((run) => run.name).join(", ");
    const label = `Map of f(x, y) = ${this.options.surface.formula} with the paths of ${runs || "no runs"}`;
    if (this.stack.root.getAttribute("aria-label") !== label) {
      this.stack.root.setAttribute("aria-label", label);
    }
  }

  private point(event: PointerEvent | null): void {
    if (event === null) {
      this.pointer = null;
      this.hover.hide();
      return;
    }
    const box = this.stack.root.getBoundingClientRect();
    this.pointer = { x: event.clientX - box.left, y: event.clientY - box.top };
    this.showHover();
  }

  private showHover(): void {
    const { pointer, scene } = this;
    if (pointer === null || scene === null) return;
    const { surface, grid } = this.options;
    const x = surface.x[0] + (pointer.x / this.stack.width) * (surface.x[1] - surface.x[0]);
    const y = surface.y[1] - (pointer.y / this.stack.height) * (surface.y[1] - surface.y[0]);
    const value = valueAt(grid, x, y, surface.minimum, surface.log);
    const near = scene.runs
      .map((run) => ({ run, ...this.trails.trail(run.id)?.nearest(pointer.x, pointer.y) }))
      .filter((n) => (n.distance ?? Infinity) <= NEAR)
      .sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0))
      .slice(0, 4);
    this.hover.show(
      {
        title: `f(${formatValue(x)}, ${formatValue(y)}) ≈ ${formatValue(value)}`,
        labels: [],
        rows: near.map(({ run, step }) => ({
          style: runStyle(run.slot, scene.theme),
          name: run.name,
          values: [`step ${formatStep(step ?? 0)}`],
          y: pointer.y,
        })),
        marks: [],
      },
      pointer.x,
      pointer.y,
    );
  }
}
