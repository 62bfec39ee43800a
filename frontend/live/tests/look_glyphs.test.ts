import { describe, expect, it } from "vitest";
import { glyphPath } from "../src/look/glyphs.ts";
import { GLYPHS } from "../src/look/palette.ts";

describe("glyphPath", () => {
  it("draws another outline for every glyph", () => {
    expect(new Set(GLYPHS.map((glyph) => glyphPath(glyph, 12))).size).toBe(GLYPHS.length);
  });

  it.each(["square", "triangle", "diamond"] as const)("keeps the %s inside its box", (glyph) => {
    const numbers = (glyphPath(glyph, 12).match(/-?[\d.]+/g) as string[]).map(Number);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThanOrEqual(12);
  });
});
