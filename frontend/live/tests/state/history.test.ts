import { describe, expect, it } from "vitest";
import { History, meanAt, valueAt } from "../../src/state/history.ts";
import { DISTANCE, SurfaceRows } from "../../src/state/surface_rows.ts";
import { decodeFrame, numbersOf } from "../../src/state/wire.ts";
import { block, bytes, frame } from "./blocks.ts";

function rows(history: History, run: string, name: string): [number[], number[]] {
  const column = history.column(run, name);
  if (!column) return [[], []];
  return [[...column.steps.subarray(0, column.n)], [...column.values.subarray(0, column.n)]];
}

describe("history", () => {
  it("appends consecutive frames and keeps the cursor", () => {
    const history = new History();
    history.ingest(frame(1, [block("r1", 1, { loss: [9, 8] })]));
    history.ingest(frame(2, [block("r1", 3, { loss: [7] })]));
    expect(rows(history, "r1", "loss")).toEqual([
      [1, 2, 3],
      [9, 8, 7],
    ]);
    expect([history.head, history.seq, history.version]).toEqual([3, 2, 2]);
  });

  it("draws no row twice when frames come again", () => {
    const history = new History();
    const first = frame(1, [block("r1", 1, { loss: [9, 8, 7] })]);
    history.ingest(first);
    history.ingest(first);
    history.ingest(frame(2, [block("r1", 2, { loss: [8, 7, 6] })]));
    expect(rows(history, "r1", "loss")).toEqual([
      [1, 2, 3, 4],
      [9, 8, 7, 6],
    ]);
  });

  it("puts rows that come late in their place", () => {
    const history = new History();
    history.ingest(frame(1, [block("r1", 5, { loss: [5, 4] })]));
    history.ingest(frame(2, [block("r1", 1, { loss: [9, 8] })]));
    expect(rows(history, "r1", "loss")).toEqual([
      [1, 2, 5, 6],
      [9, 8, 5, 4],
    ]);
  });

  it("keeps columns of another interval apart", () => {
    const history = new History();
    history.ingest(
      frame(1, [
        block("r1", 1, { loss: [3, 2, 1] }),
        block("r1", 10, { test_loss: [0.5, 0.4] }, 10),
      ]),
    );
    expect(rows(history, "r1", "test_loss")).toEqual([
      [10, 20],
      [0.5, 0.4],
    ]);
    expect(rows(history, "r1", "loss")[0]).toEqual([1, 2, 3]);
  });

  it("joins columns of the same rows that come in two blocks", () => {
    const history = new History();
    history.ingest(
      frame(1, [block("r1", 1, { loss: [3, 2] }), block("r1", 1, { test_loss: [6, 5] })]),
    );
    expect(rows(history, "r1", "test_loss")).toEqual([
      [1, 2],
      [6, 5],
    ]);
  });

  it("marks rows before a column's first with NaN", () => {
    const history = new History();
    history.ingest(frame(1, [block("r1", 1, { loss: [3] })]));
    history.ingest(frame(2, [block("r1", 2, { loss: [2], extra: [7] })]));
    expect(rows(history, "r1", "extra")[1]).toEqual([Number.NaN, 7]);
  });

  it("holds 100,000 rows exactly", () => {
    const history = new History();
    const values = Array.from({ length: 100_000 }, (_, i) => Math.sin(i));
    for (let i = 0; i < values.length; i += 7_000) {
      history.ingest(frame(i + 1, [block("r1", i + 1, { loss: values.slice(i, i + 7_000) })]));
    }
    const [steps, kept] = rows(history, "r1", "loss");
    expect(kept).toEqual(values);
    expect(steps[99_999]).toBe(100_000);
  });

  it("finds values and means at a step", () => {
    const history = new History();
    history.ingest(frame(1, [block("r1", 1, { loss: [4, 3, 2, 1] })]));
    const loss = history.column("r1", "loss");
    expect(valueAt(loss, 3)).toBe(2);
    expect(valueAt(loss, 99)).toBe(1);
    expect(valueAt(loss, 0)).toBeNaN();
    expect(meanAt(loss, 3, 2)).toBe(2.5);
    expect(meanAt(undefined, 3, 2)).toBeNaN();
  });
});

describe("a fork's past", () => {
  const kin = (id: string, parent: string, fork_step: number) => ({ id, parent, fork_step });
  const r2 = kin("r2", "r1", 3);
  const r3 = kin("r3", "r2", 5);

  it("is its parent's, whether the fork is told of before, between or after the rows", () => {
    const parent = frame(1, [
      block("r1", 1, { loss: [9, 8] }),
      block("r1", 2, { test_loss: [20, 40] }, 2),
    ]);
    const more = frame(2, [block("r1", 3, { loss: [7, 6, 5] })]);
    const own = frame(3, [
      block("r2", 4, { loss: [66, 55] }),
      block("r2", 4, { test_loss: [44] }, 2),
    ]);
    for (const told of [0, 1, 2, 3]) {
      const history = new History();
      [parent, more, own].forEach((one, i) => {
        if (i === told) history.relate([kin("r1", "", 0), r2]);
        history.ingest(one);
      });
      history.relate([kin("r1", "", 0), r2]);
      expect(rows(history, "r2", "loss"), `told before frame ${told + 1}`).toEqual([
        [1, 2, 3, 4, 5],
        [9, 8, 7, 66, 55],
      ]);
      expect(rows(history, "r2", "test_loss")).toEqual([
        [2, 4],
        [20, 44],
      ]);
      expect(rows(history, "r1", "loss")[1]).toEqual([9, 8, 7, 6, 5]);
      expect(history.last("r2")).toBe(5);
    }
  });

  it("goes back through forks of forks, each up to its own step", () => {
    const history = new History();
    history.relate([r2, r3]);
    history.ingest(frame(1, [block("r1", 1, { loss: [1, 2, 3, 4, 5, 6] })]));
    history.ingest(frame(2, [block("r2", 4, { loss: [40, 50, 60] })]));
    history.ingest(frame(3, [block("r3", 6, { loss: [600] })]));
    expect(rows(history, "r3", "loss")).toEqual([
      [1, 2, 3, 4, 5, 6],
      [1, 2, 3, 40, 50, 600],
    ]);
  });

  it("is not doubled when frames come again, and is empty for a fork at step 0", () => {
    const history = new History();
    history.relate([r2, kin("r4", "r1", 0)]);
    const first = frame(1, [block("r1", 1, { loss: [9, 8, 7, 6] })]);
    history.ingest(first);
    history.ingest(first);
    expect(rows(history, "r2", "loss")).toEqual([
      [1, 2, 3],
      [9, 8, 7],
    ]);
    expect(history.last("r4")).toBe(0);
  });

  it("is measured anew for a surface when it comes after the fork's own rows", () => {
    const history = new History();
    const surface = new SurfaceRows(history, [{ x: 0, y: 0, kind: "minimum" }]);
    history.ingest(frame(1, [block("r1", 1, { x: [3, 6, 9], y: [4, 8, 12] })]));
    history.ingest(frame(2, [block("r2", 4, { x: [30], y: [40] })]));
    expect(surface.column("r2", DISTANCE)?.values[0]).toBe(50);
    history.relate([r2]);
    const column = surface.column("r2", DISTANCE);
    expect([...(column?.values.subarray(0, column.n) ?? [])]).toEqual([5, 10, 15, 50]);
  });
});

describe("distance to the minimum", () => {
  it("grows with the rows and takes the nearest global minimum", () => {
    const history = new History();
    const minimum = (x: number, y: number) => ({ x, y, kind: "minimum" as const });
    const surface = new SurfaceRows(history, [minimum(0, 0), minimum(10, 0)]);
    history.ingest(frame(1, [block("r1", 1, { x: [3], y: [4] })]));
    expect(surface.column("r1", DISTANCE)?.values[0]).toBe(5);
    history.ingest(frame(2, [block("r1", 2, { x: [10], y: [1] })]));
    const column = surface.column("r1", DISTANCE);
    expect([column?.n, column?.values[0], column?.values[1]]).toEqual([2, 5, 1]);
  });
});

describe("wire", () => {
  it("decodes what a worker encodes", () => {
    const decoded = decodeFrame(bytes(frame(4, [block("r2", 7, { loss: [0.25] })])));
    const [dtype, data] = decoded.blocks[0]?.columns.loss ?? ["f4", new Uint8Array()];
    expect([decoded.seq, decoded.blocks[0]?.first, [...numbersOf(dtype, data)]]).toEqual([
      4,
      7,
      [0.25],
    ]);
  });

  it("refuses a frame of another version", () => {
    const other = { ...frame(1, []), v: 2 };
    expect(() => decodeFrame(bytes(other))).toThrow(/version 1/);
  });
});
