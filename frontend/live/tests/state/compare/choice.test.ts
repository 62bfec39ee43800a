import { describe, expect, it } from "vitest";
import {
  choiceOf,
  EMPTY,
  freeSlot,
  MOST_RUNS,
  queryOf,
} from "../../../src/state/compare/choice.ts";

describe("a choice in the address", () => {
  it("comes back as it was", () => {
    const choice = {
      runs: [
        { experiment: "8f9fcb42b2", run: "r1", slot: 0 },
        { experiment: "2c9799397f", run: "r3", slot: 12 },
        { experiment: "2c9799397f", run: "r4", slot: null },
      ],
      add: ["199851a748"],
      axis: "effective" as const,
      grouped: false,
      baseline: "8f9fcb42b2.r1",
      columns: ["loss", "test_accuracy"],
      target: { column: "test_accuracy", value: 0.95 },
    };
    expect(choiceOf(`?${queryOf(choice)}`)).toEqual(choice);
  });

  it("is empty for a bare address, and the other way round", () => {
    expect(choiceOf("")).toEqual(EMPTY);
    expect(queryOf(EMPTY)).toBe("");
  });

  it("keeps a chart list that is empty apart from none", () => {
    expect(choiceOf(`?${queryOf({ ...EMPTY, columns: [] })}`).columns).toEqual([]);
  });

  it("leaves out what cannot be read, and runs that are there twice", () => {
    const found = choiceOf("?runs=a.r1.0,b,.r2,a.r1.5,c.r1.x,d.r2.-1&by=moon&target=loss:low");
    expect(found.runs).toEqual([
      { experiment: "a", run: "r1", slot: 0 },
      { experiment: "c", run: "r1", slot: null },
      { experiment: "d", run: "r2", slot: null },
    ]);
    expect([found.axis, found.target]).toEqual(["step", null]);
  });

  it("holds no more runs than can be drawn", () => {
    const many = Array.from({ length: MOST_RUNS + 5 }, (_, i) => `e${i}.r1`).join(",");
    expect(choiceOf(`?runs=${many}`).runs).toHaveLength(MOST_RUNS);
  });
});

describe("a slot", () => {
  it("is that of runs alike, else the run's own, else the first free one", () => {
    expect(freeSlot(0, 5, [0, 5])).toBe(5);
    expect(freeSlot(3, undefined, [0, 1])).toBe(3);
    expect(freeSlot(0, undefined, [0, 1, 3])).toBe(2);
  });
});
