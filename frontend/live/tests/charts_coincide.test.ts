import { describe, expect, it } from "vitest";
import { type Band, overlaps } from "../src/charts/coincide.ts";

const band = (width: number, y: (c: number) => number): Band => {
  const top = Float32Array.from({ length: width }, (_, c) => y(c));
  return { top, bottom: top };
};

describe("overlaps", () => {
  it("finds where a line lies on another", () => {
    const below = band(100, () => 50);
    const above = band(100, (c) => (c >= 20 && c < 60 ? 50.4 : 80));
    expect(overlaps([below, above], 1)).toEqual([[], [{ from: 20, to: 60, level: 1 }]]);
  });

  it("counts the lines below", () => {
    const lines = [0, 0.3, 0.6].map((dy) => band(40, () => 10 + dy));
    expect(overlaps(lines, 1)[2]).toEqual([{ from: 0, to: 40, level: 2 }]);
  });

  it("takes a crossing for what it is", () => {
    const falling = band(100, (c) => c);
    const rising = band(100, (c) => 100 - c);
    expect(overlaps([falling, rising], 1)[1]).toEqual([]);
  });

  it("bridges noise of a few pixels", () => {
    const below = band(100, () => 50);
    const above = band(100, (c) => (c % 10 === 5 ? 55 : 50));
    expect(overlaps([below, above], 1)[1]).toEqual([{ from: 0, to: 100, level: 1 }]);
  });

  it("ignores where a line isn't", () => {
    const short = band(100, (c) => (c < 30 ? 50 : Number.NaN));
    const long = band(100, () => 50);
    expect(overlaps([short, long], 1)[1]).toEqual([{ from: 0, to: 30, level: 1 }]);
    expect(overlaps([long, short], 1)[1]).toEqual([{ from: 0, to: 30, level: 1 }]);
  });

  it("wants both edges of noisy lines to agree", () => {
    const thin = band(50, () => 20);
    const thick: Band = { top: thin.top, bottom: thin.top.map((y) => y + 9) };
    expect(overlaps([thin, thick], 1)[1]).toEqual([]);
  });
});
