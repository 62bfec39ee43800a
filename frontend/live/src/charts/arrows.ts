/** The two parts of an update at a run's head: what was kept in its colour, what was dropped dashed. */

import { runStyle, TOKENS, withAlpha } from "../look/palette.ts";
import type { Head } from "./heads.ts";
import type { ThemeName } from "./types.ts";

/** What a step would have been without a mask, in the plane's units. */
export interface Update {
  full: readonly [number, number];
  kept: readonly [boolean, boolean];
}

/** A part of an update in pixels, from the head. */
export interface Part {
  x: number;
  y: number;
  kept: boolean;
}

/** Pixels of the longest part of all runs, and of the shortest that is drawn. */
export const LONGEST = 46;
export const SHORTEST = 12;

/** Parts by run, all longer by the same factor, so that the longest can be seen. */
export function partsOf(
  updates: Readonly<Record<string, Update>>,
  unit: readonly [number, number],
): Map<string, Part[]> {
  const lengths = Object.values(updates).flatMap(({ full }) =>
    full.map((part, i) => Math.abs(part * (unit[i] as number))),
  );
  const longest = Math.max(...lengths, 0);
  const found = new Map<string, Part[]>();
  if (!(longest > 0) || !Number.isFinite(longest)) return found;
  for (const [run, { full, kept }] of Object.entries(updates)) {
    const parts = full.map((part, i) => {
      const size = (Math.abs(part * (unit[i] as number)) / longest) * LONGEST;
      const length = part === 0 ? 0 : Math.sign(part) * Math.max(SHORTEST, size);
      // Up on the screen is down in pixels.
      return { x: i === 0 ? length : 0, y: i === 1 ? -length : 0, kept: kept[i] as boolean };
    });
    found.set(
      run,
      parts.filter(({ x, y }) => x !== 0 || y !== 0),
    );
  }
  return found;
}

export function paintParts(
  context: CanvasRenderingContext2D,
  head: Head,
  parts: readonly Part[],
  theme: ThemeName,
): void {
  const tokens = TOKENS[theme];
  // What was kept lies on top.
  for (const part of [...parts].sort((a, b) => Number(a.kept) - Number(b.kept))) {
    const [x, y] = [head.x + part.x, head.y + part.y];
    const size = Math.hypot(part.x, part.y);
    const [ux, uy] = [part.x / size, part.y / size];
    const tip = new Path2D();
    tip.moveTo(x - 6 * ux - 4 * uy, y - 6 * uy + 4 * ux);
    tip.lineTo(x, y);
    tip.lineTo(x - 6 * ux + 4 * uy, y - 6 * uy - 4 * ux);
    const line = new Path2D();
    line.moveTo(head.x, head.y);
    line.lineTo(x, y);
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = 5;
    context.strokeStyle = withAlpha(tokens.page, 0.75);
    context.stroke(line);
    context.stroke(tip);
    context.lineWidth = 2.2;
    context.strokeStyle = part.kept ? runStyle(head.run.slot, theme).color : tokens.muted;
    context.stroke(tip);
    if (!part.kept) context.setLineDash([3, 4]);
    context.stroke(line);
    context.setLineDash([]);
  }
}

/** Shorter than this an arrow has no direction. */
const TOO_SHORT = 5;

/**
 * Parts on a ground that is seen from the side: turned and shortened as its axes are.
 *
 * @param axes where a pixel along the ground's x and y leads in the picture
 */
export function tilted(
  parts: readonly Part[],
  axes: { x: readonly [number, number]; y: readonly [number, number] },
): Part[] {
  return parts.flatMap((part) => {
    const [x, y] = [0, 1].map(
      (k) => part.x * (axes.x[k] as number) - part.y * (axes.y[k] as number),
    ) as [number, number];
    const size = Math.hypot(x, y);
    if (!(size >= TOO_SHORT)) return [];
    const share = Math.min(1, LONGEST / size);
    return [{ x: x * share, y: y * share, kept: part.kept }];
  });
}
