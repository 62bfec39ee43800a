import { describe, expect, it } from "vitest";
import type { Experiment, ProblemInfo } from "../../src/protocol.ts";
import { again, elsewhere } from "../../src/state/again.ts";
import { fairBaseline, fairOf, mostRelevant, plainOf } from "../../src/state/fair.ts";
import { run } from "./runs.ts";

const lrd = run(1, { drop_rate: 0.5, settings: { lr: 0.003, beta1: 0.9 } });

describe("the fair baseline", () => {
  it("is the same optimizer at lr × keep with nothing dropped", () => {
    expect(fairBaseline(lrd)).toMatchObject({
      optimizer: "adam",
      settings: { lr: 0.0015, beta1: 0.9 },
      drop_rate: 0,
    });
  });

  it("is found among the runs, apart from the plain one", () => {
    const plain = run(0, { settings: { lr: 0.003, beta1: 0.9 } });
    const fair = run(2, { settings: { lr: 0.0015, beta1: 0.9 } });
    const other = run(3, { settings: { lr: 0.0015, beta1: 0.5 } });
    const runs = [plain, lrd, other, fair];
    expect(plainOf(lrd, runs)?.id).toBe("r1");
    expect(fairOf(lrd, runs)?.id).toBe("r3");
    expect(fairOf(lrd, [plain, lrd, { ...fair, state: "removed" }])).toBeUndefined();
  });

  it("is offered for the chosen run first, and not where there is one", () => {
    const second = run(2, { drop_rate: 0.9, settings: { lr: 0.003, beta1: 0.9 } });
    const fair = run(3, { settings: { lr: 0.0015, beta1: 0.9 } });
    expect(mostRelevant([lrd, second], null)?.id).toBe("r2");
    expect(mostRelevant([lrd, second], "r3")?.id).toBe("r3");
    expect(mostRelevant([lrd, second, fair], "r2")?.id).toBe("r3");
    expect(mostRelevant([run(0)], null)).toBeUndefined();
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
