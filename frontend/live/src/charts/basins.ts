/** A basin picture: a tint for every minimum, weaker the more steps it took, empty where none was reached. */

import type { Minimum, SwarmPicture } from "../state/swarm.ts";
import type { ThemeName } from "./types.ts";

/** Four tints of the map's hue, told apart by their lightness. */
export const BASIN_TINTS: Record<ThemeName, readonly string[]> = {
  light: ["#3f5c9e", "#7896cd", "#acc4e8", "#cfddf3"],
  dark: ["#2f468c", "#4d6abb", "#7c98d8", "#b4c8f4"],
};

/** What is left of a tint where the last step was needed: never so little that it looks empty. */
const FAINTEST = 0.36;

/** Tints of a few minima, as far apart as four allow. */
const FEW = [[], [0], [0, 2], [0, 1, 3], [0, 1, 2, 3]];

/** The tint of every minimum, by its index in `BASIN_TINTS`: the global one's is its own. */
export function tintsOf(minima: readonly Minimum[]): number[] {
  const few = FEW[minima.length];
  if (few) return few;
  return minima.map(({ kind }, i) => (kind === "minimum" ? 0 : 1 + (i % 3)));
}

/** How much of a tint is left after so many of the steps. */
export function strengthAt(step: number, steps: number): number {
  return 1 - (1 - FAINTEST) * Math.sqrt(Math.min(1, step / steps));
}

/** RGBA of an n × n picture, its first row at the top: the largest y. */
export function basinPixels(
  picture: SwarmPicture,
  n: number,
  steps: number,
  tints: readonly (readonly [number, number, number])[],
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new DataView(new ArrayBuffer(4 * n * n));
  const colors = tints.map(([r, g, b]) => (r << 24) | (g << 16) | (b << 8));
  const alpha = Uint8Array.from({ length: steps + 1 }, (_, step) => 255 * strengthAt(step, steps));
  for (let row = 0; row < n; row++) {
    let to = 4 * n * (n - 1 - row);
    for (let from = row * n; from < (row + 1) * n; from++, to += 4) {
      const color = colors[picture.which[from] as number];
      if (color === undefined) continue;
      pixels.setUint32(to, color | (alpha[picture.reachedAt[from] as number] ?? 0));
    }
  }
  return new Uint8ClampedArray(pixels.buffer);
}

export interface Tiling {
  columns: number;
  /** Pixels a side of a picture. */
  side: number;
}

/** A picture may be this much smaller for standing beside its neighbour, not below it. */
const BESIDE = 0.9;

/**
 * The arrangement of `count` squares, each under a title, that makes them the largest; of those that
 * make them nearly so, the one with the fewest rows.
 */
export function tilingOf(
  count: number,
  width: number,
  height: number,
  title: number,
  gap: { x: number; y: number },
): Tiling {
  let best: Tiling = { columns: 1, side: 0 };
  let largest = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const across = (width - (columns - 1) * gap.x) / columns;
    const down = (height - (rows - 1) * gap.y) / rows - title;
    const side = Math.floor(Math.max(0, Math.min(across, down)));
    if (side > best.side || side >= BESIDE * largest) best = { columns, side };
    largest = Math.max(largest, side);
  }
  return best;
}
