import { describe, expect, it } from "vitest";
import { GifWriter } from "../../src/export/gif.ts";
import { Histogram } from "../../src/export/gif_palette.ts";
import { changedPart, stepsShown } from "../../src/export/recording.ts";

/** What a decoder makes of the first frame's codes (the specification's own way). */
function decoded(gif: Uint8Array): number[] {
  let at = 13 + 3 * 2 ** (((gif[10] as number) & 7) + 1);
  while (gif[at] === 0x21) {
    at += 2;
    while (gif[at] !== 0) at += (gif[at] as number) + 1;
    at += 1;
  }
  expect(gif[at]).toBe(0x2c);
  at += 10;
  const least = gif[at++] as number;
  const bytes: number[] = [];
  while (gif[at] !== 0) {
    bytes.push(...gif.subarray(at + 1, at + 1 + (gif[at] as number)));
    at += (gif[at] as number) + 1;
  }
  const [reset, end] = [1 << least, (1 << least) + 1];
  let [width, bit] = [least + 1, 0];
  let table: number[][] = [];
  const fresh = () => {
    table = Array.from({ length: reset + 2 }, (_, i) => [i]);
    width = least + 1;
  };
  fresh();
  const out: number[] = [];
  let before: number[] | null = null;
  for (;;) {
    let code = 0;
    for (let i = 0; i < width; i++, bit++) {
      code |= (((bytes[bit >> 3] as number) >> (bit & 7)) & 1) << i;
    }
    if (code === end) return out;
    if (code === reset) {
      fresh();
      before = null;
      continue;
    }
    const own: number[] = table[code] ?? [
      ...(before as number[]),
      (before as number[])[0] as number,
    ];
    out.push(...own);
    if (before !== null && table.length < 4096) table.push([...before, own[0] as number]);
    if (table.length === 1 << width && width < 12) width += 1;
    before = own;
  }
}

describe("a GIF", () => {
  it.each([
    ["one pixel", 1, 1, () => 0],
    ["few colours", 40, 30, (i: number) => (i * 7) % 3],
    [
      "noise that fills the table of strings again and again",
      200,
      200,
      (i: number) => (i * i * 2654435761) >>> 24,
    ],
  ])("gives back %s", (_, width, height, color) => {
    const pixels = Uint8Array.from({ length: width * height }, (_, i) => color(i) & 255);
    const palette = Uint8Array.from({ length: 3 * 256 }, (_, i) => i & 255);
    const gif = new GifWriter(width, height, palette);
    gif.frame(pixels, { x: 0, y: 0, width, height }, 10);
    const bytes = gif.end();
    expect(String.fromCharCode(...bytes.subarray(0, 6))).toBe("GIF89a");
    expect(bytes.at(-1)).toBe(0x3b);
    expect(decoded(bytes)).toEqual([...pixels]);
  });

  it("keeps few colours as they are, and is near to many", () => {
    const few = new Uint8ClampedArray([119, 37, 254, 255, 11, 168, 145, 255, 11, 168, 145, 255]);
    const colors = new Histogram();
    colors.add(few);
    const palette = colors.palette(255);
    const back = [...palette.indices(few)].map((i) => [...palette.colors.slice(3 * i, 3 * i + 3)]);
    expect(back).toEqual([
      [119, 37, 254],
      [11, 168, 145],
      [11, 168, 145],
    ]);
    const many = Uint8ClampedArray.from({ length: 4 * 4096 }, (_, i) =>
      i % 4 === 3 ? 255 : ((i >> 2) * ([1, 7, 31][i % 4] as number)) & 255,
    );
    const all = new Histogram();
    all.add(many);
    const few255 = all.palette(255);
    expect(few255.size).toBe(255);
    const indices = few255.indices(many);
    const worst = Math.max(
      ...[...indices].map((index, i) =>
        Math.max(
          ...[0, 1, 2].map((k) =>
            Math.abs((few255.colors[3 * index + k] as number) - (many[4 * i + k] as number)),
          ),
        ),
      ),
    );
    expect(worst).toBeLessThan(64);
  });

  it("draws only what has changed", () => {
    const before = new Uint8Array(20);
    const now = before.slice();
    now[7] = now[13] = 1;
    expect(changedPart(before, now, 5, 4)).toEqual({ x: 2, y: 1, width: 2, height: 2 });
    expect(changedPart(before, before, 5, 4)).toEqual({ x: 0, y: 0, width: 1, height: 1 });
  });

  it("shows all of few steps and some of many, the last one always", () => {
    expect(stepsShown(3)).toEqual([1, 2, 3]);
    expect(stepsShown(1_000_000, 4)).toEqual([250_000, 500_000, 750_000, 1_000_000]);
    expect(stepsShown(0)).toEqual([1]);
  });
});
