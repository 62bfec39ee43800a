import { describe, expect, it } from "vitest";
import { alike, apart, likeness, linesOf } from "../../../src/state/compare/facts.ts";
import { MENUS } from "../runs.ts";
import { member } from "./made.ts";

const seeds = (count: number, ofRun = {}) =>
  Array.from({ length: count }, (_, i) => member(`e${i}`, ofRun, { seed: i }));

const lines = (members: ReturnType<typeof member>[], grouped = true) =>
  linesOf(members, grouped, MENUS, []);

describe("runs that differ only in their seed", () => {
  it("are alike whatever the order of their settings", () => {
    const a = member("a", { settings: { lr: 0.01, beta1: 0.9 } });
    const b = member("b", { settings: { beta1: 0.9, lr: 0.01 } }, { seed: 4 });
    expect(likeness(a)).toBe(likeness(b));
  });

  it("are not alike if anything else differs, or was changed on the way", () => {
    const plain = member("a");
    const changed = {
      ...member("b"),
      changes: [{ run: "r1", setting: "drop_rate", old: 0, new: 0.5, step: 4 }],
    };
    const others = [
      member("c", { drop_rate: 0.5 }),
      member("d", { settings: { lr: 0.02 } }),
      member("e", {}, { settings: { batch: 32 } }),
      member("f", {}, { problem: "spirals" }),
      member("g", { schedule: "cosine" }),
      member("h", { rescale: true }),
      changed,
    ];
    expect(alike([plain, ...others])).toHaveLength(8);
  });

  it("are not alike if they come from different runs", () => {
    const parents = [
      { id: "r9", drop_rate: 0 },
      { id: "r9", drop_rate: 0.9 },
    ];
    const [a, b] = parents.map((parent, i) => {
      const fork = member(`e${i}`, { parent: "r9", fork_step: 3 });
      return {
        ...fork,
        experiment: { ...fork.experiment, runs: [{ ...fork.run, ...parent, parent: "" }] },
      };
    });
    expect(a && b && likeness(a) !== likeness(b)).toBe(true);
  });

  it("are one line from three seeds on", () => {
    expect(lines(seeds(2)).map((line) => line.members.length)).toEqual([1, 1]);
    const [line, ...more] = lines(seeds(3));
    expect(more).toEqual([]);
    expect(line?.seeds).toBe(3);
    expect(line?.name).toBe("Adam 0");
  });

  it("are a line each when a person wants them apart, told by their seed", () => {
    const found = lines(seeds(3), false);
    expect(found.map((line) => line.name)).toEqual([
      "Adam 0, seed 0",
      "Adam 0, seed 1",
      "Adam 0, seed 2",
    ]);
  });

  it("count a seed once, the run with most copies first", () => {
    const copies = member("a", {}, { seed: 2, seeds: 4 });
    const [zero, twice, three] = [0, 3, 9].map((seed) => member(`s${seed}`, {}, { seed }));
    const { own, repeated } = apart([zero, twice, copies, three] as (typeof copies)[]);
    expect(own).toEqual([zero, copies, three]);
    expect(repeated).toEqual([twice]);
  });
});

describe("names", () => {
  it("say what tells lines apart, and nothing else", () => {
    const found = lines([
      member("a", { settings: { lr: 0.01, beta1: 0.9 } }),
      member("b", { settings: { lr: 0.02, beta1: 0.9 } }),
      member("c", { drop_rate: 0.5 }),
    ]);
    expect(found.map((line) => line.name)).toEqual([
      "Adam 0, lr 0.01",
      "Adam 0, lr 0.02",
      "Adam 0.5, lr 0.01",
    ]);
  });

  it("do not name settings that another problem has not", () => {
    const found = lines([
      member("a"),
      member("b", {}, { problem: "beale", settings: { start_x: 1 } }),
      member("c", {}, { problem: "beale", settings: { start_x: 2 } }),
    ]);
    expect(found.map((line) => line.name)).toEqual([
      "Adam 0, digits",
      "Adam 0, beale, start_x 1",
      "Adam 0, beale, start_x 2",
    ]);
  });

  it("name the seed only where nothing else tells runs apart", () => {
    const found = lines([
      member("a", {}, { seed: 1 }),
      member("b", {}, { seed: 2 }),
      member("c", { settings: { lr: 0.5 } }, { seed: 3 }),
    ]);
    expect(found.map((line) => line.name)).toEqual([
      "Adam 0, lr 0.01, seed 1",
      "Adam 0, lr 0.01, seed 2",
      "Adam 0, lr 0.5",
    ]);
  });

  it("tell what was trained twice by where it is kept", () => {
    const found = lines([member("abcdef"), member("fedcba")]);
    expect(found.map((line) => line.name)).toEqual([
      "Adam 0, seed 0 (abcd r1)",
      "Adam 0, seed 0 (fedc r1)",
    ]);
  });
});
