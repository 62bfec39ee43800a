import { describe, expect, it } from "vitest";
import { BASIN_TINTS, basinPixels, strengthAt, tilingOf, tintsOf } from "../src/charts/basins.ts";
import { rgb, TOKENS } from "../src/look/palette.ts";
import { decodeSwarm, type Minimum } from "../src/state/swarm.ts";
import { answer } from "./state/swarms.ts";

const GAP = { x: 24, y: 10 };

describe("pixels", () => {
  const swarm = decodeSwarm(
    answer({ n: 2, steps: 100, pictures: [[[0, 0], [1, 100], null, [1, 25]]] }),
  );
  const pixels = basinPixels(swarm.pictures[0] as never, 2, 100, [
    [200, 100, 50],
    [1, 2, 3],
  ]);
  const pixel = (x: number, y: number) => [
    ...pixels.subarray(4 * (2 * y + x), 4 * (2 * y + x + 1)),
  ];

  it("puts the smallest y at the bottom, in the minimum's tint", () => {
    expect(pixel(0, 1)).toEqual([200, 100, 50, 255]);
    expect(pixel(1, 1).slice(0, 3)).toEqual([1, 2, 3]);
  });

  it("leaves empty what reached nothing", () => {
    expect(pixel(0, 0)).toEqual([0, 0, 0, 0]);
  });

  it("is the weaker the more steps it took, and never empty", () => {
    const [late, early] = [pixel(1, 1)[3] as number, pixel(1, 0)[3] as number];
    expect(early).toBeLessThan(255);
    expect(late).toBeLessThan(early);
    expect(late).toBeGreaterThan(64);
  });
});

describe("tints", () => {
  const lightness = (hex: string) => {
    const [r, g, b] = rgb(hex).map((value) => (value / 255) ** 2.2) as [number, number, number];
    return 116 * Math.cbrt(0.2126 * r + 0.7152 * g + 0.0722 * b) - 16;
  };

  it.each(["light", "dark"] as const)("are told apart by lightness alone (%s)", (theme) => {
    const order = BASIN_TINTS[theme].map(lightness);
    for (let i = 1; i < order.length; i++) {
      expect((order[i] as number) - (order[i - 1] as number)).toBeGreaterThan(8);
    }
  });

  it.each(["light", "dark"] as const)("never fade into the page (%s)", (theme) => {
    const page = rgb(TOKENS[theme].page);
    const alpha = strengthAt(500, 500);
    for (const tint of BASIN_TINTS[theme]) {
      const mixed = rgb(tint).map((value, c) => alpha * value + (1 - alpha) * (page[c] as number));
      const hex = mixed.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("");
      expect(Math.abs(lightness(`#${hex}`) - lightness(TOKENS[theme].page))).toBeGreaterThan(3.5);
    }
  });

  it("give few minima a tint each, and neighbours on a grid of many different ones", () => {
    const many = (count: number): Minimum[] =>
      Array.from({ length: count }, (_, i) => ({
        x: i % 5,
        y: Math.floor(i / 5),
        kind: i === 12 ? "minimum" : "local minimum",
      }));
    for (const count of [1, 2, 3, 4]) expect(new Set(tintsOf(many(count))).size).toBe(count);
    const tints = tintsOf(many(25));
    for (let i = 0; i < 25; i++) {
      if (i % 5 < 4) expect(tints[i]).not.toBe(tints[i + 1]);
      if (i < 20) expect(tints[i]).not.toBe(tints[i + 5]);
    }
  });
});

describe("tiling", () => {
  it.each(Array.from({ length: 16 }, (_, i) => i + 1))("fits %i pictures", (count) => {
    const { columns, side } = tilingOf(count, 664, 759, 26, GAP);
    const rows = Math.ceil(count / columns);
    expect(columns * side + (columns - 1) * GAP.x).toBeLessThanOrEqual(664);
    expect(rows * (side + 26) + (rows - 1) * GAP.y).toBeLessThanOrEqual(759);
    expect(side).toBeGreaterThan(130);
  });

  it("puts neighbours side by side where that costs little", () => {
    expect(tilingOf(2, 664, 759, 26, GAP)).toEqual({ columns: 2, side: 320 });
    expect(tilingOf(4, 664, 759, 26, GAP)).toEqual({ columns: 2, side: 320 });
    expect(tilingOf(2, 300, 800, 26, GAP).columns).toBe(1);
  });
});
