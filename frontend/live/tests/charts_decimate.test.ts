import { describe, expect, it } from "vitest";
import { PixelColumns } from "../src/charts/decimate.ts";

function rowsOf(columns: PixelColumns): { rows: number[]; breaks: number[] } {
  const rows: number[] = [];
  const breaks: number[] = [];
  columns.each((row, broken) => {
    rows.push(row);
    if (broken) breaks.push(row);
  });
  return { rows, breaks };
}

function wave(n: number): { steps: Float64Array; values: Float64Array } {
  const steps = Float64Array.from({ length: n }, (_, i) => i + 1);
  const values = steps.map((s) => Math.sin(s / 7) + ((s * 7919) % 1000) / 500);
  return { steps, values };
}

describe("PixelColumns", () => {
  it.each([1500, 100_000])("keeps the exact extremes of every pixel column of %i rows", (n) => {
    const { steps, values } = wave(n);
    const width = 300;
    const columns = new PixelColumns();
    columns.view([0, n], width);
    columns.feed(steps, values, n);
    const kept = rowsOf(columns).rows;
    expect(kept.length).toBeLessThanOrEqual(4 * (width + 2));
    const extremes = (rows: Iterable<number>) => {
      const found = new Map<number, [number, number]>();
      for (const row of rows) {
        const c = Math.min(width - 1, Math.floor((row + 1) * (width / n)));
        const v = values[row] as number;
        const [low, high] = found.get(c) ?? [v, v];
        found.set(c, [Math.min(low, v), Math.max(high, v)]);
      }
      return found;
    };
    expect(extremes(kept)).toEqual(extremes(steps.keys()));
    expect(kept.at(0)).toBe(0);
    expect(kept.at(-1)).toBe(n - 1);
  });

  it("keeps every row where there is room for all", () => {
    const { steps, values } = wave(50);
    const columns = new PixelColumns();
    columns.view([0, 50], 400);
    columns.feed(steps, values, 50);
    expect(rowsOf(columns).rows).toEqual([...steps.keys()]);
  });

  it("gives the same fed row by row as fed at once", () => {
    const { steps, values } = wave(3000);
    values[100] = values[1700] = values[1701] = Number.NaN;
    const atOnce = new PixelColumns();
    atOnce.view([0, 3000], 200);
    atOnce.feed(steps, values, 3000);
    const slowly = new PixelColumns();
    slowly.view([0, 3000], 200);
    for (let n = 1; n <= 3000; n += 13) slowly.feed(steps, values, n);
    slowly.feed(steps, values, 3000);
    expect(rowsOf(slowly)).toEqual(rowsOf(atOnce));
    expect(slowly.extent(false)).toEqual(atOnce.extent(false));
  });

  it("breaks the line at NaN and infinity, and nowhere else", () => {
    const steps = Float64Array.from([1, 2, 3, 4, 5, 6, 7]);
    const values = Float64Array.from([1, 2, Number.NaN, 3, Infinity, Number.NaN, 4]);
    for (const width of [2, 7, 700]) {
      const columns = new PixelColumns();
      columns.view([0, 7], width);
      columns.feed(steps, values, 7);
      const { rows, breaks } = rowsOf(columns);
      expect(rows).toEqual([0, 1, 3, 6]);
      expect(breaks).toEqual([0, 3, 6]);
    }
  });

  it("measures only what is in view, and draws on to the next row outside", () => {
    const steps = Float64Array.from({ length: 100 }, (_, i) => i + 1);
    const values = steps.map((s) => s);
    const columns = new PixelColumns();
    columns.view([40, 60], 300);
    columns.feed(steps, values, 100);
    expect(columns.extent(false)).toEqual([40, 60]);
    const { rows } = rowsOf(columns);
    expect(steps[rows[0] as number]).toBe(39);
    expect(steps[rows.at(-1) as number]).toBe(61);
  });

  it("measures the smallest positive value for log axes", () => {
    const values = Float64Array.from([0, -1, 0.5, 2]);
    const columns = new PixelColumns();
    columns.view([0, 4], 1);
    columns.feed(Float64Array.from([1, 2, 3, 4]), values, 4);
    expect(columns.extent(true)).toEqual([0.5, 2]);
    expect(columns.extent(false)).toEqual([-1, 2]);
  });

  it("has no extent without a finite value", () => {
    const values = Float64Array.from([Number.NaN, Infinity]);
    const columns = new PixelColumns();
    columns.view([0, 2], 10);
    columns.feed(Float64Array.from([1, 2]), values, 2);
    expect(columns.extent(false)).toEqual([Number.NaN, Number.NaN]);
    expect(rowsOf(columns).rows).toEqual([]);
  });
});
