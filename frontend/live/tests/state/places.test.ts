import { describe, expect, it } from "vitest";
import { nodeWords, placeOf, placesOf, placeWords } from "../../src/state/places.ts";

const node = {
  name: "lab-2",
  places: 4,
  jobs: 1,
  cores: 16,
  devices: ["cuda:0", "cpu"],
  data: ["mnist"],
};

describe("places in words", () => {
  it("name the machine where it is another", () => {
    for (const place of [
      { device: "cpu", node: "" },
      { device: "cuda:1", node: "lab-2" },
    ]) {
      expect(placeOf(placeWords(place))).toEqual(place);
    }
    expect(placeWords({ device: "cuda:1", node: "lab-2" })).toBe("cuda:1 on lab-2");
  });

  it("are those of all machines, and the one that is taken even if it is away", () => {
    expect(placesOf(["cpu"], [node], "cpu")).toEqual(["cpu", "cuda:0 on lab-2", "cpu on lab-2"]);
    expect(placesOf(["cpu"], [], "cpu on lab-2")).toEqual(["cpu", "cpu on lab-2"]);
  });

  it("tell how full a machine is", () => {
    expect(nodeWords(node)).toBe("lab-2: 1 of 4 places taken · cuda:0, cpu · 16 cores");
    expect(nodeWords({ ...node, places: 1, cores: 1 })).toContain("1 of 1 place taken");
  });
});
