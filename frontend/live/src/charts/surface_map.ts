/** The surface from above with the paths of all runs moving on it. */

import { formatValue } from "../look/format.ts";
import { TOKENS, withAlpha } from "../look/palette.ts";
import { paintParts, partsOf, type Update } from "./arrows.ts";
import { ContourPicture, type Grid, valueAt } from "./contours.ts";
import type { Figure } from "./figure.ts";
import { axisOf } from "./figure_axis.ts";
import { type Head, headsOf } from "./heads.ts";
import { around, type Label, placeLabels } from "./labels.ts";
import { GROUND, PathPicture, TOP } from "./path_picture.ts";
import { SMALL } from "./trail_layer.ts";
import type { Scene } from "./types.ts";

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
  /** Another surface than the one that trains: paths would lie wrong on it. */
  bare?: boolean;
}

const HEAD_RADIUS = 6.2;
/** More points of a kind than this get their sign, but no word. */
const MOST_WORDS = 4;

export class SurfaceMap extends PathPicture {
  private contours: ContourPicture;
  private groundKey = "";
  private sides: (number | undefined)[] = [];
  private drawings = 0;
  private updates: { step: number; runs: Record<string, Update> } | null = null;

  constructor(
    host: HTMLElement,
    private options: SurfaceMapOptions,
  ) {
    super(host, { name: "surface-map", columns: ["x", "y"], line: 3, halo: 6, near: 14 });
    const { surface, grid } = options;
    this.contours = new ContourPicture(grid, surface.minimum, surface.log);
  }

  /** Draws another surface from now on, or the same from another start. */
  show(options: SurfaceMapOptions): void {
    if (options === this.options) return;
    const { surface, grid } = options;
    if (grid !== this.options.grid) {
      this.contours = new ContourPicture(grid, surface.minimum, surface.log);
    }
    this.options = options;
    this.drawings += 1;
    this.invalidate();
  }

  /** The parts of the newest update of every run, for as long as that is the newest. */
  showUpdates(updates: { step: number; runs: Record<string, Update> } | null): void {
    if (updates === this.updates) return;
    this.updates = updates;
    this.invalidate();
  }

  /** The place under a pixel, in the surface's units. */
  placeAt(px: number, py: number): { x: number; y: number } {
    const { x, y } = this.options.surface;
    const { width, height } = this.stack;
    return { x: x[0] + (px / width) * (x[1] - x[0]), y: y[1] - (py / height) * (y[1] - y[0]) };
  }

  protected paint(scene: Scene): void {
    const { width, height, ratio } = this.stack;
    const sizeKey = `${width}×${height}@${ratio}/${this.drawings}`;
    if (this.groundKey !== sizeKey + scene.theme) {
      this.groundKey = sizeKey + scene.theme;
      this.contours.paint(this.stack.clear(GROUND), width, height, scene.theme);
    }
    const { start } = this.options;
    const shown = this.options.bare ? { ...scene, runs: [] } : scene;
    this.trails.update(shown, (x, y) => this.place(x, y), sizeKey, [start.x, start.y]);
    this.drawTop(shown);
  }

  protected held(): () => () => void {
    const { options, contours, updates } = this;
    return () => {
      const newest = { options: this.options, contours: this.contours, updates: this.updates };
      Object.assign(this, { options, contours, updates });
      return () => Object.assign(this, newest);
    };
  }

  protected framed(): Pick<Figure, "title" | "x" | "y"> {
    const { formula, x, y } = this.options.surface;
    const { width, height } = this.stack;
    return {
      title: `f(x, y) = ${formula}`,
      x: axisOf("x", x, width, false),
      y: axisOf("y", y, height, true),
    };
  }

  protected forget(): void {
    this.groundKey = "";
  }

  protected describe(names: string): string {
    return `Map of f(x, y) = ${this.options.surface.formula} with the paths of ${names}`;
  }

  protected titleAt(px: number, py: number): string {
    const { surface, grid } = this.options;
    const { x, y } = this.placeAt(px, py);
    const value = valueAt(grid, x, y, surface.minimum, surface.log);
    return `f(${formatValue(x)}, ${formatValue(y)}) ≈ ${formatValue(value)}`;
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
    this.trails.paintTails(context, scene);
    this.drawPoints(context, scene);
    context.beginPath();
    context.arc(startX, startY, 5.5, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = tokens.ink;
    context.stroke();
    this.drawLabels(context, scene, heads, { x: startX, y: startY });
    const radius = width < SMALL ? HEAD_RADIUS - 1.2 : HEAD_RADIUS;
    this.drawUpdates(context, scene, heads);
    this.paintHeads(context, scene, heads, radius);
  }

  private drawUpdates(
    context: CanvasRenderingContext2D,
    scene: Scene,
    heads: readonly Head[],
  ): void {
    if (this.updates === null || scene.cursor !== null) return;
    const { step, runs } = this.updates;
    const { x, y } = this.options.surface;
    const { width, height } = this.stack;
    const parts = partsOf(runs, [width / (x[1] - x[0]), height / (y[1] - y[0])]);
    for (const head of heads) {
      if (head.step !== step || head.outside !== null) continue;
      paintParts(context, head, parts.get(head.run.id) ?? [], scene.theme);
    }
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
}
