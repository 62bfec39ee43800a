import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type CoinUnit, coinPosition, coinTensor } from "../../src/state/coins.ts";
import { isKept, maskKey, maskThreshold } from "../../src/state/mask_bits.ts";

interface Fixture {
  unit: CoinUnit;
  seed: number;
  step: number;
  tensor: number;
  shape: number[];
  drop_rate: number;
  bits: string;
}

const file = new URL("../../../../tests/fixtures/unit_masks.json", import.meta.url);
const { masks } = JSON.parse(readFileSync(file, "utf8")) as { masks: Fixture[] };

it.each(masks)("a coin for each $unit of $shape, step $step, tensor $tensor", (mask) => {
  const key = maskKey(mask.seed, mask.step, coinTensor(mask.unit, mask.tensor));
  const position = coinPosition(mask.unit, mask.shape);
  const threshold = maskThreshold(1 - mask.drop_rate);
  const bits = [...mask.bits].map((_, i) => (isKept(key, position(i), threshold) ? "1" : "0"));
  expect(bits.join("")).toBe(mask.bits);
});
