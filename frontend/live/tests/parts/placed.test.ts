import { expect, it } from "vitest";
import { placed } from "../../src/parts/placed.ts";

it("starts a text just right of its mark", () => {
  expect(placed([{ at: 100, length: 50 }], 1000)).toEqual([105]);
});

it("keeps texts inside the bar", () => {
  expect(placed([{ at: 990, length: 50 }], 1000)).toEqual([950]);
  expect(placed([{ at: 0, length: 2000 }], 1000)).toEqual([null]);
});

it("leaves out older texts that would overlap", () => {
  const marks = [
    { at: 100, length: 80 },
    { at: 150, length: 80 },
    { at: 400, length: 80 },
  ];
  expect(placed(marks, 1000)).toEqual([null, 155, 405]);
});
