import { describe, expect, it } from "vitest";
import {
  formatPercent,
  formatRange,
  formatSetting,
  formatSigned,
  formatStep,
  formatTick,
  formatTicks,
  formatValue,
} from "../src/look/format.ts";

const THIN = "\u202f";

describe("formatValue", () => {
  it.each([
    [0.0342, "0.0342"],
    [0.021, "0.0210"],
    [8.6761, "8.68"],
    [52.349, "52.3"],
    [9.999, "10.0"],
    [0.00099999, "0.00100"],
    [999.6, `1${THIN}000`],
    [12345, `12${THIN}300`],
    [5.98e-6, "5.98e−6"],
    [-8.84e-4, "−8.84e−4"],
    [1.5e12, "1.50e12"],
    [1e-320, "1.00e−320"],
    [0, "0"],
    [-0, "0"],
    [Number.NaN, "–"],
    [Infinity, "∞"],
    [-Infinity, "−∞"],
  ])("%f → %s", (value, text) => {
    expect(formatValue(value)).toBe(text);
  });
});

describe("formatPercent", () => {
  it.each([
    [0.9722, `97.2${THIN}%`],
    [1, `100${THIN}%`],
    [0.99999, `100${THIN}%`],
    [0, `0${THIN}%`],
    [-0.0001, `0${THIN}%`],
    [-0.053, `−5.3${THIN}%`],
    [Number.NaN, "–"],
  ])("%f → %s", (share, text) => {
    expect(formatPercent(share)).toBe(text);
  });
});

describe("formatStep", () => {
  it.each([
    [640, "640"],
    [1000, `1${THIN}000`],
    [1234567, `1${THIN}234${THIN}567`],
    [0, "0"],
  ])("%i → %s", (step, text) => {
    expect(formatStep(step)).toBe(text);
  });
});

describe("formatSigned", () => {
  it("always shows the sign, and ± where nothing is left of the difference", () => {
    expect(formatSigned(0.08, 2)).toBe("+0.08");
    expect(formatSigned(-0.06, 2)).toBe("−0.06");
    expect(formatSigned(-0.001, 2)).toBe("±0.00");
  });
});

describe("ticks", () => {
  it("are as short as numbers can be", () => {
    expect([100, 1, 0.01, 1e-4, 1.5, 0, 2.5e-5, 1e5, -3].map(formatTick)).toEqual([
      "100",
      "1",
      "0.01",
      "1e−4",
      "1.5",
      "0",
      "2.5e−5",
      "1e5",
      "−3",
    ]);
  });

  it("follow the chart's format without its trailing zeros", () => {
    expect(formatTicks([0, 0.5, 1], formatPercent)).toEqual([
      `0${THIN}%`,
      `50${THIN}%`,
      `100${THIN}%`,
    ]);
    expect(formatTicks([1e-4, 0.01, 1, 100], formatValue)).toEqual(["1e−4", "0.01", "1", "100"]);
    expect(formatTicks([0, 20, 40], formatValue)).toEqual(["0", "20", "40"]);
  });

  it("stay different when the chart's format is too coarse for them", () => {
    const labels = formatTicks([1.0001, 1.0002, 1.0003], formatValue);
    expect(labels).toEqual(["1.0001", "1.0002", "1.0003"]);
  });
});

describe("a setting", () => {
  it.each([
    [0.003, "0.003"],
    [1e-8, "1e−8"],
    [true, "on"],
    [false, "off"],
    ["word", "word"],
  ])("%s is shown as %s", (value, text) => {
    expect(formatSetting(value)).toBe(text);
  });

  it.each([
    [0, 1, false, true, "[0, 1)"],
    [0, null, true, false, "> 0"],
    [1, null, false, false, "≥ 1"],
    [null, 5, false, true, "< 5"],
    [null, null, false, false, ""],
  ])("from %s to %s, open %s %s: %s", (low, high, low_open, high_open, text) => {
    const range = { low, high, low_open, high_open };
    expect(formatRange({ kind: "float", ...range })).toBe(text);
    expect(formatRange({ kind: "bool", ...range })).toBe("");
  });
});
