import { describe, expect, it } from "vitest";
import { opacityOf, shadeOf } from "../src/charts/update_picture.ts";

describe("shades", () => {
  it("grow with the byte, from the palest to the fullest", () => {
    const shades = Array.from({ length: 255 }, (_, i) => shadeOf(i + 1));
    expect(shades[0]).toBe(0);
    expect(shades.every((shade, i) => shade >= (shades[i - 1] ?? 0))).toBe(true);
    expect(opacityOf(shades[254] as number)).toBe(1);
    expect(opacityOf(0)).toBeGreaterThan(0.1);
  });

  it("set a tenth of the largest update apart", () => {
    // Four decades in 254 steps: a tenth is 63.5 lower.
    expect(opacityOf(shadeOf(255)) / opacityOf(shadeOf(255 - 64))).toBeGreaterThan(1.8);
  });
});
