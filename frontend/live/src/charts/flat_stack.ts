/** The layers of a picture as one context, to draw it elsewhere than on the screen. */

import type { CanvasStack } from "./canvas_stack.ts";

export type Layers = Pick<
  CanvasStack,
  "root" | "width" | "height" | "ratio" | "unit" | "layer" | "clear" | "fade" | "refit" | "destroy"
>;

/** What is drawn on any layer comes above what is there: pictures draw the lowest layer first. */
export function flatStack(
  of: Pick<Layers, "root" | "width" | "height" | "unit">,
  context: CanvasRenderingContext2D,
): Layers {
  return {
    root: of.root,
    width: of.width,
    height: of.height,
    ratio: 1,
    unit: of.unit,
    layer: () => context,
    clear: () => context,
    fade: (_, opacity) => opacity,
    refit: () => undefined,
    destroy: () => undefined,
  };
}
