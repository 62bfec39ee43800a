import { describe, expect, it } from "vitest";
import { tagsOf, tagText } from "../../src/state/tags.ts";

describe("tags", () => {
  it("stand between commas, each once", () => {
    expect(tagsOf(" paper, saddle ,paper,, for class ")).toEqual(["paper", "saddle", "for class"]);
    expect(tagsOf(" , ")).toEqual([]);
    expect(tagsOf(tagText(["a", "b c"]))).toEqual(["a", "b c"]);
  });
});
