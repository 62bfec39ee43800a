/** What pictures of paths share: layers, trails, the pointer with its table, drawing when it changes. */

import { formatStep } from "../look/format.ts";
import { runStyle, TOKENS, tokenVariables } from "../look/palette.ts";
import { CanvasStack } from "./canvas_stack.ts";
import type { Exported, Figure, StoredData } from "./figure.ts";
import { flatStack, type Layers } from "./flat_stack.ts";
import { groundOf } from "./ground.ts";
import { type Head, paintHead } from "./heads.ts";
import { HoverTable } from "./hover.ts";
import { signature } from "./signature.ts";
import { TrailLayer } from "./trail_layer.ts";
import type { Chart, Scene } from "./types.ts";

/** Layers, lowest first. */
export const GROUND = 0;
export const PATHS = 1;
export const TAILS = 2;
export const TOP = 3;
/** Runs that the table beside the pointer names at most. */
const MOST_NEAR = 4;

interface PathOptions {
  /** Names the picture in style sheets. */
  name: string;
  /** Columns of the places, widths of a trail's line and halo in pixels. */
  columns: readonly [string, string];
  line: number;
  halo: number;
  /** How near the pointer must be to a path to name its step, in pixels. */
  near: number;
}

export abstract class PathPicture implements Chart {
  protected stack: Layers;
  protected trails: TrailLayer;
  protected scene: Scene | null = null;
  private readonly hover: HoverTable;
  private drawnSignature = "";
  private pointer: { x: number; y: number } | null = null;
  /** Told of a click, in the picture's pixels, and whether Shift was down. */
  onPick: ((x: number, y: number, shift: boolean) => void) | null = null;

  constructor(
    host: HTMLElement,
    private readonly paths: PathOptions,
  ) {
    this.stack = new CanvasStack(host, 4, () => this.draw());
    this.trails = new TrailLayer(this.stack, [PATHS, TAILS], paths);
    const { root } = this.stack;
    this.hover = new HoverTable(root);
    root.classList.add("chart", paths.name);
    root.setAttribute("role", "img");
    // It has a name before it is first drawn.
    root.setAttribute("aria-label", paths.name.replaceAll("-", " "));
    root.addEventListener("pointermove", (event) => this.point(event));
    root.addEventListener("pointerleave", () => this.point(null));
    root.addEventListener("click", (event) => {
      const { x, y } = this.pixelOf(event);
      this.onPick?.(x, y, event.shiftKey);
    });
  }

  update(scene: Scene): void {
    const now = signature(scene);
    if (now === this.drawnSignature) return;
    if (this.scene?.theme !== scene.theme) {
      this.stack.root.style.cssText = tokenVariables(scene.theme);
    }
    const label = this.describe(scene.runs.map((run) => run.name).join(", ") || "no runs");
    if (this.stack.root.getAttribute("aria-label") !== label) {
      this.stack.root.setAttribute("aria-label", label);
    }
    this.drawnSignature = now;
    this.scene = scene;
    this.draw();
  }

  destroy(): void {
    this.stack.destroy();
  }

  exported(): Exported | null {
    const { scene } = this;
    const { width, height, root } = this.stack;
    if (scene === null || width === 0) return null;
    const held = this.held();
    const figure: Figure = {
      width,
      height,
      theme: scene.theme,
      ground: groundOf(root, TOKENS[scene.theme].page),
      runs: scene.runs,
      ...this.framed(),
      // Training goes on between the frames of a recording: all show the same part of the same picture.
      paint: (context, cursor = scene.cursor) => {
        const newest = held();
        try {
          this.paintOn(context, { ...scene, cursor }, width, height);
        } finally {
          newest();
        }
      },
    };
    const data = {
      kind: "stored" as const,
      columns: [...this.paths.columns],
      runs: scene.runs.map((run) => run.id),
      first: 1,
      last: Math.max(1, scene.cursor ?? scene.head),
    };
    return { figure, data: this.rowsOf(data), moves: this.showsPaths };
  }

  /**
   * Keeps what is shown now besides the rows. The function given shows that again, for drawings that
   * come later; what it gives goes back to the newest.
   */
  protected abstract held(): () => () => void;

  /** Title and axes of the picture where it is saved. */
  protected abstract framed(): Pick<Figure, "title" | "note" | "x" | "y">;

  /** What its places are made of. */
  protected rowsOf(data: StoredData): Exported["data"] {
    return data;
  }

  /** What was drawn is on another screen: the next drawing draws all. */
  protected abstract forget(): void;

  /** All layers on a context that is not the screen's. */
  private paintOn(
    context: CanvasRenderingContext2D,
    scene: Scene,
    width: number,
    height: number,
  ): void {
    const { stack, trails } = this;
    this.stack = flatStack({ root: stack.root, unit: stack.unit, width, height }, context);
    this.trails = new TrailLayer(this.stack, [PATHS, TAILS], this.paths);
    this.forget();
    try {
      this.paint(scene);
    } finally {
      [this.stack, this.trails] = [stack, trails];
      this.forget();
      this.invalidate();
    }
  }

  /** The picture in words, for those who do not see it. */
  protected abstract describe(names: string): string;

  /** Draws all layers; the stack has the host's size. */
  protected abstract paint(scene: Scene): void;

  /** What is under a pixel, in words; empty for nothing. */
  protected abstract titleAt(x: number, y: number): string;

  /** Whether trails are there to be pointed at. */
  protected get showsPaths(): boolean {
    return true;
  }

  protected draw(): void {
    const { scene, stack } = this;
    stack.refit();
    if (scene === null || stack.width === 0 || stack.height === 0) return;
    this.paint(scene);
    this.showHover();
  }

  /** Heads in their order; those of other runs weaker while one is lifted. */
  protected paintHeads(
    context: CanvasRenderingContext2D,
    scene: Scene,
    heads: readonly Head[],
    radius: number,
    ground?: string,
  ): void {
    for (const head of heads) {
      const faded = scene.lifted !== null && head.run.id !== scene.lifted;
      context.globalAlpha = faded ? 0.75 : 1;
      paintHead(context, head, scene, radius, ground);
    }
    context.globalAlpha = 1;
  }

  /** The next update draws, whether or not the scene changes. */
  protected invalidate(): void {
    this.drawnSignature = "";
  }

  private point(event: PointerEvent | null): void {
    if (event === null) {
      this.pointer = null;
      this.hover.hide();
      return;
    }
    this.pointer = this.pixelOf(event);
    this.showHover();
  }

  private pixelOf(event: MouseEvent): { x: number; y: number } {
    const box = this.stack.root.getBoundingClientRect();
    const { unit } = this.stack;
    return { x: (event.clientX - box.left) / unit, y: (event.clientY - box.top) / unit };
  }

  private showHover(): void {
    const { pointer, scene } = this;
    if (pointer === null || scene === null) return;
    const { x, y } = pointer;
    const title = this.titleAt(x, y);
    const near = this.showsPaths ? this.near(scene, x, y) : [];
    if (near.length === 0 && title === "") {
      this.hover.hide();
      return;
    }
    const rows = near.map(({ run, step }) => ({
      style: runStyle(run.slot, scene.theme),
      name: run.name,
      values: [`step ${formatStep(step ?? 0)}`],
      y,
    }));
    this.hover.show({ title, labels: [], rows, marks: [] }, x, y);
  }

  /** Runs whose path passes near a pixel, the nearest first, with the step that they made there. */
  private near(scene: Scene, x: number, y: number) {
    return scene.runs
      .map((run) => ({ run, ...this.trails.trail(run.id)?.nearest(x, y) }))
      .filter((one) => (one.distance ?? Number.POSITIVE_INFINITY) <= this.paths.near)
      .sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0))
      .slice(0, MOST_NEAR);
  }
}
