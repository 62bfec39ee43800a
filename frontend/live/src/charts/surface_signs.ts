/** What a surface's start, minima and saddles look like and are called, from above and from the side. */

import { TOKENS, withAlpha } from "../look/palette.ts";
import { type Box, type Label, placeLabels } from "./labels.ts";
import type { SurfaceView } from "./surface_view.ts";
import type { ThemeName } from "./types.ts";

type Kind = SurfaceView["points"][number]["kind"] | "start";

/** More points of a kind than this get their sign, but no word. */
const MOST_WORDS = 4;
const RADII: Record<Kind, number> = { start: 5.5, minimum: 4, "local minimum": 2.5, saddle: 4.5 };

/** A ring, or a cross for a saddle. */
export function drawSign(
  context: CanvasRenderingContext2D,
  kind: Kind,
  { x, y }: { x: number; y: number },
  theme: ThemeName,
): void {
  const tokens = TOKENS[theme];
  const radius = RADII[kind];
  context.lineCap = "round";
  context.beginPath();
  if (kind === "saddle") {
    for (const s of [-1, 1]) {
      context.moveTo(x - radius, y - radius * s);
      context.lineTo(x + radius, y + radius * s);
    }
  } else {
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
  if (kind !== "start") {
    context.lineWidth = 3.5;
    context.strokeStyle = withAlpha(tokens.page, 0.55);
    context.stroke();
  }
  context.lineWidth = kind === "start" ? 2 : 1.5;
  context.strokeStyle = tokens.ink;
  context.stroke();
}

/** Points that are told by name: all of a kind, or none where they are many. */
export function named(points: SurfaceView["points"]): SurfaceView["points"] {
  return points.filter(
    ({ kind }) => points.filter((other) => other.kind === kind).length <= MOST_WORDS,
  );
}

export interface Word {
  text: string;
  x: number;
  y: number;
}

/** Words beside their points, on the side that they had before while it is free. */
export class SignWords {
  private sides: (number | undefined)[] = [];

  draw(
    context: CanvasRenderingContext2D,
    words: readonly Word[],
    heads: readonly Box[],
    on: { root: Element; width: number; height: number },
    theme: ThemeName,
  ): void {
    const tokens = TOKENS[theme];
    const family = getComputedStyle(on.root).fontFamily || "sans-serif";
    context.font = `12.5px ${family}`;
    context.textBaseline = "middle";
    const labels = words.map((word) => ({
      ...word,
      width: context.measureText(word.text).width,
    }));
    const signs = labels.map(({ x, y }) => ({
      left: x - 5,
      top: y - 5,
      right: x + 5,
      bottom: y + 5,
    }));
    const spots = placeLabels(labels, [...heads, ...signs], on.width, on.height, this.sides);
    this.sides = spots.map((spot, i) => spot?.side ?? this.sides[i]);
    context.lineJoin = "round";
    spots.forEach((spot, i) => {
      if (spot === null) return;
      const { text } = labels[i] as Label;
      context.lineWidth = 3;
      context.strokeStyle = withAlpha(tokens.page, 0.7);
      context.strokeText(text, spot.x, spot.y);
      context.fillStyle = tokens.ink;
      context.fillText(text, spot.x, spot.y);
    });
  }
}
