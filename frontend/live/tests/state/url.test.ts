import { describe, expect, it } from "vitest";
import { addressOf, experimentOf, folderOf, pageOf, viewOf } from "../../src/state/url.ts";

describe("addresses", () => {
  it.each([
    ["/", "explore", "/"],
    ["/train", "train", "/"],
    ["/experiments/", "experiments", "/"],
    ["/lab/", "explore", "/lab/"],
    ["/lab/train", "train", "/lab/"],
  ])("%s is the page %s in %s", (path, page, folder) => {
    expect(pageOf(path)).toBe(page);
    expect(folderOf(path)).toBe(folder);
  });

  it("names the experiment", () => {
    expect(experimentOf("?experiment=ab12")).toBe("ab12");
    expect(experimentOf("?experiment=")).toBeNull();
    expect(experimentOf("")).toBeNull();
  });

  it.each([
    ["?view=basins", "basins"],
    ["?experiment=ab12&view=basins", "basins"],
    ["?experiment=ab12", "paths"],
    ["?view=else", "paths"],
    ["", null],
  ])("%s shows %s", (search, view) => {
    expect(viewOf(search)).toBe(view);
  });

  it("names the view on Explore alone", () => {
    expect(addressOf("explore", "ab12", "/", "basins")).toBe("/?experiment=ab12&view=basins");
    expect(addressOf("explore", null, "/", "basins")).toBe("/?view=basins");
    expect(addressOf("train", "ab12", "/", "basins")).toBe("/train?experiment=ab12");
  });

  it("is the same view again when it is opened", () => {
    const address = addressOf("train", "a b", "/lab/");
    expect(address).toBe("/lab/train?experiment=a%20b");
    const [path, query] = address.split("?");
    expect([pageOf(path ?? ""), experimentOf(`?${query}`)]).toEqual(["train", "a b"]);
    expect(addressOf("explore", null, "/train")).toBe("/");
  });
});
