/** The surface as a relief that can be turned, with the paths of all runs on it. */

import { formatStep, formatValue } from "../look/format.ts";
import { mapRamp, type Rgb, runStyle, TOKENS, tokenVariables } from "../look/palette.ts";
import { CanvasStack } from "./canvas_stack.ts";
import { BANDS } from "./contours.ts";
import type { Exported } from "./figure.ts";
import { flatStack } from "./flat_stack.ts";
import { groundOf } from "./ground.ts";
import { HoverTable } from "./hover.ts";
import { type Camera, Relief } from "./relief.ts";
import { GROUND, ReliefPainter, type ReliefView } from "./relief_paint.ts";
import { valueAtStep } from "./relief_path.ts";
import { signature } from "./signature.ts";
import type { SurfaceMapOptions } from "./surface_view.ts";
import { CAMERA, dragged, turnedBy } from "./turning.ts";
import type { Chart, Scene, ThemeName } from "./types.ts";

/** How near the pointer must be to a path to read it, in pixels. */
const NEAR = 14;
/** Runs that the table beside the pointer names at most. */
const MOST_NEAR = 4;
/** A saved relief has so many times the screen's pixels. */
const FINER = 2;

export class Surface3D implements Chart {
  private readonly stack: CanvasStack;
  private readonly hover: HoverTable;
  private view: ReliefView;
  private camera: Camera = { ...CAMERA };
  private scene: Scene | null = null;
  private readonly painter = new ReliefPainter();
  private drawn = "";
  private ground = "";
  private drag: { x: number; y: number } | null = null;
  private pointer: { x: number; y: number } | null = null;
  private frame = 0;
  private reliefs = 0;
  private shows = 0;
  private readonly scratch = document.createElement("canvas");

  constructor(host: HTMLElement, options: SurfaceMapOptions) {
    this.stack = new CanvasStack(host, 4, () => this.paint());
    this.view = { relief: reliefOf(options), options, updates: null };
    const { root } = this.stack;
    this.hover = new HoverTable(root);
    root.classList.add("chart", "surface-3d");
    root.setAttribute("role", "img");
    root.setAttribute("aria-label", "relief");
    root.tabIndex = 0;
    root.addEventListener("pointerdown", (event) => {
      root.setPointerCapture(event.pointerId);
      this.drag = { x: event.clientX, y: event.clientY };
      this.point(null);
    });
    root.addEventListener("pointermove", (event) => this.moved(event));
    root.addEventListener("pointerleave", () => this.point(null));
    for (const end of ["pointerup", "pointercancel"] as const) {
      root.addEventListener(end, () => {
        this.drag = null;
      });
    }
    root.addEventListener("keydown", (event) => this.pressed(event));
  }

  /** Draws another surface from now on, or the same from another start. */
  show(options: SurfaceMapOptions): void {
    if (options === this.view.options) return;
    const same = options.grid === this.view.options.grid;
    if (!same) this.reliefs += 1;
    this.shows += 1;
    this.view = { ...this.view, options, relief: same ? this.view.relief : reliefOf(options) };
    this.drawn = "";
  }

  /** The parts of the newest update of every run, for as long as that is the newest. */
  showUpdates(updates: ReliefView["updates"]): void {
    if (updates === this.view.updates) return;
    this.view = { ...this.view, updates };
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
    const { formula } = this.view.options.surface;
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

  exported(): Exported | null {
    const { scene } = this;
    const { root, unit } = this.stack;
    if (scene === null || this.stack.width === 0) return null;
    const [width, height] = this.size();
    // What is shown now, for as long as it is drawn: the screen's may be turned meanwhile.
    const { options } = this.view;
    const view = { ...this.view, relief: reliefOf(options) };
    const camera = { ...this.camera };
    let ground: HTMLCanvasElement | null = null;
    return {
      figure: {
        title: `f(x, y) = ${options.surface.formula}`,
        width,
        height,
        theme: scene.theme,
        ground: groundOf(root, TOKENS[scene.theme].page),
        runs: scene.runs,
        paint: (context, cursor = scene.cursor) => {
          if (ground === null) {
            ground = document.createElement("canvas");
            [ground.width, ground.height] = [width * FINER, height * FINER];
            paintGround(ground, view.relief, camera, scene.theme);
            view.relief.look(width, height, camera, FINER);
          }
          context.drawImage(ground, 0, 0, width, height);
          const flat = flatStack({ root, unit, width, height }, context);
          new ReliefPainter().paint(flat, view, "", { ...scene, cursor });
        },
      },
      data: {
        kind: "stored",
        columns: ["x", "y"],
        runs: scene.runs.map((run) => run.id),
        first: 1,
        last: Math.max(1, scene.cursor ?? scene.head),
      },
      moves: true,
    };
  }

  private moved(event: PointerEvent): void {
    if (this.drag === null) {
      this.point(event);
      return;
    }
    this.turn(dragged(this.camera, event.clientX - this.drag.x, event.clientY - this.drag.y));
    this.drag = { x: event.clientX, y: event.clientY };
  }

  private pressed(event: KeyboardEvent): void {
    const turned = turnedBy(this.camera, event.key);
    if (turned === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.turn(turned);
  }

  private turn(camera: Camera): void {
    this.camera = camera;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  private size(): [number, number] {
    return [Math.round(this.stack.width), Math.round(this.stack.height)];
  }

  private paint(): void {
    const { scene, stack, view, camera } = this;
    stack.refit();
    if (scene === null || stack.width === 0 || stack.height === 0) return;
    const [width, height] = this.size();
    const { turn, tilt } = camera;
    const key = [width, height, stack.ratio, turn, tilt, scene.theme, this.reliefs].join();
    if (key !== this.ground) {
      this.ground = key;
      const { scratch } = this;
      [scratch.width, scratch.height] = [width, height];
      paintGround(scratch, view.relief, camera, scene.theme);
      stack.clear(GROUND).drawImage(scratch, 0, 0, width, height);
    }
    this.painter.paint(stack, view, `${key}/${this.shows}`, scene);
    stack.root.dataset.turn = turn.toFixed(3);
    this.showHover();
  }

  private point(event: PointerEvent | null): void {
    const box = this.stack.root.getBoundingClientRect();
    const { unit } = this.stack;
    this.pointer = event && {
      x: (event.clientX - box.left) / unit,
      y: (event.clientY - box.top) / unit,
    };
    this.showHover();
  }

  /** Runs whose path passes near the pointer, with the step and the loss that they had there. */
  private showHover(): void {
    const { pointer, scene } = this;
    if (pointer === null || scene === null) {
      this.hover.hide();
      return;
    }
    const { x, y } = pointer;
    const near = scene.runs
      .flatMap((run) => {
        const found = this.painter.paths.get(run.id)?.nearest(x, y);
        return found && found.distance <= NEAR ? [{ run, ...found }] : [];
      })
      .sort((a, b) => a.distance - b.distance)
      .slice(0, MOST_NEAR);
    if (near.length === 0) {
      this.hover.hide();
      return;
    }
    const rows = near.map(({ run, step }) => {
      const loss = valueAtStep(scene.rows.column(run.id, "loss"), step);
      return {
        style: runStyle(run.slot, scene.theme),
        name: run.name,
        values: [formatStep(step), Number.isNaN(loss) ? "" : formatValue(loss)],
        y,
      };
    });
    this.hover.show({ title: "", labels: ["step", "loss"], rows, marks: [] }, x, y);
  }
}

const reliefOf = ({ surface, grid }: SurfaceMapOptions): Relief =>
  new Relief(grid, surface.minimum, surface.log);

/** The surface without what lies on it. */
function paintGround(
  picture: HTMLCanvasElement,
  relief: Relief,
  camera: Camera,
  theme: ThemeName,
): void {
  const colors = mapRamp(theme, BANDS).map((text) => text.match(/\d+/g)?.map(Number) as Rgb);
  const image = relief.paint(picture.width, picture.height, camera, colors);
  picture.getContext("2d")?.putImageData(image, 0, 0);
}
