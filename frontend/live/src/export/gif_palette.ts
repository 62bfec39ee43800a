/** Few colours for many: median cut (Heckbert 1982) over 5 bits a channel, each the mean of its pixels. */

const BITS = 5;
const CELLS = 1 << (3 * BITS);

const cellOf = (r: number, g: number, b: number): number =>
  ((r >> (8 - BITS)) << (2 * BITS)) | ((g >> (8 - BITS)) << BITS) | (b >> (8 - BITS));

/** Pixels of a few pictures, by colour. */
export class Histogram {
  private readonly counts = new Uint32Array(CELLS);
  private readonly sums = new Float64Array(3 * CELLS);

  /** @param pixels RGBA */
  add(pixels: Uint8ClampedArray): void {
    for (let i = 0; i < pixels.length; i += 4) {
      const [r, g, b] = [pixels[i] as number, pixels[i + 1] as number, pixels[i + 2] as number];
      const cell = cellOf(r, g, b);
      this.counts[cell] = (this.counts[cell] as number) + 1;
      for (const [k, v] of [r, g, b].entries()) {
        this.sums[3 * cell + k] = (this.sums[3 * cell + k] as number) + v;
      }
    }
  }

  palette(most: number): Palette {
    const used = [...this.counts.keys()].filter((cell) => (this.counts[cell] as number) > 0);
    const boxes = [used];
    while (boxes.length < most) {
      const widest = this.widest(boxes);
      if (widest === null) break;
      const { index, channel } = widest;
      const box = (boxes[index] as number[]).sort(
        (a, b) => this.at(a, channel) - this.at(b, channel),
      );
      const middle = this.middle(box, channel);
      boxes[index] = box.slice(0, middle);
      boxes.push(box.slice(middle));
    }
    const colors = new Uint8Array(3 * boxes.length);
    boxes.forEach((box, i) => {
      const total = box.reduce((sum, cell) => sum + (this.counts[cell] as number), 0);
      for (let k = 0; k < 3; k++) {
        const sum = box.reduce((all, cell) => all + (this.sums[3 * cell + k] as number), 0);
        colors[3 * i + k] = Math.round(sum / Math.max(1, total));
      }
    });
    return new Palette(colors);
  }

  /** Mean of a cell's pixels in a channel. */
  private at(cell: number, channel: number): number {
    return (this.sums[3 * cell + channel] as number) / (this.counts[cell] as number);
  }

  /** The box that is the worst to be drawn in one colour, and the channel to cut it along. */
  private widest(boxes: readonly number[][]): { index: number; channel: number } | null {
    let best: { index: number; channel: number } | null = null;
    let most = 0;
    boxes.forEach((box, index) => {
      if (box.length < 2) return;
      const pixels = box.reduce((sum, cell) => sum + (this.counts[cell] as number), 0);
      for (let channel = 0; channel < 3; channel++) {
        let [low, high] = [256, -1];
        for (const cell of box) {
          const v = this.at(cell, channel);
          [low, high] = [Math.min(low, v), Math.max(high, v)];
        }
        // Thin lines have few pixels and matter: the root weighs them less unequally.
        const error = (high - low) * Math.sqrt(pixels);
        if (error > most) [most, best] = [error, { index, channel }];
      }
    });
    return best;
  }

  /** Where a sorted box is cut: in the middle of its range, so that rare colours keep their own. */
  private middle(box: readonly number[], channel: number): number {
    const [low, high] = [
      this.at(box[0] as number, channel),
      this.at(box.at(-1) as number, channel),
    ];
    const found = box.findIndex((cell) => this.at(cell, channel) > (low + high) / 2);
    return Math.min(Math.max(1, found), box.length - 1);
  }
}

export class Palette {
  private readonly nearest = new Int16Array(CELLS).fill(-1);

  /** @param colors red, green and blue of each */
  constructor(readonly colors: Uint8Array) {}

  get size(): number {
    return this.colors.length / 3;
  }

  /** By pixel the index of the nearest colour. */
  indices(pixels: Uint8ClampedArray): Uint8Array {
    const found = new Uint8Array(pixels.length / 4);
    for (let i = 0; i < found.length; i++) {
      const [r, g, b] = [
        pixels[4 * i] as number,
        pixels[4 * i + 1] as number,
        pixels[4 * i + 2] as number,
      ];
      const cell = cellOf(r, g, b);
      if (this.nearest[cell] === -1) this.nearest[cell] = this.find(r, g, b);
      found[i] = this.nearest[cell] as number;
    }
    return found;
  }

  private find(r: number, g: number, b: number): number {
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    for (let i = 0; i < this.size; i++) {
      const [dr, dg, db] = [0, 1, 2].map(
        (k) => (this.colors[3 * i + k] as number) - ([r, g, b][k] as number),
      );
      const distance = (dr as number) ** 2 + (dg as number) ** 2 + (db as number) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }
}
