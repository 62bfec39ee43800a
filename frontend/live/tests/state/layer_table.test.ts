import { describe, expect, it } from "vitest";
import type { Column } from "../../src/charts/types.ts";
import {
  LAYER_COLUMNS,
  layerRows,
  layersCsv,
  nextSorting,
  recordedRows,
  sorted,
} from "../../src/state/layer_table.ts";
import { layersOf } from "../../src/state/looks.ts";
import { run } from "./runs.ts";

const tensors = [
  { name: "fc1.weight", shape: [64, 64] },
  { name: "fc1.bias", shape: [64] },
];

function told(id: string, kept: number[]) {
  return {
    run: id,
    step: 40,
    source: "coins",
    keep_rate: kept,
    grad_norm: [1, 2],
    update_norm: [0.5, null],
    full_norm: [1, null],
    weight_norm: [10, 0],
    update_ratio: [0.05, null],
    age: [
      [1, 40],
      [0, 3],
    ],
    known: [40, 40],
    looked_at: [4096, 64],
    covered: { "10": [0.99, 1], "100": [null, 1] },
  };
}

const view = layersOf({ step: 40, runs: [told("r1", [0.5, 0.25]), told("r2", [1, 1])] } as never);
const runs = [run(0), run(1)];
const rows = layerRows(view, runs, (one) => `run ${one.id}`, tensors);

describe("the table of tensors", () => {
  it("has runs side by side, tensor by tensor", () => {
    expect(rows.map((row) => [row.run.id, row.tensor.name, row.size])).toEqual([
      ["r1", "fc1.weight", 4096],
      ["r2", "fc1.weight", 4096],
      ["r1", "fc1.bias", 64],
      ["r2", "fc1.bias", 64],
    ]);
    expect(rows[2]?.values).toMatchObject({ keep_rate: 0.25, age: 0, age_95: 3, covered_10: 1 });
    expect(rows[0]?.values.covered_100).toBeNaN();
  });

  it("says of an age that nobody has seen that it is at least so large", () => {
    const age = LAYER_COLUMNS.find(({ name }) => name === "age_95");
    expect(age?.format(40, rows[0] as never)).toBe("≥ 40");
    expect(age?.format(3, rows[2] as never)).toBe("3");
    expect(age?.format(Number.NaN, rows[0] as never)).toBe("–");
  });

  it("is sorted by a click, back after three, with what is not known last", () => {
    let order = nextSorting({ column: "", down: true }, "update_norm");
    expect(sorted(rows, order).map((row) => row.values.update_norm)).toEqual([
      0.5,
      0.5,
      Number.NaN,
      Number.NaN,
    ]);
    order = nextSorting(order, "update_norm");
    expect(sorted(rows, order)[3]?.values.update_norm).toBeNaN();
    expect(nextSorting(order, "update_norm").column).toBe("");
    const kept = sorted(rows, { column: "keep_rate", down: false });
    expect(kept.map((row) => row.values.keep_rate)).toEqual([0.25, 0.5, 1, 1]);
    const names = sorted(rows, nextSorting({ column: "", down: true }, "tensor"));
    expect(names.map((row) => row.tensor.name)[0]).toBe("fc1.bias");
  });

  it("has of the past what was recorded", () => {
    const column = (id: string, name: string): Column => ({
      n: 2,
      steps: Float64Array.of(10, 20),
      values:
        name === "keep_rate/fc1.bias" && id === "r1"
          ? Float64Array.of(0.1, 0.2)
          : Float64Array.of(1, 1),
    });
    const past = recordedRows(rows, column, 15);
    expect(past[2]?.values).toEqual({ size: 64, keep_rate: 0.1, update_ratio: 1 });
  });

  it("is copied with all digits", () => {
    const named = layerRows(view, runs.slice(0, 1), () => '=1, "a"', tensors.slice(0, 1));
    const [head, line] = layersCsv(named, 40).split("\n");
    expect(head).toBe(
      "step,run,name,tensor,shape,size,keep_rate,grad_norm,update_norm,full_norm,weight_norm,update_ratio,age,age_95,covered_10,covered_100,looked_at",
    );
    // The oldest were not looked for, and a spreadsheet runs no formula.
    expect(line).toBe(
      '40,r1,"\'=1, ""a""",fc1.weight,64x64,4096,0.5,1,0.5,1,10,0.05,1,,0.99,,4096',
    );
  });
});
