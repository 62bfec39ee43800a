/** Points of two classes over what a run says of every place in their plane. */

import { type Rgb, rgb, TOKENS, tokenVariables } from "../look/palette.ts";
import type { PointsView } from "../state/looks.ts";
import { CanvasStack } from "./canvas_stack.ts";
import { mixed } from "./sample_pixels.ts";
import type { Chart, Scene, ThemeName } from "./types.ts";

/** What the run takes for class 0 and for class 1: a pale and a deep tone of the map's blue. */
const GROUND: Record<ThemeName, [Rgb, Rgb]> = {
  light: [rgb("#ffffff"), rgb("#9fb0d8")],
  dark: [rgb("#151a23"), rgb("#46598f")],
};
const RADIUS = 2.6;

export class PointsPicture implements Chart {
  private readonly stack: CanvasStack;
  private readonly ground = document.createElement("canvas");
  private view: PointsView | null = null;
  private scene: Scene | null = null;
  private drawn: PointsView | null = null;
  private drawnLook = "";

  constructor(host: HTMLElement) {
    this.stack = new CanvasStack(host, 1, () => this.draw(true));
    this.stack.root.classList.add("chart");
    this.stack.root.setAttribute("role", "img");
    this.stack.root.setAttribute("aria-label", "held-out points");
  }

  show(view: PointsView | null): void {
    this.view = view;
    this.draw(false);
  }

  update(scene: Scene): void {
    if (this.scene?.theme !== scene.theme) {
      this.stack.root.style.cssText = tokenVariables(scene.theme);
    }
    this.scene = scene;
    this.draw(false);
  }

  destroy(): void {
    this.stack.destroy();
  }

  private draw(always: boolean): void {
    const { stack, view, scene } = this;
    stack.refit();
    if (scene === null || stack.width === 0) return;
    const look = `${scene.theme} ${stack.width}×${stack.height}@${stack.ratio}`;
    if (!always && view === this.drawn && look === this.drawnLook) return;
    [this.drawn, this.drawnLook] = [view, look];
    const context = stack.clear(0);
    if (view === null) return;
    const side = Math.min(stack.width, stack.height);
    const [left, top] = [(stack.width - side) / 2, (stack.height - side) / 2];
    this.paintGround(view, scene.theme);
    context.imageSmoothingEnabled = true;
    context.drawImage(this.ground, left, top, side, side);
    context.translate(left, top);
    paintPoints(context, view, side, scene.theme);
    context.strokeStyle = TOKENS[scene.theme].hairline;
    context.strokeRect(0.5, 0.5, side - 1, side - 1);
    this.describe(view);
  }

  private paintGround({ side, data }: PointsView, theme: ThemeName): void {
    this.ground.width = side;
    this.ground.height = side;
    const context = this.ground.getContext("2d");
    if (!context) return;
    const [low, high] = GROUND[theme];
    const image = context.createImageData(side, side);
    for (let i = 0; i < side * side; i++) {
      // The lowest y is the last row of a picture.
      const at = (side - 1 - Math.floor(i / side)) * side + (i % side);
      image.data.set([...mixed(low, high, (data[i] as number) / 255), 255], 4 * at);
    }
    context.putImageData(image, 0, 0);
  }

  private describe({ points, classes, right, total }: PointsView): void {
    const wrong = points.filter(([, , label, guess]) => label !== guess).length;
    const words = `${total} held-out points of ${classes.join(" and ")} over what the run takes each place for: ${right} right, ${wrong} wrong`;
    this.stack.root.setAttribute("aria-label", words);
  }
}

/** Class 1 is a disc, class 0 a ring, a wrong one a cross. */
function paintPoints(
  context: CanvasRenderingContext2D,
  { points, reach }: PointsView,
  side: number,
  theme: ThemeName,
): void {
  const { ink, page, warning } = TOKENS[theme];
  const at = (v: number) => ((v + reach) / (2 * reach)) * side;
  context.lineWidth = 1.2;
  for (const [x, y, label, guess] of points) {
    const [left, top] = [at(x), side - at(y)];
    context.beginPath();
    if (label !== guess) {
      const arm = RADIUS + 0.6;
      context.moveTo(left - arm, top - arm);
      context.lineTo(left + arm, top + arm);
      context.moveTo(left - arm, top + arm);
      context.lineTo(left + arm, top - arm);
      context.strokeStyle = warning;
      context.lineWidth = 2;
      context.stroke();
      context.lineWidth = 1.2;
      continue;
    }
    context.arc(left, top, RADIUS, 0, 2 * Math.PI);
    context.fillStyle = label === 1 ? ink : page;
    context.fill();
    context.strokeStyle = ink;
    context.stroke();
  }
}
