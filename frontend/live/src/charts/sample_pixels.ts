/** Pictures of samples as a canvas takes them. */

import type { Rgb } from "../look/palette.ts";

interface Pixels {
  width: number;
  height: number;
  channels: number;
  data: Uint8Array;
}

/** The pixels of one of several pictures: grey ones are ink on paper, others have their colours. */
export function pixelsOf(
  { width, height, channels, data }: Pixels,
  place: number,
  [r, g, b]: Rgb,
): Uint8ClampedArray<ArrayBuffer> {
  const size = width * height;
  const pixels = new Uint8ClampedArray(4 * size);
  const first = place * size * channels;
  for (let i = 0; i < size; i++) {
    const at = first + i * channels;
    if (channels === 1) pixels.set([r, g, b, data[at] as number], 4 * i);
    else pixels.set([...data.subarray(at, at + 3), 255], 4 * i);
  }
  return pixels;
}

/** The colour of a place between two, `share` of the way. */
export function mixed(low: Rgb, high: Rgb, share: number): Rgb {
  return low.map((from, c) => Math.round(from + share * ((high[c] as number) - from))) as Rgb;
}
