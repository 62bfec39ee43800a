/** How a tensor's coordinates lie as squares in a panel. */

export interface MaskLayout {
  /** Rows and columns of squares shown. */
  rows: number;
  columns: number;
  /** Distance between squares in pixels. */
  pitch: number;
  /** Coordinates per row of the tensor; a row shows the first `columns` of them. */
  stride: number;
  /** Coordinates in the tensor. */
  total: number;
  /** Which part is shown, where it isn't all. */
  words: string;
}

const SMALLEST = 5;
const LARGEST = 16;

/**
 * A matrix as it is, more dimensions with the last ones in a row; a vector wraps over rows.
 * Squares are as large as the panel allows; where even small ones don't fit, the rest is cut off.
 */
export function maskLayout(shape: readonly number[], width: number, height: number): MaskLayout {
  const total = shape.reduce((product, n) => product * n, 1);
  if (shape.length < 2) return vector(total, width, height);
  const tensorRows = shape[0] as number;
  const stride = Math.max(1, total / Math.max(1, tensorRows));
  const fit = Math.min(width / stride, height / tensorRows);
  const pitch = wholeAbove(Math.min(LARGEST, Math.max(SMALLEST, fit)));
  const columns = Math.min(stride, Math.max(1, Math.floor(width / pitch)));
  const rows = Math.min(tensorRows, Math.max(1, Math.floor(height / pitch)));
  const words = `first ${rows} × ${columns} of ${tensorRows} × ${stride}`;
  return { rows, columns, pitch, stride, total, words };
}

function vector(total: number, width: number, height: number): MaskLayout {
  const fit = Math.sqrt((width * height) / Math.max(1, total));
  let pitch = wholeAbove(Math.min(LARGEST, Math.max(SMALLEST, fit)));
  const perRow = () => Math.max(1, Math.floor(width / pitch));
  while (pitch > SMALLEST && Math.ceil(total / perRow()) * pitch > height) pitch -= 1;
  const columns = Math.min(total, perRow());
  const rows = Math.min(Math.ceil(total / columns), Math.max(1, Math.floor(height / pitch)));
  const words = `first ${Math.min(total, rows * columns)} of ${total}`;
  return { rows, columns, pitch, stride: columns, total, words };
}

/** Whole pixels keep the squares sharp. */
const wholeAbove = (pitch: number): number => Math.max(1, Math.floor(pitch));
