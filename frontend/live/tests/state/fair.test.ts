import { describe, expect, it } from "vitest";
import type { Experiment, ProblemInfo } from "../../src/protocol.ts";
import { again, elsewhere } from "../../src/state/again.ts";
import { fairBaseline, fairOf, mostRelevant, plainOf, whyNoFair } from "../../src/state/fair.ts";
import { MENUS, run } from "./runs.ts";

const lrd = run(1, { drop_rate: 0.5, settings: { lr: 0.003, beta1: 0.9 } });

describe("the fair baseline", () => {
  it("is the same optimizer at lr × keep with nothing dropped", () => {
    expect(fairBaseline(lrd, MENUS)).toEqual({
      optimizer: "adam",
      settings: { lr: 0.0015, beta1: 0.9 },
      drop_rate: 0,
      schedule: "constant",
      schedule_settings: {},
    });
  });

  it("follows the same schedule", () => {
    const at = { schedule: "step", schedule_settings: { at: "3,5" } };
    const stepped = { ...lrd, ...at };
    expect(fairBaseline(stepped, MENUS)).toMatchObject(at);
    const constant = run(2, { settings: { lr: 0.0015, beta1: 0.9 } });
    expect(fairOf(stepped, [stepped, constant], MENUS)).toBeUndefined();
    const alike = { ...constant, ...at };
    expect(fairOf(stepped, [stepped, constant, alike], MENUS)).toBe(alike);
  });

  it("is found among the runs, apart from the plain one", () => {
    const plain = run(0, { settings: { lr: 0.003, beta1: 0.9 } });
    const fair = run(2, { settings: { lr: 0.0015, beta1: 0.9 } });
    const other = run(3, { settings: { lr: 0.0015, beta1: 0.5 } });
    const runs = [plain, lrd, other, fair];
    expect(plainOf(lrd, runs)?.id).toBe("r1");
    expect(fairOf(lrd, runs, MENUS)?.id).toBe("r3");
    expect(fairOf(lrd, [plain, lrd, { ...fair, state: "removed" }], MENUS)).toBeUndefined();
  });

  it("is offered for the chosen run first, and not where there is one", () => {
    const second = run(2, { drop_rate: 0.9, settings: { lr: 0.003, beta1: 0.9 } });
    const fair = run(3, { settings: { lr: 0.0015, beta1: 0.9 } });
    expect(mostRelevant([lrd, second], null, MENUS)?.id).toBe("r2");
    expect(mostRelevant([lrd, second], "r3", MENUS)?.id).toBe("r3");
    expect(mostRelevant([lrd, second, fair], "r2", MENUS)?.id).toBe("r3");
    expect(mostRelevant([run(0)], null, MENUS)).toBeUndefined();
  });

  it("is the same for every coin on the update, whoever shares it", () => {
    const rows = { ...lrd, policy: "per_row" };
    expect(fairBaseline(rows, MENUS)).toEqual(fairBaseline(lrd, MENUS));
    expect(whyNoFair(rows, MENUS)).toBe("");
  });

  it("is the plain run where updates are divided by keep", () => {
    const rescaled = { ...lrd, rescale: true };
    const plain = run(0, { settings: { lr: 0.003, beta1: 0.9 } });
    const slower = run(2, { settings: { lr: 0.0015, beta1: 0.9 } });
    expect(fairBaseline(rescaled, MENUS).settings?.lr).toBe(0.003);
    expect(fairOf(rescaled, [slower, plain, rescaled], MENUS)?.id).toBe("r1");
    expect(mostRelevant([plain, rescaled], null, MENUS)).toBeUndefined();
    expect(mostRelevant([slower, rescaled], null, MENUS)?.id).toBe("r2");
  });

  it.each([
    ["cautious", "chooses by the gradient"],
    ["momentum_aligned", "chooses by the gradient"],
    ["gradient_dropout", "changes the gradient"],
  ])("is none for %s, and says why", (policy, why) => {
    const other = { ...lrd, policy };
    const slower = run(2, { settings: { lr: 0.0015, beta1: 0.9 } });
    const plain = run(0, { settings: { lr: 0.003, beta1: 0.9 } });
    expect(whyNoFair(other, MENUS)).toContain(why);
    expect(fairOf(other, [slower, plain, other], MENUS)).toBeUndefined();
    // What is offered is the plain run, unless it is there.
    expect(fairBaseline(other, MENUS).settings?.lr).toBe(0.003);
    expect(mostRelevant([slower, other], null, MENUS)?.id).toBe("r2");
    expect(mostRelevant([plain, other], null, MENUS)).toBeUndefined();
  });
});

describe("an experiment again", () => {
  const experiment = {
    id: "e1",
    name: "",
    problem: "beale",
    settings: { start_x: 1, start_y: 2 },
    seed: 4,
    steps: 900,
    speed: 60,
    shared_masks: true,
    test_every: 10,
    runs: [run(0, { settings: { lr: 0.05 } }), run(1, { state: "removed" })],
  } as unknown as Experiment;

  it("keeps a run's policy and its settings", () => {
    const policy = { policy: "momentum_aligned", policy_settings: { rest: 0.2 }, rescale: true };
    const other = { ...experiment, runs: [run(0, policy)] };
    expect(again(other).runs?.[0]).toMatchObject(policy);
  });

  it("keeps the runs that are there, and says what it replaces", () => {
    const next = again(experiment, { seed: 5, settings: { start_x: 3 } });
    expect(next).toMatchObject({
      seed: 5,
      replaces: "e1",
      settings: { start_x: 3, start_y: 2 },
      runs: [{ optimizer: "adam", settings: { lr: 0.05 } }],
    });
    expect(next.runs).toHaveLength(1);
  });

  it("scales the learning rates to another problem", () => {
    const problem = (name: string, adam: number) =>
      ({ name, suggested_lr: { adam }, steps: 500, speed: 0 }) as unknown as ProblemInfo;
    const next = elsewhere(experiment, problem("beale", 0.05), problem("ackley", 0.02));
    expect(next).toMatchObject({
      problem: "ackley",
      settings: {},
      steps: 500,
      runs: [{ settings: { lr: 0.02 } }],
    });
  });
});
