import { describe, expect, it } from "vitest";
import { addressOf, experimentOf, folderOf, pageOf } from "../../src/state/url.ts";

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

  it("is the same view again when it is opened", () => {
    const address = addressOf("train", "a b", "/lab/");
    expect(address).toBe("/lab/train?experiment=a%20b");
    const [path, query] = address.split("?");
    expect([pageOf(path ?? ""), experimentOf(`?${query}`)]).toEqual(["train", "a b"]);
    expect(addressOf("explore", null, "/train")).toBe("/");
  });
});
