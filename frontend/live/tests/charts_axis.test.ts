import { describe, expect, it } from "vitest";
import {
  GrowingBounds,
  linearBounds,
  linearTicks,
  logBounds,
  logTicks,
  niceStep,
  stepTicks,
} from "../src/charts/axis.ts";

describe("bounds", () => {
  it("are round and hold the data", () => {
    expect(linearBounds([0.2, 2.8])).toEqual([0, 3]);
    expect(linearBounds([0.11, 0.973])).toEqual([0, 1]);
    expect(linearBounds([-0.9, 1])).toEqual([-1, 1]);
    expect(logBounds([0.0234, 2.41])).toEqual([0.02, 5]);
    expect(logBounds([5.98e-6, 52])).toEqual([1e-6, 100]);
  });

  it("have room around a single value, of any size", () => {
    for (const v of [0, 1, -3, 1e-12, 7.3e20]) {
      const [low, high] = linearBounds([v, v]);
      expect(low).toBeLessThanOrEqual(v);
      expect(high).toBeGreaterThan(low);
      expect(high).toBeGreaterThanOrEqual(v);
    }
    for (const v of [1, 0.3, 1e-300, 7.3e200]) {
      const [low, high] = logBounds([v, v]);
      expect(low).toBeLessThanOrEqual(v);
      expect(high / low).toBeGreaterThanOrEqual(9.99);
    }
  });

  it("hold random data without wasting more than half of the axis", () => {
    let seed = 1;
    const random = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    for (let i = 0; i < 500; i++) {
      const a = (random() - 0.5) * 10 ** (random() * 12 - 6);
      const b = a + random() * 10 ** (random() * 12 - 6);
      const [low, high] = linearBounds([a, b]);
      expect(low).toBeLessThanOrEqual(a + 1e-8 * (high - low));
      expect(high).toBeGreaterThanOrEqual(b - 1e-8 * (high - low));
      if (low < 0 || b - a > 0.7 * b) expect((b - a) / (high - low)).toBeGreaterThan(0.4);
    }
  });
});

describe("GrowingBounds", () => {
  it("stay while the data fit, and never shrink", () => {
    const bounds = new GrowingBounds();
    const first = bounds.fit(0.5, 2.8, "linear");
    expect(bounds.fit(0.1, 2.9, "linear")).toBe(first);
    const grown = bounds.fit(0.1, 3.1, "linear");
    expect(grown[1]).toBeGreaterThan(3.1);
    expect(bounds.fit(1, 2, "linear")).toEqual(grown);
  });

  it("grow in few steps while a loss falls ten decades", () => {
    const bounds = new GrowingBounds();
    const seen = new Set<string>();
    for (let k = 0; k <= 1000; k++) seen.add(bounds.fit(10 ** (-k / 100), 1, "log").join());
    expect(seen.size).toBeLessThanOrEqual(20);
  });

  it("stay numbers for data at the ends of the floating-point range", () => {
    for (const scale of ["log", "linear"] as const) {
      const [low, high] = new GrowingBounds().fit(5e-324, Number.MAX_VALUE, scale);
      expect(Number.isFinite(high)).toBe(true);
      expect(high).toBeGreaterThan(low);
      expect(scale === "log" ? low : 1).toBeGreaterThan(0);
    }
  });

  it("start over when told", () => {
    const bounds = new GrowingBounds();
    bounds.fit(0, 1000, "linear");
    bounds.reset();
    expect(bounds.fit(0, 1, "linear")).toEqual([0, 1]);
  });

  it("have an answer before any data, and keep the last one after NaN", () => {
    const bounds = new GrowingBounds();
    expect(bounds.fit(Number.NaN, Number.NaN, "linear")).toEqual([0, 1]);
    const shown = bounds.fit(0, 8, "linear");
    expect(bounds.fit(Number.NaN, Number.NaN, "linear")).toBe(shown);
  });
});

describe("ticks", () => {
  it("of a log axis are few decades", () => {
    expect(logTicks([1e-6, 100], 5)).toEqual([1e-6, 1e-4, 0.01, 1, 100]);
    expect(logTicks([0.02, 5], 5)).toEqual([0.1, 1]);
    expect(logTicks([1, 10], 6)).toEqual([1, 2, 5, 10]);
  });

  it("of a value axis reach its ends where they can", () => {
    expect(linearTicks([0, 1], 3)).toEqual([0, 0.5, 1]);
    expect(linearTicks([0, 3], 3)).toEqual([0, 1.5, 3]);
    expect(linearTicks([0, 1], 5)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });

  it("of a step axis are whole and reach the planned end", () => {
    expect(stepTicks([0, 900], 5)).toEqual([0, 300, 600, 900]);
    expect(stepTicks([0, 2000], 6)).toEqual([0, 500, 1000, 1500, 2000]);
    expect(stepTicks([0, 100000], 4)).toEqual([0, 50000, 100000]);
    expect(stepTicks([0, 1], 6).every(Number.isInteger)).toBe(true);
  });

  it("never exceed what has room", () => {
    for (let most = 2; most <= 6; most++) {
      for (const end of [1, 3, 7, 10, 123, 640, 900, 1801, 99999]) {
        expect(stepTicks([0, end], most).length).toBeLessThanOrEqual(most);
        expect(logTicks([1e-9 * end, 10 * end], most).length).toBeLessThanOrEqual(most);
      }
    }
  });

  it("stand at nice steps", () => {
    expect([0.9, 1.1, 2.2, 3, 7, 160].map(niceStep)).toEqual([1, 2, 2.5, 5, 10, 200]);
  });
});
