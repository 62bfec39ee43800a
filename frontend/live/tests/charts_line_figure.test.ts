// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import type { Exported } from "../src/charts/figure.ts";
import { lineExport, withDrawnRows } from "../src/charts/line_figure.ts";
import type { RunLines } from "../src/charts/run_lines.ts";
import type { Column, Scene } from "../src/charts/types.ts";
import { STEPS } from "../src/charts/x_axis.ts";

const column = (steps: number[], values: number[]): Column => ({
  n: steps.length,
  steps: Float64Array.from(steps),
  values: Float64Array.from(values),
});
const columns: Record<string, Column> = {
  "a loss": column([1, 2, 3, 4], [8, 4, 2, 1]),
  "a half": column([1, 2, 3, 4], [0.5, 0.4, 0.3, 0.2]),
  "b loss": column([2, 4], [6, 5]),
};
const scene = {
  rows: { version: 1, column: (run: string, name: string) => columns[`${run} ${name}`] },
  runs: [
    { id: "a", slot: 0, name: "Adam", divergedStep: null },
    { id: "b", slot: 1, name: "SGD", divergedStep: null },
  ],
  theme: "light",
  head: 4,
  steps: 10,
  cursor: null,
} as unknown as Scene;

function exported(view: [number, number]): Exported {
  const options = {
    title: "Loss",
    columns: [{ name: "loss", label: "loss", band: { column: "half", factor: 1 } }],
    scale: "log" as const,
    format: String,
  };
  const lines = { ordered: () => [] } as unknown as RunLines;
  const look = { lines, view, values: [1, 10] as [number, number], scale: "log" as const };
  return lineExport(scene, options, { ...look, axis: STEPS, ground: "#ffffff" });
}

describe("a line chart on paper", () => {
  it("asks for its columns and bands of all runs, from the first to the last step in view", () => {
    expect(exported([0, 10]).data).toEqual({
      kind: "stored",
      columns: ["loss", "half"],
      runs: ["a", "b"],
      first: 1,
      last: 4,
    });
    expect(exported([1.5, 3.2]).data).toMatchObject({ first: 2, last: 3 });
  });

  it("has ticks where its values are, the upper one at the top", () => {
    const { x, y } = exported([0, 10]).figure;
    expect(y?.ticks.find((tick) => tick.label === "10")?.at).toBeCloseTo(0);
    expect(y?.ticks.find((tick) => tick.label === "1")?.at).toBeCloseTo(400);
    expect(x?.ticks.at(-1)).toEqual({ at: 760, label: "10" });
    expect(x?.name).toBe("step");
  });

  it("gives the rows that it draws where they are stored nowhere", () => {
    const { data } = withDrawnRows(exported([1.5, 3.9]), scene, "line", "epoch", [1.5, 3.9]);
    expect(data?.kind === "drawn" && data.table()).toEqual({
      line: ["Adam", "Adam", "SGD"],
      epoch: [2, 3, 2],
      loss: [4, 2, 6],
      half: [0.4, 0.3, Number.NaN],
    });
  });
});
