/** How a path fades: its newest part is strong, older parts weaken to what can still be followed. */

import { type RunStyle, TOKENS, withAlpha } from "../look/palette.ts";
import type { ThemeName } from "./types.ts";

/** How strong the part of a path is that lies far behind its head. */
export const FLOOR = 0.5;
/** How strong other paths are while one is lifted above them. */
export const ASIDE = 0.4;
/** Share of a picture's smaller side along which a path fades. */
const SHARE = 0.5;
/** Strokes that lie on top of each other, each one nearer to the head. */
const STROKES = 5;
/** Paths of more runs than this are strong from end to end: tails would cover each other. */
const MOST = 6;
/** Dashes take long to draw. */
const DASHED = 3;
/** How strong the halo behind a tail is. */
const HALO = 0.6;

export interface Stroke {
  /** Where it begins, in pixels along the path before its end. */
  back: number;
  /** How opaque it is. */
  alpha: number;
}

/** Strokes that together grow from nothing to opaque by equal amounts, the longest first. */
export function strokesOf(length: number, dashed: boolean): Stroke[] {
  const count = dashed ? DASHED : STROKES;
  return Array.from({ length: count }, (_, k) => ({
    back: (length * (count - k)) / count,
    alpha: 1 / (count - k),
  }));
}

/** A stroke as a path; `at`: pixels from where its dashes are counted. */
export interface Piece {
  alpha: number;
  path: Path2D;
  at: number;
}

/** Draws a tail: its halo from the second stroke on, then the strokes on top of each other. */
export function strokeTail(
  context: CanvasRenderingContext2D,
  pieces: readonly Piece[],
  style: RunStyle,
  theme: ThemeName,
  { line, halo }: { line: number; halo: number },
): void {
  const behind = pieces[1] ?? pieces[0];
  if (behind === undefined) return;
  context.lineJoin = "round";
  context.lineCap = "butt";
  context.lineWidth = halo;
  context.strokeStyle = withAlpha(TOKENS[theme].page, 0.7);
  context.globalAlpha = HALO;
  context.stroke(behind.path);
  context.lineCap = style.dashed ? "butt" : "round";
  context.lineWidth = line;
  context.strokeStyle = style.color;
  if (style.dashed) context.setLineDash([7, 4]);
  for (const { alpha, at, path } of pieces) {
    context.globalAlpha = alpha;
    context.lineDashOffset = at;
    context.stroke(path);
  }
  context.setLineDash([]);
  context.lineDashOffset = 0;
  context.globalAlpha = 1;
}

/** Pixels along which a path fades on a picture of this size. */
export const tailLength = (width: number, height: number): number =>
  SHARE * Math.min(width, height);

let still: MediaQueryList | null = null;

/** Whether the paths of so many runs fade: not for people who want no motion. */
export function fades(runs: number): boolean {
  still ??= matchMedia("(prefers-reduced-motion: reduce)");
  return runs <= MOST && !still.matches;
}
