import { describe, expect, it } from "vitest";
import {
  besideParents,
  changesOf,
  drawnFrom,
  makerOf,
  settingsAt,
  sharedSteps,
} from "../../src/state/lineage.ts";
import { firstChange } from "../../src/state/verdict_changes.ts";
import { run, setControl } from "./runs.ts";

const r1 = run(0);
const r2 = run(1);
const r3 = run(2, { parent: "r1", fork_step: 300 });
const r4 = run(3, { parent: "r3", fork_step: 500 });
const r5 = run(4, { parent: "r1", fork_step: 200 });
const all = [r1, r2, r3, r4, r5];

describe("a shared past", () => {
  it("ends at the earliest fork on the way from one run to the other", () => {
    expect(sharedSteps(all, r1, r3)).toBe(300);
    expect(sharedSteps(all, r4, r3)).toBe(500);
    expect(sharedSteps(all, r4, r1)).toBe(300);
    expect(sharedSteps(all, r4, r5)).toBe(200);
    expect(sharedSteps(all, r4, r2)).toBe(0);
  });

  it("is drawn once, by the first that is there", () => {
    const from = (shown: typeof all) => [...drawnFrom(all, shown).entries()];
    expect(from([r1, r3, r4, r5])).toEqual([
      ["r1", 0],
      ["r3", 300],
      ["r4", 500],
      ["r5", 200],
    ]);
    // r1 was removed: its fork draws its past, the other only what differs.
    expect(from([r4, r5])).toEqual([
      ["r4", 0],
      ["r5", 200],
    ]);
  });

  it("belongs to the run that made the step", () => {
    const maker = (step: number) => makerOf(all, r4, step).id;
    expect([0, 299, 300, 499, 500, 900].map(maker)).toEqual(["r1", "r1", "r3", "r3", "r4", "r4"]);
  });

  it("orders forks after the run they come from", () => {
    expect(besideParents(all).map(({ id }) => id)).toEqual(["r1", "r3", "r4", "r5", "r2"]);
    expect(besideParents([r4, r2]).map(({ id }) => id)).toEqual(["r4", "r2"]);
  });
});

describe("settings at a step", () => {
  const now = run(0, { drop_rate: 0.9, settings: { lr: 0.3 }, policy_settings: { rest: 0.2 } });
  const change = (step: number, setting: string, old: number, next: number) =>
    setControl(`${step}`, step, [0, 0], step, {
      changes: [{ run: "r1", setting, old, new: next, step }],
    });
  const controls = [
    change(100, "drop_rate", 0, 0.5),
    change(150, "lr", 0.1, 0.3),
    change(200, "drop_rate", 0.5, 0.9),
    change(250, "policy.rest", 0.1, 0.2),
    setControl("other", 120, [0.3, 0.4], 0, { run: "r2" }),
  ];
  const at = (step: number) => {
    const { drop_rate, settings, policy_settings } = settingsAt(now, controls, step);
    return [drop_rate, settings.lr, policy_settings.rest];
  };

  it("are those that its first steps used, not what was set since", () => {
    expect(at(99)).toEqual([0, 0.1, 0.1]);
    expect(at(100)).toEqual([0.5, 0.1, 0.1]);
    expect(at(199)).toEqual([0.5, 0.3, 0.1]);
    expect(at(250)).toEqual([0.9, 0.3, 0.2]);
    expect(now.settings).toEqual({ lr: 0.3 });
  });
});

describe("changes in the past of what is shown", () => {
  const changed = setControl("a", 400, [0, 0.9], 0);
  const first = (shown: typeof all, runs = all) =>
    firstChange(changesOf(runs, shown, [changed]), 900);

  it("count for forks that were made after them, not for those before", () => {
    const after = run(5, { parent: "r1", fork_step: 450, drop_rate: 0.9 });
    const now = [run(0, { drop_rate: 0.9 }), r2, r5, after];
    expect(first([r2], now)).toBeNull();
    expect(first([after], now)).toBe(400);
    expect(first([now[0] as typeof r1], now)).toBe(400);
    // Gone back to before the change: nothing of it is left.
    expect(first([r5, r2], now)).toBeNull();
  });

  it("hold the turn of a fork that goes on otherwise", () => {
    const other = run(5, { parent: "r1", fork_step: 200, drop_rate: 0.5 });
    const now = [run(0, { drop_rate: 0.9 }), other];
    expect(first([other], now)).toBe(201);
  });
});
