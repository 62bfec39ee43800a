/** Where the heads of runs stand on a picture, those outside of it at its edge. */

import { drawCross, drawGlyph } from "../look/glyphs.ts";
import { runStyle, TOKENS } from "../look/palette.ts";
import { ordered, type TrailLayer } from "./trail_layer.ts";
import type { RunView, Scene } from "./types.ts";

export interface Head {
  run: RunView;
  x: number;
  y: number;
  step: number;
  diverged: boolean;
  /** Direction (radians) in which the head lies outside of the picture; null inside. */
  outside: number | null;
}

const INSET = 14;

/** Heads in drawing order. */
export function headsOf(scene: Scene, trails: TrailLayer, width: number, height: number): Head[] {
  const now = scene.cursor ?? scene.head;
  return ordered(scene).flatMap((run) => {
    const head = trails.trail(run.id)?.head;
    if (head === null || head === undefined) return [];
    const diverged = run.divergedStep !== null && run.divergedStep <= now;
    return [{ run, step: head.step, diverged, ...toEdge(head.x, head.y, width, height) }];
  });
}

/** A point itself, or the nearest one inside the picture's edge and the way from there. */
export function toEdge(
  x: number,
  y: number,
  width: number,
  height: number,
): { x: number; y: number; outside: number | null } {
  if (x >= 0 && x <= width && y >= 0 && y <= height) return { x, y, outside: null };
  const inX = Math.min(Math.max(x, INSET), width - INSET);
  const inY = Math.min(Math.max(y, INSET), height - INSET);
  return { x: inX, y: inY, outside: Math.atan2(y - inY, x - inX) };
}

export function paintHead(
  context: CanvasRenderingContext2D,
  head: Head,
  scene: Scene,
  radius: number,
  ground = TOKENS[scene.theme].page,
): void {
  const style = runStyle(head.run.slot, scene.theme);
  const lifted = head.run.id === scene.lifted;
  if (head.outside !== null) {
    context.save();
    context.translate(head.x, head.y);
    context.rotate(head.outside);
    context.beginPath();
    context.moveTo(radius + 1.5, -3.5);
    context.lineTo(radius + 5.5, 0);
    context.lineTo(radius + 1.5, 3.5);
    context.lineWidth = 2;
    context.lineCap = "round";
    context.strokeStyle = style.color;
    context.stroke();
    context.restore();
  }
  const size = (head.outside === null ? radius : radius * 0.75) + (lifted ? 1 : 0);
  if (head.diverged) drawCross(context, style.color, head.x, head.y, size, ground);
  else drawGlyph(context, style, head.x, head.y, size, ground);
}
