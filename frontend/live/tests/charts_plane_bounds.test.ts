import { describe, expect, it } from "vitest";
import { PlaneBounds } from "../src/charts/plane_bounds.ts";
import type { Column, Scene } from "../src/charts/types.ts";

/** A scene with one run whose path has `n` points along a straight line of this length. */
function scene(rows: Scene["rows"]): Scene {
  return {
    rows,
    runs: [{ id: "r1", slot: 0, name: "Adam", divergedStep: null }],
    marks: [],
    theme: "light",
    steps: 900,
    head: 1,
    cursor: null,
    lifted: null,
    smoothing: 0,
  };
}

function path(): { rows: Scene["rows"]; to: (n: number, length: number) => void } {
  const values = new Float64Array(100);
  let n = 0;
  const column = (): Column => ({ n, steps: values, values });
  return {
    rows: { version: 0, column },
    to: (more, length) => {
      for (let i = n; i < more; i++) values[i] = (length * (i + 1)) / more;
      n = more;
    },
  };
}

describe("PlaneBounds", () => {
  it("fills a fair part of the panel, also for paths far shorter than 1", () => {
    const { rows, to } = path();
    const bounds = new PlaneBounds("proj_x", "proj_y");
    bounds.view(scene(rows), 340, 280);
    for (const [n, length] of [
      [2, 0.001],
      [20, 0.02],
      [60, 0.2],
    ] as const) {
      to(n, length);
      const { y } = bounds.view(scene(rows), 340, 280);
      const share = length / (y[1] - y[0]);
      expect(share).toBeGreaterThan(0.35);
      expect(share).toBeLessThan(0.95);
    }
  });

  it("keeps its place while a path grows inside it", () => {
    const { rows, to } = path();
    const bounds = new PlaneBounds("proj_x", "proj_y");
    to(20, 1);
    const before = bounds.view(scene(rows), 340, 280);
    to(22, 1.05);
    expect(bounds.view(scene(rows), 340, 280)).toEqual(before);
  });
});
