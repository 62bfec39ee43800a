/** Paths through parameter space, projected on two fixed directions; equal units on both axes. */

import { TOKENS, tokenVariables, withAlpha } from "../look/palette.ts";
import { niceStep, type Range } from "./axis.ts";
import { CanvasStack } from "./canvas_stack.ts";
import { groundOf } from "./ground.ts";
import { headsOf, paintHead } from "./heads.ts";
import { PlaneBounds } from "./plane_bounds.ts";
import { signature } from "./signature.ts";
import { TrailLayer } from "./trail_layer.ts";
import type { Chart, Scene } from "./types.ts";

export const TRAJECTORIES_NOTE = "two fixed random directions";

const GRID = 0;
const PATHS = 1;
const TOP = 2;

export class Trajectories implements Chart {
  private readonly stack: CanvasStack;
  private readonly trails: TrailLayer;
  private readonly bounds = new PlaneBounds("proj_x", "proj_y");
  private scene: Scene | null = null;
  private drawnSignature = "";
  private gridKey = "";

  constructor(host: HTMLElement) {
    this.stack = new CanvasStack(host, 3, () => this.draw());
    this.trails = new TrailLayer(this.stack, PATHS, {
      columns: ["proj_x", "proj_y"],
      line: 2.4,
      halo: 4.5,
    });
    this.stack.root.classList.add("chart", "trajectories");
    this.stack.root.setAttribute("role", "img");
  }

  update(scene: Scene): void {
    const now = signature(scene);
    if (now === this.drawnSignature) return;
    if (this.scene?.theme !== scene.theme) {
      this.stack.root.style.cssText = tokenVariables(scene.theme);
    }
    const names = scene.runs.map((run) => run.name).join(", ") || "no runs";
    const label = `Paths of ${names} through parameter space, projected on ${TRAJECTORIES_NOTE}`;
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

  private draw(): void {
    const scene = this.scene;
    this.stack.fit();
    const { width, height, ratio } = this.stack;
    if (scene === null || width === 0 || height === 0) return;
    const view = this.bounds.view(scene, width, height);
    const place = (x: number, y: number): [number, number] => [
      (x - view.x[0]) * view.scale,
      height - (y - view.y[0]) * view.scale,
    ];
    const key = [width, height, ratio, view.x[0], view.y[0], view.scale].join();
    if (this.gridKey !== key + scene.theme) {
      this.gridKey = key + scene.theme;
      this.drawGrid(scene, view, place);
    }
    this.trails.update(scene, place, key, [0, 0]);
    const ground = groundOf(this.stack.root, TOKENS[scene.theme].page);
    const context = this.stack.clear(TOP);
    const [x, y] = place(0, 0);
    context.beginPath();
    context.arc(x, y, 4, 0, 2 * Math.PI);
    context.lineWidth = 1.6;
    context.strokeStyle = TOKENS[scene.theme].ink;
    context.stroke();
    for (const head of headsOf(scene, this.trails, width, height)) {
      context.globalAlpha = scene.lifted === null || head.run.id === scene.lifted ? 1 : 0.75;
      paintHead(context, head, scene, 4.2, ground);
    }
    context.globalAlpha = 1;
  }

  /** A faint grid, the same step both ways, so that equal units can be seen. */
  private drawGrid(
    scene: Scene,
    view: { x: Range; y: Range; scale: number },
    place: (x: number, y: number) => [number, number],
  ): void {
    const { width, height } = this.stack;
    const context = this.stack.clear(GRID);
    const step = niceStep(44 / view.scale);
    const tokens = TOKENS[scene.theme];
    context.lineWidth = 1;
    const line = (zero: boolean, x0: number, y0: number, x1: number, y1: number) => {
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
      context.strokeStyle = zero ? withAlpha(tokens.faint, 0.6) : tokens.hairline;
      context.stroke();
    };
    for (let k = Math.ceil(view.x[0] / step); k * step <= view.x[1]; k++) {
      const x = Math.round(place(k * step, 0)[0]) + 0.5;
      line(k === 0, x, 0, x, height);
    }
    for (let k = Math.ceil(view.y[0] / step); k * step <= view.y[1]; k++) {
      const y = Math.round(place(0, k * step)[1]) + 0.5;
      line(k === 0, 0, y, width, y);
    }
  }
}
