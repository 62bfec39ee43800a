/** GIF89a: frames of palette indices, packed by LZW (CompuServe 1990; Welch 1984). */

/** A part of a picture. */
export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

const EXTENSION = 0x21;
const LONGEST_CODE = 12;
/** Slots of the table of known strings: more than three times as many as there are codes. */
const SLOTS = 1 << 14;

class Bytes {
  private data = new Uint8Array(1 << 16);
  private n = 0;

  put(...bytes: number[]): void {
    this.reserve(bytes.length);
    for (const byte of bytes) this.data[this.n++] = byte;
  }
  short(value: number): void {
    this.put(value & 255, value >> 8);
  }
  text(words: string): void {
    this.put(...[...words].map((letter) => letter.charCodeAt(0)));
  }
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.data.set(bytes, this.n);
    this.n += bytes.length;
  }
  get all(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.n);
  }
  private reserve(count: number): void {
    if (this.n + count <= this.data.length) return;
    const larger = new Uint8Array(Math.max(2 * this.data.length, this.n + count));
    larger.set(this.data);
    this.data = larger;
  }
}

/** Writes a GIF that plays again and again. */
export class GifWriter {
  private readonly out = new Bytes();
  private readonly bits: number;

  /** @param palette red, green and blue of at most 256 colours */
  constructor(width: number, height: number, palette: Uint8Array) {
    const colors = palette.length / 3;
    this.bits = Math.max(1, Math.ceil(Math.log2(colors)));
    this.out.text("GIF89a");
    this.out.short(width);
    this.out.short(height);
    this.out.put(0x80 | 0x70 | (this.bits - 1), 0, 0);
    const table = new Uint8Array(3 << this.bits);
    table.set(palette);
    this.out.append(table);
    this.out.put(EXTENSION, 0xff, 11);
    this.out.text("NETSCAPE2.0");
    this.out.put(3, 1, 0, 0, 0);
  }

  /**
   * Adds a frame over the one before.
   *
   * @param pixels indices of the part `at`, row by row
   * @param hundredths how long it stays
   * @param clear index of pixels that stay what they were; −1 for none
   */
  frame(pixels: Uint8Array, at: Rectangle, hundredths: number, clear = -1): void {
    const { out } = this;
    out.put(EXTENSION, 0xf9, 4, (1 << 2) | (clear >= 0 ? 1 : 0));
    out.short(hundredths);
    out.put(Math.max(0, clear), 0);
    out.put(0x2c);
    for (const side of [at.x, at.y, at.width, at.height]) out.short(side);
    out.put(0);
    const least = Math.max(2, this.bits);
    out.put(least);
    const packed = lzw(pixels, least);
    for (let i = 0; i < packed.length; i += 255) {
      const block = packed.subarray(i, i + 255);
      out.put(block.length);
      out.append(block);
    }
    out.put(0);
  }

  end(): Uint8Array<ArrayBuffer> {
    this.out.put(0x3b);
    return this.out.all;
  }
}

/** Codes of growing width, the lowest bits first. */
function lzw(pixels: Uint8Array, least: number): Uint8Array {
  const out = new Uint8Array(2 * pixels.length + 64);
  let [n, held, bits] = [0, 0, 0];
  const reset = 1 << least;
  let width = least + 1;
  let next = reset + 2;
  const keys = new Int32Array(SLOTS).fill(-1);
  const codes = new Int16Array(SLOTS);
  const put = (code: number) => {
    held |= code << bits;
    bits += width;
    while (bits >= 8) {
      out[n++] = held & 255;
      held >>>= 8;
      bits -= 8;
    }
  };
  put(reset);
  let prefix = pixels[0] ?? 0;
  for (let i = 1; i < pixels.length; i++) {
    const pixel = pixels[i] as number;
    const key = (prefix << 8) | pixel;
    let slot = (Math.imul(key, 0x9e3779b1) >>> 18) & (SLOTS - 1);
    while (keys[slot] !== -1 && keys[slot] !== key) slot = (slot + 1) & (SLOTS - 1);
    if (keys[slot] === key) {
      prefix = codes[slot] as number;
      continue;
    }
    put(prefix);
    if (next < 1 << LONGEST_CODE) {
      keys[slot] = key;
      codes[slot] = next;
      if (next === 1 << width && width < LONGEST_CODE) width += 1;
      next += 1;
    } else {
      put(reset);
      keys.fill(-1);
      width = least + 1;
      next = reset + 2;
    }
    prefix = pixel;
  }
  put(prefix);
  // The decoder has made the last entry by then: its code for the end may be a bit longer.
  if (next === 1 << width && width < LONGEST_CODE) width += 1;
  put(reset + 1);
  if (bits > 0) out[n++] = held & 255;
  return out.subarray(0, n);
}
