import { describe, expect, it } from "vitest";
import type { MemberCurve } from "../../../src/state/compare/drawn.ts";
import { difference } from "../../../src/state/compare/drawn.ts";
import { type Line, linesOf, type Member } from "../../../src/state/compare/facts.ts";
import { csvOf, sortedRows, tableOf } from "../../../src/state/compare/table.ts";
import { tQuantile } from "../../../src/state/student.ts";
import { MENUS } from "../runs.ts";
import { member } from "./made.ts";

function curve(values: number[]): MemberCurve {
  const steps = Float64Array.from(values, (_, i) => i + 1);
  const mean = Float64Array.from(values);
  const recorded = { steps, values: mean, buckets: null };
  return { n: 1, steps, x: steps, mean, sd: null, raw: null, recorded };
}

/** Three seeds of Adam, and one run of it with a drop rate that has made fewer steps. */
const group = [0, 1, 2].map((seed) => member(`e${seed}`, {}, { seed }));
const short = member("s", { drop_rate: 0.5, step: 3 }, { steps: 10, state: "cancelled" });
const curves = new Map<string, MemberCurve>([
  ["e0.r1", curve([4, 3, 2, 1])],
  ["e1.r1", curve([5, 4, 3, 2])],
  ["e2.r1", curve([6, 5, 4, 3])],
  ["s.r1", curve([9, 1, 7])],
]);
const lines = linesOf([...group, short], true, MENUS, []);
const curvesOf = (line: Line) =>
  line.members.map((one) => ({ member: one, curve: curves.get(one.key) as MemberCurve }));

describe("the table", () => {
  const target = { column: "loss", value: 2 };
  const table = tableOf(lines, "loss", curvesOf, target);
  const [mean, single] = table.rows;

  it("has means over seeds with their intervals", () => {
    expect(mean?.final.value).toBe(2);
    expect(mean?.final.half).toBeCloseTo(tQuantile(2) / Math.sqrt(3), 12);
    expect(mean?.line.seeds).toBe(3);
    expect(single?.final).toMatchObject({ value: 7, half: Number.NaN });
    expect(single?.best.value).toBe(1);
  });

  it("compares at the last place that all reach, and says that they are not equally long", () => {
    expect(table.common).toBe(3);
    expect(table.equal).toBe(false);
    expect([mean?.at.value, single?.at.value]).toEqual([3, 7]);
  });

  it("says when the target was reached, and by how many", () => {
    expect(mean?.reachedBy).toEqual([2, 3]);
    expect(mean?.reached.value).toBe(3.5);
    expect(single?.reached.value).toBe(2);
  });

  it("names runs that were stopped or diverged, whose final value is none", () => {
    expect(single?.state).toBe("stopped early");
    const gone = member("g", { diverged_step: 2, step: 2, state: "diverged" });
    const [row] = tableOf(
      linesOf([gone, short], false, MENUS, []),
      "loss",
      (line) => line.members.map((one) => ({ member: one, curve: curve([1, Number.NaN]) })),
      null,
    ).rows;
    expect(row?.state).toBe("diverged at 2");
    expect(row?.final.value).toBeNaN();
    expect(row?.at.value).toBeNaN();
    expect(row?.best.value).toBe(1);
  });

  it("is sorted by any column, rows without a value last either way", () => {
    const none = {
      ...(mean as (typeof table.rows)[0]),
      final: { value: NaN, half: NaN, about: false },
    };
    const rows = [none, single, mean] as typeof table.rows;
    expect(sortedRows(rows, "final", false)).toEqual([mean, single, none]);
    expect(sortedRows(rows, "final", true)).toEqual([single, mean, none]);
    expect(sortedRows(table.rows, "seeds", true)[0]).toBe(mean);
  });

  it("is exported with all digits, empty where there is none, quoted where it must be", () => {
    const [head, first, second] = csvOf(table, table.rows, "step", target).split("\r\n");
    expect(head?.split(",").slice(0, 5)).toEqual(["line", "runs", "seeds", "state", "last_step"]);
    expect(first).toContain(`,2,${mean?.final.half},`);
    expect(first).toContain(",2,3.5,2,3");
    expect(second).toContain(",7,,1,,3,7,,2,2,1,1");
    const odd = {
      ...table.rows[1],
      line: { ...lines[1], name: '=1+1, "a"' },
    } as (typeof table.rows)[0];
    expect(csvOf(table, [odd], "step", null).split("\r\n")[1]).toMatch(/^"'=1\+1, ""a""",s\.r1,/);
  });
});

describe("a difference to the baseline", () => {
  const other = [0, 1, 2].map((seed) => member(`o${seed}`, { drop_rate: 0.5 }, { seed }));
  const lists: Record<string, number[]> = {
    "o0.r1": [5, 5, 4],
    "o1.r1": [6, 6, 5],
    "o2.r1": [7, 7, 6],
  };
  const curveOf = (one: Member) => curves.get(one.key) ?? curve(lists[one.key] ?? []);
  const [line] = linesOf(other, true, MENUS, []) as [Line];

  it("is paired by seed where both have the seeds: what they share goes out", () => {
    const found = difference(line, group, curveOf);
    expect([...(found?.mean ?? [])]).toEqual([1, 2, 2]);
    expect(found?.half[0]).toBeCloseTo(0, 12);
    expect(found?.how).toBe("paired by seed, 3 seeds");
  });

  it("is that of the means where no seed is shared, and says so", () => {
    const far = group.map((one) => ({
      ...one,
      experiment: { ...one.experiment, seed: one.experiment.seed + 50 },
    }));
    const found = difference(line, far, curveOf);
    expect(found?.mean[0]).toBe(1);
    expect(found?.half[0]).toBeGreaterThan(1);
    expect(found?.how).toBe("3 against 3 seeds, not paired");
  });

  it("of one run is that to the baseline's run of its seed", () => {
    const [single] = linesOf(other.slice(1, 2), true, MENUS, []) as [Line];
    const found = difference(single, group, curveOf);
    expect(found?.how).toBe("seed 1 of both");
    expect([...(found?.mean ?? [])]).toEqual([1, 2, 2]);
  });
});
