/** Where lines draw the same pixels, so that the upper one can let the lower one show through. */

/** What a line covers in each pixel column, in pixels; NaN where it isn't. */
export interface Band {
  top: Float32Array;
  bottom: Float32Array;
}

/** Pixel columns [from, to) in which a line lies on `level` lines drawn before it. */
export interface Overlap {
  from: number;
  to: number;
  level: number;
}

/** Shorter overlaps are crossings, not coincidence; shorter gaps between overlaps are noise. */
const SHORTEST = 10;
const GAP = 8;

/**
 * Overlaps of each band with those before it in drawing order.
 *
 * @param tolerance largest difference of both edges, in pixels
 */
export function overlaps(bands: readonly Band[], tolerance: number): Overlap[][] {
  return bands.map((band, k) => intervals(levels(band, bands.slice(0, k), tolerance)));
}

/** How many of `below` each column of the band lies on; −1 where the band isn't. */
function levels(band: Band, below: readonly Band[], tolerance: number): Int8Array {
  const width = band.top.length;
  const level = new Int8Array(width);
  for (let c = 0; c < width; c++) {
    const top = band.top[c] as number;
    const bottom = band.bottom[c] as number;
    if (Number.isNaN(top)) {
      level[c] = -1;
      continue;
    }
    let count = 0;
    for (const other of below) {
      if (
        Math.abs((other.top[c] as number) - top) <= tolerance &&
        Math.abs((other.bottom[c] as number) - bottom) <= tolerance
      ) {
        count += 1;
      }
    }
    level[c] = count;
  }
  return level;
}

function intervals(level: Int8Array): Overlap[] {
  const found: Overlap[] = [];
  for (let c = 0; c < level.length; c++) {
    const here = level[c] as number;
    if (here <= 0) continue;
    const open = found.at(-1);
    if (open !== undefined && c - open.to <= GAP) {
      open.to = c + 1;
      open.level = Math.max(open.level, here);
    } else {
      found.push({ from: c, to: c + 1, level: here });
    }
  }
  return found.filter((overlap) => overlap.to - overlap.from >= SHORTEST);
}
