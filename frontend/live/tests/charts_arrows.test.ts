import { describe, expect, it } from "vitest";
import { LONGEST, partsOf, SHORTEST } from "../src/charts/arrows.ts";

describe("parts of an update", () => {
  const updates = {
    r1: { full: [0.5, -0.25], kept: [true, false] },
    r2: { full: [0, 0.001], kept: [true, true] },
  } as const;

  it("are longer by one factor, up where y grows, dropped ones told", () => {
    const parts = partsOf(updates, [100, 100]);
    expect(parts.get("r1")).toEqual([
      { x: LONGEST, y: 0, kept: true },
      { x: 0, y: LONGEST / 2, kept: false },
    ]);
  });

  it("can be seen even where they are small, but not where there is none", () => {
    expect(partsOf(updates, [100, 100]).get("r2")).toEqual([{ x: 0, y: -SHORTEST, kept: true }]);
    expect(partsOf({ r1: { full: [0, 0], kept: [true, true] } }, [1, 1]).size).toBe(0);
  });
});
