import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { maskLayout } from "../src/charts/mask_layout.ts";
import { keepMask, maskKey, maskThreshold } from "../src/state/mask_bits.ts";

interface Fixture {
  seed: string;
  step: string;
  tensor: number;
  numel: number;
  drop_rate: number;
  key: string;
  threshold: number;
  bits: string;
}

const file = new URL("../../../tests/fixtures/mask_bits.json", import.meta.url);
const { masks } = JSON.parse(readFileSync(file, "utf8")) as { masks: Fixture[] };

describe("mask bits", () => {
  it.each(masks)("seed $seed, step $step, tensor $tensor, drop rate $drop_rate", (mask) => {
    const seed = BigInt(mask.seed);
    const keep = 1 - mask.drop_rate;
    const { k0, k1 } = maskKey(seed, Number(mask.step), mask.tensor);
    const hex = (half: number) => half.toString(16).padStart(8, "0");
    expect(hex(k1) + hex(k0)).toBe(mask.key);
    expect(maskThreshold(keep)).toBe(mask.threshold);
    const bits = keepMask(seed, Number(mask.step), mask.tensor, mask.numel, keep);
    expect(bits.join("")).toBe(mask.bits);
  });

  it("takes numbers and bigints for the same seed, negative ones too", () => {
    expect(maskKey(-3, 5, 1)).toEqual(maskKey(-3n, 5, 1));
    expect(maskKey(-3n, 5, 1)).toEqual(maskKey((1n << 64n) - 3n, 5, 1));
  });

  it("keeps the share it should", () => {
    const bits = keepMask(1, 2, 3, 100_000, 0.7);
    const share = bits.reduce((sum, bit) => sum + bit, 0) / bits.length;
    expect(Math.abs(share - 0.7)).toBeLessThan(4 * Math.sqrt((0.7 * 0.3) / 100_000));
  });
});

describe("maskLayout", () => {
  it.each([
    [[64, 64], 345, 190],
    [[10, 64], 345, 190],
    [[64], 345, 190],
    [[10], 345, 190],
    [[256, 3, 3, 3], 345, 190],
    [[100_000], 345, 190],
    [[], 345, 190],
    [[4, 4], 20, 10],
  ])("stays inside the panel: %j", (shape, width, height) => {
    const layout = maskLayout(shape, width, height);
    expect(layout.columns * layout.pitch).toBeLessThanOrEqual(width);
    expect(layout.rows * layout.pitch).toBeLessThanOrEqual(height);
    expect(layout.columns).toBeGreaterThanOrEqual(1);
    expect(layout.rows).toBeGreaterThanOrEqual(1);
  });

  it("shows a small tensor whole and says what it cuts from a large one", () => {
    const small = maskLayout([10, 20], 345, 190);
    expect([small.rows, small.columns]).toEqual([10, 20]);
    const large = maskLayout([64, 64], 345, 190);
    expect(large.words).toBe("first 38 × 64 of 64 × 64");
  });
});
