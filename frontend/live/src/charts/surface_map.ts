/** The surface from above with the paths of all runs moving on it. */

import { formatValue } from "../look/format.ts";
import { paintParts, partsOf, type Update } from "./arrows.ts";
import { ContourPicture, valueAt } from "./contours.ts";
import type { Figure } from "./figure.ts";
import { axisOf } from "./figure_axis.ts";
import { type Head, headsOf } from "./heads.ts";
import { around } from "./labels.ts";
import { GROUND, PathPicture, TOP } from "./path_picture.ts";
import { drawSign, named, SignWords } from "./surface_signs.ts";
import type { SurfaceMapOptions } from "./surface_view.ts";
import { SMALL } from "./trail_layer.ts";
import type { Scene } from "./types.ts";

const HEAD_RADIUS = 6.2;

export class SurfaceMap extends PathPicture {
  private contours: ContourPicture;
  private groundKey = "";
  private readonly words = new SignWords();
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
    const heads = headsOf(scene, this.trails, width, height);
    const { points } = this.options.surface;
    const at = ({ x, y }: { x: number; y: number }) => {
      const [px, py] = this.place(x, y);
      return { x: px, y: py };
    };
    for (const point of points) drawSign(context, point.kind, at(point), scene.theme);
    const start = at(this.options.start);
    drawSign(context, "start", start, scene.theme);
    const words = named(points).map((point) => ({ text: point.kind, ...at(point) }));
    const boxes = heads.map((head) => around(head.x, head.y, HEAD_RADIUS + 2));
    this.words.draw(
      context,
      [{ text: "start", ...start }, ...words],
      boxes,
      this.stack,
      scene.theme,
    );
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
}
