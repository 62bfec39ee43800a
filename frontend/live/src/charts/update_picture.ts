/** What a step did to a tensor: a square a coordinate, its shade the size of the update. */

import { type MaskLayout, maskLayout } from "./mask_layout.ts";

export interface UpdatePicture {
  rows: number;
  columns: number;
  /** Row-major: 0 was left out, 1 to 255 is log |update| over four decades. */
  pixels: Uint8Array;
}

const SHADES = 16;
const PALEST = 0.14;

/** A byte's shade, from 0 (palest) to `SHADES` − 1. */
export function shadeOf(byte: number): number {
  return Math.min(SHADES - 1, Math.floor(((byte - 1) / 255) * SHADES));
}

/** Opacity of a shade: a tenth of the largest update is still clearly paler than the largest. */
export function opacityOf(shade: number): number {
  return PALEST + (1 - PALEST) * ((shade + 1) / SHADES) ** 3;
}

/** Paints the squares and gives how they lie. */
export function paintUpdate(
  context: CanvasRenderingContext2D,
  picture: UpdatePicture,
  width: number,
  height: number,
  color: string,
  leftOut: string,
): MaskLayout {
  const { rows, columns, pixels } = picture;
  const layout = maskLayout(rows === 1 ? [columns] : [rows, columns], width, height);
  const { pitch, stride, total } = layout;
  const size = pitch >= 5 ? pitch - 1 : pitch - 0.5;
  const dropped = new Path2D();
  const shades = Array.from({ length: SHADES }, () => new Path2D());
  for (let r = 0; r < layout.rows; r++) {
    for (let c = 0; c < layout.columns; c++) {
      const position = r * stride + c;
      if (position >= total) break;
      const byte = pixels[position] as number;
      const path = byte === 0 ? dropped : (shades[shadeOf(byte)] as Path2D);
      path.rect(c * pitch, r * pitch, size, size);
    }
  }
  context.fillStyle = leftOut;
  context.fill(dropped);
  context.fillStyle = color;
  shades.forEach((path, shade) => {
    context.globalAlpha = opacityOf(shade);
    context.fill(path);
  });
  context.globalAlpha = 1;
  return layout;
}
