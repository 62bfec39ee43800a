// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from "vitest";
import {
  keepProgress,
  keptProgress,
  nextStep,
  type Progress,
  seenOf,
  withStep,
} from "../../src/state/lesson_progress.ts";

describe("progress", () => {
  afterEach(() => localStorage.clear());

  it("counts each step once, and only those that a lesson still has", () => {
    let progress: Progress = {};
    for (const step of [1, 3, 1, 2, 9]) progress = withStep(progress, "ravine", step);
    expect(progress).toEqual({ ravine: [1, 2, 3, 9] });
    expect(seenOf(progress, "ravine", 4)).toBe(3);
    expect(seenOf(progress, "saddles", 4)).toBe(0);
    expect(withStep(progress, "ravine", 3)).toBe(progress);
  });

  it("goes on at the first step that was not seen, and begins again after the last", () => {
    expect(nextStep({}, "ravine", 3)).toBe(1);
    expect(nextStep({ ravine: [1, 3] }, "ravine", 3)).toBe(2);
    expect(nextStep({ ravine: [1, 2, 3] }, "ravine", 3)).toBe(1);
  });

  it("is kept in the browser", () => {
    expect(keptProgress()).toEqual({});
    keepProgress({ ravine: [1, 2] });
    expect(keptProgress()).toEqual({ ravine: [1, 2] });
  });

  it.each(["no json", "[]", "3", "null", '{"ravine":2}', '{"ravine":["a"]}'])(
    "begins afresh where something else is kept: %s",
    (kept) => {
      localStorage.setItem("lrd.lessons", kept);
      expect(keptProgress()).toEqual({});
    },
  );
});
