/** The growth of paths as an animated GIF: a few seconds of the whole history, drawn here. */

import { canvasOf } from "./files.ts";
import { GifWriter, type Rectangle } from "./gif.ts";
import { Histogram } from "./gif_palette.ts";
import type { Sheet } from "./sheet.ts";

const MOST_FRAMES = 72;
const FRAME_HUNDREDTHS = 6;
const LAST_HUNDREDTHS = 150;
const WIDEST = 820;
/** Small charts are enlarged so much at most. */
const LARGEST = 2;

export interface Recording {
  /** 0 to 1, after every frame. */
  progress(share: number): void;
  signal: AbortSignal;
}

/** Steps at which frames are drawn: all of few, else evenly many; the last one always. */
export function stepsShown(last: number, most = MOST_FRAMES): number[] {
  const count = Math.min(Math.max(1, last), most);
  return Array.from({ length: count }, (_, i) => Math.max(1, Math.round(((i + 1) / count) * last)));
}

/** The GIF; null where it was cancelled. The page stays usable: it draws between frames. */
export async function recordGif(sheet: Sheet, last: number, how: Recording): Promise<Blob | null> {
  const canvas = canvasOf(sheet, Math.min(LARGEST, WIDEST / sheet.width));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser gives no 2d canvas");
  const { width, height } = canvas;
  const steps = stepsShown(last);
  const drawn = (step: number) => {
    context.setTransform(width / sheet.width, 0, 0, height / sheet.height, 0, 0);
    sheet.paint(context, step);
    return context.getImageData(0, 0, width, height).data;
  };
  const colors = new Histogram();
  for (const share of [0, 0.4, 1]) {
    colors.add(drawn(steps[Math.round(share * (steps.length - 1))] as number));
    await pause();
  }
  // One index is left for pixels that stay.
  const palette = colors.palette(255);
  const clear = palette.size;
  const gif = new GifWriter(width, height, new Uint8Array([...palette.colors, 0, 0, 0]));
  let before: Uint8Array | null = null;
  for (const [i, step] of steps.entries()) {
    const pixels = palette.indices(drawn(step));
    const hold = i === steps.length - 1 ? LAST_HUNDREDTHS : FRAME_HUNDREDTHS;
    const part: Rectangle = before
      ? changedPart(before, pixels, width, height)
      : { x: 0, y: 0, width, height };
    gif.frame(cut(pixels, before, width, part, clear), part, hold, before ? clear : -1);
    before = pixels;
    how.progress((i + 1) / steps.length);
    await pause();
    if (how.signal.aborted) return null;
  }
  return new Blob([gif.end()], { type: "image/gif" });
}

/** The smallest part that holds all pixels that differ; one pixel where none does. */
export function changedPart(
  before: Uint8Array,
  now: Uint8Array,
  width: number,
  height: number,
): Rectangle {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (before[y * width + x] === now[y * width + x]) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  if (right < 0) return { x: 0, y: 0, width: 1, height: 1 };
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** A part of a picture, with `clear` where nothing has changed. */
function cut(
  now: Uint8Array,
  before: Uint8Array | null,
  width: number,
  part: Rectangle,
  clear: number,
): Uint8Array {
  const found = new Uint8Array(part.width * part.height);
  for (let y = 0; y < part.height; y++) {
    for (let x = 0; x < part.width; x++) {
      const at = (part.y + y) * width + part.x + x;
      found[y * part.width + x] = now[at] === before?.[at] ? clear : (now[at] as number);
    }
  }
  return found;
}

/** Lets the browser draw and answer; unlike a timer it is not held back in a hidden tab. */
function pause(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
