import { describe, expect, it } from "vitest";
import { toEdge } from "../src/charts/heads.ts";
import { type HoverRow, nearest, placeTable } from "../src/charts/hover.ts";
import { chartKeys } from "../src/charts/keys.ts";
import { around, placeLabels } from "../src/charts/labels.ts";
import { placeBeside } from "../src/charts/line_paint.ts";
import { runStyle } from "../src/look/palette.ts";

describe("hover table", () => {
  it("never leaves the chart and never covers the pointer", () => {
    for (let x = 0; x <= 400; x += 10) {
      for (let y = 0; y <= 200; y += 10) {
        const spot = placeTable(x, y, 150, 90, 400, 200);
        expect(spot.x).toBeGreaterThanOrEqual(0);
        expect(spot.x + 150).toBeLessThanOrEqual(400);
        expect(spot.y).toBeGreaterThanOrEqual(0);
        expect(spot.y + 90).toBeLessThanOrEqual(200);
        expect(x < spot.x || x > spot.x + 150).toBe(true);
      }
    }
  });

  it("keeps the rows nearest to the pointer, in their own order", () => {
    const rows = Array.from({ length: 16 }, (_, i): HoverRow => {
      return { style: runStyle(i, "light"), name: `run ${i}`, values: ["1"], y: i * 10 };
    });
    expect(nearest(rows, 75, 16)).toHaveLength(16);
    const chosen = nearest(rows, 75, 5).map((row) => row.name);
    expect(chosen).toEqual(["run 6", "run 7", "run 8", "run 9"]);
  });
});

describe("heads", () => {
  it("stand side by side where they would cover one another", () => {
    const taken: { x: number; y: number }[] = [];
    for (let k = 0; k < 6; k++) {
      const x = placeBeside(taken, 300, 50 + k, 380);
      taken.push({ x, y: 50 + k });
    }
    const xs = taken.map((t) => t.x).sort((a, b) => a - b);
    expect(xs.every((x, i) => i === 0 || x - (xs[i - 1] as number) >= 8)).toBe(true);
  });

  it("keep to the left at the right end, and apart heads keep their place", () => {
    const taken = [{ x: 380, y: 50 }];
    expect(placeBeside(taken, 380, 52, 380)).toBeLessThan(380);
    expect(placeBeside(taken, 380, 90, 380)).toBe(380);
  });

  it("outside of the picture are shown at its edge with the way out", () => {
    expect(toEdge(30, 40, 100, 100)).toEqual({ x: 30, y: 40, outside: null });
    const right = toEdge(500, 50, 100, 100);
    expect(right.x).toBeLessThan(100);
    expect(right.outside).toBeCloseTo(0, 12);
    const up = toEdge(50, -300, 100, 100);
    expect(up.outside).toBeCloseTo(-Math.PI / 2, 12);
  });
});

describe("labels", () => {
  const label = { text: "minimum", x: 100, y: 100, width: 60 };

  it("stand clear of heads and of each other", () => {
    const head = around(125, 100, 8);
    const [first, second] = placeLabels([label, label], [head], 300, 200, []);
    expect(first).not.toBeNull();
    expect(second).not.toBeNull();
    expect(first?.side).not.toBe(0);
    expect(second?.side).not.toBe(first?.side);
  });

  it("keep their side while it is free", () => {
    const [spot] = placeLabels([label], [], 300, 200, [1]);
    expect(spot?.side).toBe(1);
  });

  it("stay inside, or are left out", () => {
    const [corner] = placeLabels([{ ...label, x: 298, y: 100 }], [], 300, 200, []);
    expect((corner?.x ?? 999) + 60).toBeLessThanOrEqual(300);
    expect(placeLabels([label], [], 40, 20, [])).toEqual([null]);
  });
});

describe("keys", () => {
  const press = (key: string, shiftKey = false) => ({
    key,
    shiftKey,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
  });

  it("move the hover cursor between the first step and now", () => {
    expect(chartKeys(press("ArrowLeft"), null, 200, [0, 300])).toEqual({ hover: 199 });
    expect(chartKeys(press("ArrowLeft", true), 100, 200, [0, 300])).toEqual({ hover: 90 });
    expect(chartKeys(press("ArrowRight"), 200, 200, [0, 300])).toEqual({ hover: 200 });
    expect(chartKeys(press("Home"), 100, 200, [0, 300])).toEqual({ hover: 1 });
  });

  it("zoom, reset and let go", () => {
    expect(chartKeys(press("+"), 100, 200, [0, 200])).toEqual({ zoom: [50, 150] });
    expect(chartKeys(press("0"), null, 200, [50, 150])).toEqual({ zoom: "reset" });
    expect(chartKeys(press("Escape"), 100, 200, [0, 300])).toEqual({ hover: null });
  });

  it("leave all others to the page", () => {
    expect(chartKeys(press(" "), null, 200, [0, 300])).toBeNull();
    expect(chartKeys(press("Escape"), null, 200, [0, 300])).toBeNull();
    expect(chartKeys({ ...press("ArrowLeft"), ctrlKey: true }, 5, 200, [0, 300])).toBeNull();
  });
});
