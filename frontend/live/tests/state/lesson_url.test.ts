import { describe, expect, it } from "vitest";
import { placeAddress, placeIn } from "../../src/state/lesson_url.ts";
import { experimentOf, pageOf } from "../../src/state/url.ts";

describe("places among the lessons", () => {
  it.each([
    ["", { name: null, step: 1 }],
    ["?lesson=", { name: null, step: 1 }],
    ["?lesson=ravine", { name: "ravine", step: 1 }],
    ["?lesson=ravine&step=3&experiment=ab", { name: "ravine", step: 3 }],
    ["?lesson=ravine&step=0", { name: "ravine", step: 1 }],
    ["?lesson=ravine&step=1.5", { name: "ravine", step: 1 }],
    ["?lesson=ravine&step=two", { name: "ravine", step: 1 }],
  ])("%s", (search, place) => {
    expect(placeIn(search)).toEqual(place);
  });

  it("are found again in their address", () => {
    const address = placeAddress({ name: "local-minima", step: 2 }, "a b", "/lab/train");
    expect(address).toBe("/lab/lessons?lesson=local-minima&step=2&experiment=a%20b");
    const [path = "", query] = address.split("?");
    expect(pageOf(path)).toBe("lessons");
    expect(placeIn(`?${query}`)).toEqual({ name: "local-minima", step: 2 });
    expect(experimentOf(`?${query}`)).toBe("a b");
  });

  it("name no experiment without a lesson", () => {
    expect(placeAddress({ name: null, step: 4 }, "ab", "/lessons")).toBe("/lessons");
    expect(placeAddress({ name: "ravine", step: 1 }, null, "/")).toBe("/lessons?lesson=ravine");
  });
});
