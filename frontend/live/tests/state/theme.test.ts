import { expect, it } from "vitest";
import { brightnessOf } from "../../src/state/theme.ts";

it.each([
  ["#ffffff", 1],
  ["#fff", 1],
  ["#000000", 0],
  ["rgb(255, 255, 255)", 1],
  ["rgba(0 0 0 / 1)", 0],
])("%s is %d bright", (color, expected) => {
  expect(brightnessOf(color)).toBeCloseTo(expected);
});

it("knows no brightness of an unknown form", () => {
  expect(brightnessOf("")).toBeNull();
  expect(brightnessOf("var(--x)")).toBeNull();
});
