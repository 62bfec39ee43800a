import { describe, expect, it } from "vitest";
import type { ChangeInfo } from "../../src/protocol.ts";
import { firstChange, withChanges } from "../../src/state/verdict_changes.ts";
import { setControl } from "./runs.ts";

const plain = { text: "A sentence.", sure: "One seed." };

describe("changed settings in a verdict", () => {
  const change = (step: number, old: number, next: number) =>
    setControl("a", step, [old, next], 0).changes[0] as ChangeInfo;
  const later = change(300, 0.5, 0.9);
  const early = change(200, 0.2, 0.5);

  it("names the first change up to the step looked at", () => {
    expect(firstChange([later, early], 900)).toBe(200);
    expect(firstChange([later, early], 250)).toBe(200);
    expect(firstChange([later], 250)).toBeNull();
    expect(withChanges(plain, [early], 900).sure).toBe(
      "Settings were changed from step 200 on: no clean comparison. One seed.",
    );
  });

  it("leaves a clean comparison alone, also one set before its first step", () => {
    const first = change(1, 0.2, 0.5);
    expect(withChanges(plain, [first], 900)).toEqual(plain);
  });
});
