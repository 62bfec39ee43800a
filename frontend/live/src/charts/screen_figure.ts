/** What a picture shows on the screen, where it has no drawing of its own for paper. */

import { TOKENS } from "../look/palette.ts";
import type { Exported } from "./figure.ts";
import { groundOf } from "./ground.ts";
import type { Scene } from "./types.ts";

export function screenExport(host: HTMLElement, scene: Scene, title: string): Exported | null {
  const canvases = [...host.querySelectorAll("canvas")].filter((canvas) => canvas.width > 0);
  const box = host.getBoundingClientRect();
  if (canvases.length === 0 || box.width === 0) return null;
  return {
    figure: {
      title,
      width: box.width,
      height: box.height,
      theme: scene.theme,
      ground: groundOf(host, TOKENS[scene.theme].page),
      runs: scene.runs,
      paint: (context) => {
        for (const canvas of canvases) {
          const { left, top, width, height } = canvas.getBoundingClientRect();
          context.drawImage(canvas, left - box.left, top - box.top, width, height);
        }
      },
    },
    data: null,
  };
}
