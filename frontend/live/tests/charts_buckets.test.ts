import { describe, expect, it } from "vitest";
import { Derived } from "../src/charts/derive.ts";
import { LineShape } from "../src/charts/line_shape.ts";
import type { Column } from "../src/charts/types.ts";
import { Composed } from "../src/state/composed.ts";

const numbers = (...values: number[]) => Float64Array.from(values);

/** Two buckets of ten rows, 1 to 10 and 11 to 20, then rows 21 to 23. */
function column(bad = [0, 0]): Column {
  const piece = {
    steps: numbers(10, 20),
    values: numbers(3, 4),
    thin: true,
    buckets: {
      first: numbers(1, 11),
      bad: numbers(...bad),
      low: numbers(1, 2),
      high: numbers(9, 8),
      mean: numbers(5, 6),
    },
  };
  const made = new Composed([{ piece, from: 1, to: Infinity, strict: false }], true);
  made.append({ n: 3, steps: numbers(21, 22, 23), values: numbers(7, 9, 11) }, 0);
  return made.column;
}

describe("a line of buckets and rows", () => {
  it("has three points a bucket, in order", () => {
    const { n, steps, values, buckets } = column();
    expect([...steps.subarray(0, n)]).toEqual([1, 5.5, 10, 11, 15.5, 20, 21, 22, 23]);
    expect([...values.subarray(0, n)]).toEqual([1, 9, 3, 2, 8, 4, 7, 9, 11]);
    expect([...(buckets?.of.subarray(0, n) ?? [])]).toEqual([0, 0, 0, 1, 1, 1, -1, -1, -1]);
  });

  it("breaks where rows of a bucket are not finite", () => {
    const { n, values } = column([0, 1]);
    expect([...values.subarray(3, n)]).toEqual([2, 8, Number.NaN, 4, 7, 9, 11]);
  });

  it("is drawn through the means of the buckets, and then through those of the rows alone", () => {
    const drawn = new Derived().update(column(), 20, 0, true);
    expect([...drawn.smooth.subarray(0, drawn.n)]).toEqual([5, 5, 5, 6, 6, 6, 7, 8, 9]);
    expect(drawn.raw[1]).toBe(9);
  });

  it("is drawn through the means over all extremes where no mean is asked for", () => {
    const drawn = new Derived().update(column(), 0, 0);
    expect([...drawn.smooth.subarray(0, drawn.n)]).toEqual([5, 5, 5, 6, 6, 6, 7, 9, 11]);
    expect([...drawn.raw.subarray(0, drawn.n)]).toEqual([1, 9, 3, 2, 8, 4, 7, 9, 11]);
  });

  it("is smoothed from the last bucket's mean on", () => {
    const { smooth } = new Derived().update(column(), 0, 0.5);
    expect([...smooth.subarray(0, 9)]).toEqual([5, 5, 5, 6, 6, 6, 6.5, 7.75, 9.375]);
  });

  it("tells of a bucket between which values its rows are, and of a row its value", () => {
    const shape = new LineShape();
    shape.update(column(), 0, 0, false, [0, 30], 300);
    expect(shape.at(14)?.within).toEqual({ first: 11, last: 20, low: 2, high: 8 });
    expect(shape.at(14)?.value).toBeNaN();
    expect([shape.at(20)?.value, shape.at(22)?.value, shape.at(22)?.within]).toEqual([
      4,
      9,
      undefined,
    ]);
  });

  it("tells nothing where rows are missing and nothing stands for them", () => {
    const shape = new LineShape();
    const thin = [[1, 20]] as const;
    const given = { n: 2, steps: numbers(10, 20), values: numbers(1, 2), thin };
    shape.update(given, 0, 0, false, [0, 30], 300);
    expect([shape.at(10)?.value, shape.at(15), shape.at(20)?.value]).toEqual([1, undefined, 2]);
  });
});
