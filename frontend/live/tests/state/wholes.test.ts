import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Column } from "../../src/charts/types.ts";
import type { Piece } from "../../src/state/lines.ts";
import { Turns } from "../../src/state/turns.ts";
import { type Asked, Wholes } from "../../src/state/wholes.ts";

let now = 0;

beforeEach(() => {
  now = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("turns", () => {
  it("lets one kind of work be done in a frame, all of it, and the next one in a later frame", () => {
    const turns = new Turns();
    expect(turns.admits("a")).toBe(true);
    turns.spend(9);
    expect([turns.admits("b"), turns.admits("a")]).toEqual([false, true]);
    now += 12;
    expect(turns.admits("b")).toBe(false);
    now += 12;
    expect([turns.admits("b"), turns.admits("a")]).toEqual([true, false]);
  });
});

describe("columns with a past", () => {
  const rows = (from: number, to: number): Column => {
    const steps = Float64Array.from({ length: to - from + 1 }, (_, i) => from + i);
    return { n: steps.length, steps, values: steps.map((step) => 10 * step) };
  };
  const piece = (to: number): Piece => {
    const { steps, values } = rows(1, to);
    return { steps, values, buckets: null, thin: false };
  };
  const asked = (run: string, past: number, folded: number): Asked => ({
    run,
    name: "loss",
    line: false,
    view: undefined,
    viewKey: "",
    basis: { past, folded, changes: 0 },
  });
  const stepsOf = (column: Column | undefined) => [...(column?.steps.subarray(0, column.n) ?? [])];
  const all = (to: number) => Array.from({ length: to }, (_, i) => i + 1);

  it("go on as they were, with every new row, until it is their turn", () => {
    const made: string[] = [];
    let later = 0;
    const wholes = new Wholes(
      ({ run, basis }, to) => {
        made.push(run);
        now += 5;
        return [{ piece: piece(basis.folded), from: 1, to, strict: false }];
      },
      () => {
        later += 1;
      },
    );
    for (const run of ["r1", "r2"]) {
      expect(stepsOf(wholes.of(asked(run, 1, 4), rows(5, 6)))).toEqual(all(6));
    }
    now += 100;
    // The past was read anew up to step 6, and rows up to it were let go of.
    const before = wholes.of(asked("r2", 1, 4), rows(5, 8))?.generation;
    expect(stepsOf(wholes.of(asked("r1", 2, 6), rows(7, 9)))).toEqual(all(9));
    const waiting = wholes.of(asked("r2", 2, 6), rows(7, 9));
    expect(stepsOf(waiting)).toEqual(all(9));
    expect([waiting?.generation, later]).toEqual([before, 1]);
    now += 100;
    const fresh = wholes.of(asked("r2", 2, 6), rows(7, 10));
    expect(stepsOf(fresh)).toEqual(all(10));
    expect(fresh?.generation).not.toBe(before);
    expect(made).toEqual(["r1", "r2", "r1", "r2"]);
  });
});
