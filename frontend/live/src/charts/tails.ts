/** How a path fades: its newest part is strong, older parts weaken to what can still be followed. */

/** How strong the part of a path is that lies far behind its head. */
export const FLOOR = 0.5;
/** How strong other paths are while one is lifted above them. */
export const ASIDE = 0.4;
/** Share of a picture's smaller side along which a path fades. */
const SHARE = 0.5;
/** Strokes that lie on top of each other, each one nearer to the head. */
const STROKES = 5;
/** Tails of more runs than this are shorter: they would cover each other, and take long to draw. */
const MANY = 6;
/** Dashes take long to draw. */
const DASHED = 3;
/** How strong the halo behind a tail is; it begins with the second stroke. */
export const HALO = 0.6;

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

/** Pixels along which each of some paths fades on a picture of this size. */
export const tailLength = (width: number, height: number, runs: number): number =>
  SHARE * Math.min(width, height) * Math.min(1, MANY / runs);

let still: MediaQueryList | null = null;

/** Whether paths fade: not for people who want no motion. */
export function fades(): boolean {
  still ??= matchMedia("(prefers-reduced-motion: reduce)");
  return !still.matches;
}
