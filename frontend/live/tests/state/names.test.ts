import { describe, expect, it } from "vitest";
import { nameOf, shortName, summaryName } from "../../src/state/names.ts";
import { MENUS, run } from "./runs.ts";

describe("names", () => {
  const adam = run(0);
  const name = (changes: Parameters<typeof run>[1]) =>
    nameOf(run(1, changes), [adam, run(1, changes)], MENUS);

  it.each([
    ["Adam", {}],
    ["Adam + LRD", { drop_rate: 0.5 }],
    ["Adam, lr ÷ 2", { settings: { lr: 0.005 } }],
    ["Adam + LRD, lr × 3", { settings: { lr: 0.03 }, drop_rate: 0.1 }],
    ["SGD", { optimizer: "sgd", settings: { lr: 0.1, momentum: 0 } }],
    [
      "SGD momentum + LRD",
      { optimizer: "sgd", settings: { lr: 0.1, momentum: 0.9 }, drop_rate: 0.5 },
    ],
    ["SGD Nesterov", { optimizer: "sgd", settings: { lr: 0.1, momentum: 0.9, nesterov: true } }],
    ["Adam + per row", { drop_rate: 0.5, policy: "per_row" }],
    ["Adam + cautious, lr ÷ 2", { drop_rate: 0.5, policy: "cautious", settings: { lr: 0.005 } }],
    ["Adam + LRD rescaled", { drop_rate: 0.5, rescale: true }],
    // At drop rate 0 no policy changes anything.
    ["Adam", { drop_rate: 0, policy: "cautious", rescale: true }],
    ["Adam + of_another_version", { drop_rate: 0.5, policy: "of_another_version" }],
    ["my run", { label: "my run", drop_rate: 0.5 }],
  ])("%s", (expected, changes) => {
    expect(name(changes)).toBe(expected);
  });

  it("is short with the drop rate, and the policy where it is not LRD", () => {
    const short = (changes: Parameters<typeof run>[1]) => shortName(run(1, changes), [adam], MENUS);
    expect(short({ drop_rate: 0.5 })).toBe("Adam 0.5");
    expect(short({ drop_rate: 0.5, policy: "cautious" })).toBe("Adam cautious 0.5");
    expect(short({ drop_rate: 0.5, policy: "per_row", rescale: true })).toBe(
      "Adam per row 0.5 rescaled",
    );
    expect(short({})).toBe("Adam 0");
    expect(short({ settings: { lr: Number(adam.settings.lr) / 2 } })).toBe("Adam 0, lr ÷ 2");
  });

  it.each([
    ["adam 0.5", "Adam 0.5"],
    ["sgd", "SGD"],
    ["adam per_row 0.25", "Adam per row 0.25"],
    ["adam, lr ÷ 2", "Adam, lr ÷ 2"],
    ["adam 0.5, lr × 1.5", "Adam 0.5, lr × 1.5"],
    ["my per_row run", "my per_row run"],
  ])("in a list, %s is %s", (label, expected) => {
    expect(summaryName(label, MENUS)).toBe(expected);
  });
});
