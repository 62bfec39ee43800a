import { describe, expect, it } from "vitest";
import { contrast, heatRgb, inkOn, type Lab, labOf } from "../../src/look/heat.ts";
import type { Sweep, SweepCell, SweepValue } from "../../src/protocol.ts";
import { type AxisForm, spaced, valuesOf } from "../../src/state/sweeps/axis.ts";
import {
  bestOf,
  evenLine,
  heatScale,
  moved,
  neighbours,
  spotKey,
  spotOf,
  updated,
} from "../../src/state/sweeps/cells.ts";
import { heatTable } from "../../src/state/sweeps/figure.ts";
import { measureOf } from "../../src/state/sweeps/measures.ts";
import { sweepAddress, sweepPlaceOf } from "../../src/state/sweeps/place.ts";
import { sweepVerdict } from "../../src/state/sweeps/verdict.ts";

const RANGE: AxisForm = {
  setting: "lr",
  from: "0.0003",
  to: "0.03",
  count: "9",
  spacing: "log",
  list: null,
};

function sweepWith(change: Partial<Sweep> = {}): Sweep {
  return {
    id: "s1",
    name: "",
    created_at: "2026-01-01T00:00:00Z",
    problem: "digits",
    kind: "task",
    settings: {},
    optimizer: "adam",
    policy: "elementwise",
    x: { setting: "drop_rate", label: "drop rate", values: [0, 0.5, 0.75] },
    y: { setting: "lr", label: "learning rate", values: [0.001, 0.002, 0.004] },
    seed: 0,
    seeds: 3,
    steps: 900,
    test_every: 25,
    grid: [["a"], ["b"], ["c"]],
    measures: ["test_loss", "test_accuracy", "loss"],
    window: 50,
    state: "finished",
    progress: 1,
    suggested_lr: 0.002,
    ...change,
  };
}

function cell(x: number, y: number, mean: number, more: Partial<SweepCell> = {}): SweepCell {
  const value: SweepValue = { mean, sd: 0.01, n: 3 };
  return {
    x,
    y,
    state: "finished",
    step: 900,
    diverged_step: null,
    changed: false,
    message: "",
    values: { test_loss: value, test_accuracy: { ...value, mean: 1 - mean / 10 } },
    ...more,
  };
}

const cells = (...all: SweepCell[]) => updated(new Map(), all);
const LOSS = measureOf(sweepWith(), "test_loss");

describe("values of an axis", () => {
  it("are spaced as asked, ends exact, with digits that a person would write", () => {
    expect(valuesOf(RANGE)).toEqual({
      values: [0.0003, 0.00053, 0.00095, 0.0017, 0.003, 0.0053, 0.0095, 0.017, 0.03],
    });
    expect(spaced(0, 0.9, 10, "linear")).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
    // Two digits would make some of these equal.
    expect(new Set(spaced(1, 1.1, 16, "log")).size).toBe(16);
    expect(spaced(3, 1, 2, "linear")).toEqual([1, 3]);
    // Nor may one be rounded out of the range.
    const near = spaced(0.151, 0.159, 3, "log");
    expect(near).toEqual([...near].sort((a, b) => a - b));
  });

  it("can be typed, in any order", () => {
    expect(valuesOf({ ...RANGE, list: "0.1, 0.01 1e-3" })).toEqual({ values: [0.001, 0.01, 0.1] });
    expect(valuesOf({ ...RANGE, list: "0,1 0,5" })).toEqual({ values: [0.1, 0.5] });
    expect(valuesOf({ ...RANGE, list: "1,2,3" })).toEqual({ values: [1, 2, 3] });
  });

  it("name the field that has none, and the mend", () => {
    const why = (change: Partial<AxisForm>) => {
      const found = valuesOf({ ...RANGE, ...change });
      return "why" in found ? `${found.field} ${found.why}` : "";
    };
    expect(why({ from: "x" })).toMatch(/^from .*x.*no number/);
    expect(why({ from: "0" })).toMatch(/^from .*no logarithm.*linear/);
    expect(why({ count: "17" })).toMatch(/^count .*17.*1 to 16/);
    expect(why({ to: "0.0003" })).toMatch(/^to .*same/);
    expect(why({ list: "1 1" })).toMatch(/^list .*twice/);
    expect(why({ list: "1 x" })).toMatch(/^list .*“x” is no number/);
    expect(why({ list: "" })).toMatch(/^list .*few/);
  });
});

describe("colours", () => {
  it.each(["light", "dark"] as const)("are evenly spaced and readable, %s", (theme) => {
    const ramp = Array.from({ length: 21 }, (_, i) => heatRgb(theme, i / 20));
    const labs = ramp.map(labOf);
    const far = (a: Lab, b: Lab) => Math.hypot(...a.map((v, i) => v - (b[i] as number)));
    const steps = labs.slice(1).map((lab, i) => far(lab, labs[i] as Lab));
    const mean = steps.reduce((a, b) => a + b) / steps.length;
    // 8-bit colours round; nothing is clipped at the edge of sRGB.
    for (const step of steps) expect(Math.abs(step / mean - 1)).toBeLessThan(0.2);
    for (const colour of ramp) expect(contrast(colour, inkOn(colour))).toBeGreaterThanOrEqual(4.5);
    const away = labs.map(([l]) => (theme === "light" ? -l : l));
    expect(away).toEqual([...away].sort((a, b) => a - b));
  });

  it("give the best value the end of the scale, by logarithm where values span decades", () => {
    const all = cells(cell(0, 0, 0.01), cell(1, 0, 0.1), cell(2, 0, 1));
    const scale = heatScale(all, LOSS, null);
    expect([0.01, 0.1, 1].map((v) => scale?.share(v))).toEqual([1, 0.5, 0]);
    expect(scale?.at(0.5)).toBeCloseTo(0.1);
    const linear = heatScale(all, LOSS, "linear");
    expect(linear?.share(0.505)).toBeCloseTo(0.5);
  });

  it("take an accuracy by its errors", () => {
    const all = cells(cell(0, 0, 0.1), cell(1, 0, 1), cell(2, 0, 10));
    const scale = heatScale(all, measureOf(sweepWith(), "test_accuracy"), null);
    expect(scale?.share(0.99)).toBeCloseTo(1);
    expect(scale?.share(0.9)).toBeCloseTo(0.5);
    expect([scale?.low, scale?.high]).toEqual([0, 0.99]);
  });

  it("leave out what diverged, and come through values that are zero or equal", () => {
    const bad = cell(1, 0, 1e300, { state: "diverged", diverged_step: 3 });
    expect(heatScale(cells(cell(0, 0, 0.2), bad), LOSS, null)?.share(0.2)).toBe(0.5);
    const zero = heatScale(cells(cell(0, 0, 0), cell(1, 0, 1), cell(2, 0, 0.1)), LOSS, null);
    expect(zero?.share(0)).toBe(1);
    expect(heatScale(cells(bad), LOSS, null)).toBeNull();
  });
});

describe("cells", () => {
  const sweep = sweepWith();

  it("have neighbours and are walked to, y upwards, within the map", () => {
    expect(neighbours({ x: 0, y: 2 }, sweep).map(spotKey)).toEqual(["1.2", "0.1"]);
    expect(moved({ x: 0, y: 2 }, "ArrowUp", sweep)).toEqual({ x: 0, y: 2 });
    expect(moved({ x: 0, y: 1 }, "ArrowUp", sweep)).toEqual({ x: 0, y: 2 });
    expect(moved({ x: 0, y: 1 }, "End", sweep)).toEqual({ x: 2, y: 1 });
    expect(moved({ x: 0, y: 1 }, "a", sweep)).toBeNull();
    expect(spotOf("2.1", sweep)).toEqual({ x: 2, y: 1 });
    expect(spotOf("3.1", sweep)).toBeNull();
    expect(spotOf("x", sweep)).toBeNull();
  });

  it("have a best one of those whose seeds all have a value", () => {
    const few = cell(1, 1, 0.01, { values: { test_loss: { mean: 0.01, sd: 0, n: 2 } } });
    const all = cells(cell(0, 0, 0.3), cell(2, 2, 0.2), few);
    expect(bestOf(all, sweep, LOSS)).toMatchObject({ x: 2, y: 2 });
    const accuracy = measureOf(sweep, "test_accuracy");
    expect(bestOf(all, sweep, accuracy)).toMatchObject({ x: 2, y: 2 });
  });

  it("lie on a line of equal lr × keep", () => {
    const line = evenLine(sweep, { x: 0, y: 0 });
    const third = 1 / 3;
    // lr 0.001 at drop rate 0 is lr 0.002 at 0.5 and 0.004 at 0.75: from corner to corner.
    for (const [at, point] of [
      [0, [third / 2, third / 2]],
      [8, [0.5, 0.5]],
      [16, [1 - third / 2, 1 - third / 2]],
    ] as const) {
      expect(line?.[at]?.[0]).toBeCloseTo(point[0]);
      expect(line?.[at]?.[1]).toBeCloseTo(point[1]);
    }
    const turned = evenLine(sweepWith({ x: sweep.y, y: sweep.x }), { x: 0, y: 0 });
    expect(turned?.map(([x, y]) => [y, x])).toEqual(line);
    const other = { ...sweep.y, setting: "beta1" };
    expect(evenLine(sweepWith({ y: other }), { x: 0, y: 0 })).toBeNull();
  });
});

describe("the verdict", () => {
  it("says when the best is not told from others by the seeds' scatter", () => {
    const all = cells(cell(1, 1, 0.1), cell(0, 1, 0.105), cell(2, 2, 0.5));
    const { text, sure, tied } = sweepVerdict(sweepWith(), all, LOSS);
    expect(text).toContain("Best: drop rate 0.5, learning rate 0.002");
    expect(text).toContain("1 other cell lies within the seeds’ scatter");
    expect(text).toContain("Without dropping, the best is learning rate 0.002");
    expect(text).toContain("no difference that these seeds can show");
    expect(sure).toContain("3 seeds");
    expect(tied).toEqual(new Set(["0.1"]));
  });

  it("says when it is", () => {
    const all = cells(cell(1, 1, 0.1), cell(0, 1, 0.3), cell(2, 2, 0.5));
    const { text } = sweepVerdict(sweepWith({ state: "running" }), all, LOSS);
    expect(text).toContain("Best so far");
    expect(text).toContain("Every other cell differs by more than the seeds scatter");
    expect(text).toContain("worse by more than the seeds scatter");
  });

  it("claims nothing from one seed", () => {
    const single = (x: number, mean: number) =>
      cell(x, 1, mean, { values: { test_loss: { mean, sd: null, n: 1 } } });
    const all = cells(single(0, 0.5), single(1, 0.1));
    const { text, sure, tied } = sweepVerdict(sweepWith({ seeds: 1 }), all, LOSS);
    expect(text).not.toContain("scatter");
    expect(text).not.toContain("±");
    expect(sure).toContain("One seed a cell");
    expect(tied).toBeNull();
  });
});

it("an address holds sweep, cell and measure", () => {
  const place = { sweep: "s1", cell: "2.1", by: "loss" };
  const address = sweepAddress(place, "/lab/sweeps");
  expect(address).toBe("/lab/sweeps?sweep=s1&cell=2.1&by=loss");
  expect(sweepPlaceOf(address.slice(address.indexOf("?")))).toEqual(place);
  expect(sweepAddress({}, "/")).toBe("/sweeps");
});

describe("a map's table", () => {
  it("has a row for every cell of the grid, with nothing where there is nothing", () => {
    const some = cells(
      cell(0, 0, 0.5),
      cell(2, 1, 9, { state: "diverged", step: 312, diverged_step: 312, values: {} }),
    );
    const table = heatTable(sweepWith(), some, LOSS);
    const rows = Array.from({ length: 9 }, (_, i) =>
      Object.fromEntries(Object.entries(table).map(([name, values]) => [name, values[i]])),
    );
    expect(rows.map((row) => [row.drop_rate, row.lr]).slice(0, 4)).toEqual([
      [0, 0.001],
      [0.5, 0.001],
      [0.75, 0.001],
      [0, 0.002],
    ]);
    expect(rows[0]).toMatchObject({ state: "finished", test_loss: 0.5, "test_loss/sd": 0.01 });
    expect(rows[5]).toMatchObject({ state: "diverged", diverged_step: 312, test_loss: Number.NaN });
    expect(rows[8]).toMatchObject({ state: "waiting", step: 0, seeds: Number.NaN });
  });
});
