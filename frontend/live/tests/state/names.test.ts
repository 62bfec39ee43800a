import { describe, expect, it } from "vitest";
import { nameOf, shortName } from "../../src/state/names.ts";
import { OPTIMIZERS, run } from "./runs.ts";

describe("names", () => {
  const adam = run(0);
  const name = (changes: Parameters<typeof run>[1]) =>
    nameOf(run(1, changes), [adam, run(1, changes)], OPTIMIZERS);

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
    ["Adam + LRD (rows)", { drop_rate: 0.5, policy: "rows" }],
    ["my run", { label: "my run", drop_rate: 0.5 }],
  ])("%s", (expected, changes) => {
    expect(name(changes)).toBe(expected);
  });

  it("is short with the drop rate", () => {
    expect(shortName(run(1, { drop_rate: 0.5 }), [adam], OPTIMIZERS)).toBe("Adam 0.5");
    expect(shortName(adam, [adam], OPTIMIZERS)).toBe("Adam 0");
    const half = run(2, { settings: { lr: Number(adam.settings.lr) / 2 } });
    expect(shortName(half, [adam, half], OPTIMIZERS)).toBe("Adam 0, lr ÷ 2");
  });
});
