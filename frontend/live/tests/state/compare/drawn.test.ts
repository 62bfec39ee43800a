import { describe, expect, it } from "vitest";
import { durationAxis, realAxis, STEPS, snapped } from "../../../src/charts/x_axis.ts";
import type { ProblemInfo } from "../../../src/protocol.ts";
import type { Axis } from "../../../src/state/compare/choice.ts";
import { lineCurve, memberCurve, pointsOf } from "../../../src/state/compare/drawn.ts";
import { type Recorded, Source } from "../../../src/state/compare/source.ts";
import { tQuantile } from "../../../src/state/student.ts";
import { member } from "./made.ts";

const column = (values: number[], every = 1): Recorded => ({
  steps: Float64Array.from(values, (_, i) => (i + 1) * every),
  values: Float64Array.from(values),
  buckets: null,
});

const DIGITS = [{ name: "digits", examples: 256 } as ProblemInfo];

function source(columns: Record<string, Recorded>): Source {
  const made = new Source({} as ConstructorParameters<typeof Source>[0], "e1");
  for (const [name, one] of Object.entries(columns)) made.columns.set(name, one);
  return made;
}

const places = (axis: Axis, from: Source) =>
  memberCurve(member("a"), from, "test_loss", axis, DIGITS)?.x;

describe("curves along an axis", () => {
  const rows = source({ test_loss: column([3, 2, 1], 2) });

  it("lie at their steps, or at epochs of as many whole batches as there are", () => {
    expect([...(places("step", rows) ?? [])]).toEqual([2, 4, 6]);
    expect([...(places("epoch", rows) ?? [])]).toEqual([0.5, 1, 1.5]);
    const none = [{ ...DIGITS[0], examples: 0 } as ProblemInfo];
    expect(memberCurve(member("a"), rows, "test_loss", "epoch", none)).toBeNull();
  });

  it("lie at the sum up to their step, as far as that is known", () => {
    expect(memberCurve(member("a"), rows, "test_loss", "effective", DIGITS)).toBeNull();
    rows.effective = {
      steps: Float64Array.of(0, 2, 5),
      values: Float64Array.of(0, 0.2, 0.8),
      buckets: null,
    };
    const found = memberCurve(member("a"), rows, "test_loss", "effective", DIGITS);
    expect(found?.x[0]).toBeCloseTo(0.2, 12);
    expect(found?.x[1]).toBeCloseTo(0.6, 12);
    expect([...(found?.mean ?? [])]).toEqual([3, 2]);
  });

  it("are undefined where the column was not measured", () => {
    expect(memberCurve(member("a"), rows, "loss", "step", DIGITS)).toBeUndefined();
  });

  it("of a run with copies are their mean with its interval", () => {
    const copies = member("a", {}, { seeds: 4 });
    const from = source({
      test_loss: column([9]),
      "test_loss/mean": column([5]),
      "test_loss/sd": column([2]),
    });
    const found = memberCurve(copies, from, "test_loss", "step", DIGITS);
    expect(found?.n).toBe(4);
    const drawn = found && lineCurve([found]);
    expect([drawn?.mean[0], drawn?.half[0]]).toEqual([5, tQuantile(3)]);
  });

  it("of a task's train loss are means, with their rows under them", () => {
    const from = source({ loss: column([4, 2, 6]) });
    const found = memberCurve(member("a"), from, "loss", "step", DIGITS);
    expect([...(found?.mean ?? [])]).toEqual([4, 3, 4]);
    expect([...(found?.raw ?? [])]).toEqual([4, 2, 6]);
  });

  it("in buckets show the lowest and the highest of each", () => {
    const bucketed: Recorded = {
      steps: Float64Array.of(3, 6),
      values: Float64Array.of(2, 5),
      buckets: {
        first: Float64Array.of(1, 4),
        min: Float64Array.of(1, 4),
        max: Float64Array.of(8, 9),
      },
    };
    const found = memberCurve(member("a"), source({ loss: bucketed }), "loss", "step", DIGITS);
    const points = found && pointsOf(found);
    expect([...(points?.values ?? [])]).toEqual([1, 8, 2, 4, 9, 5]);
    expect([...(points?.steps ?? [])].every((x, i, all) => i === 0 || x >= (all[i - 1] ?? 0))).toBe(
      true,
    );
  });
});

describe("axes", () => {
  it("tell places by their unit", () => {
    expect(snapped(3.4, STEPS)).toBe(3);
    const axis = realAxis("epoch", 40);
    expect(axis.unit).toBe(0.02);
    expect(snapped(3.4049, axis)).toBe(3.4);
    expect(axis.labels([0, 2.5])).toEqual(["0", "2.5"]);
  });

  it("write seconds as a person would", () => {
    expect(durationAxis("wall time", 90).format(12.34)).toBe("12.3 s");
    expect(durationAxis("wall time", 600).labels([0, 300, 600])).toEqual([
      "0 min",
      "5 min",
      "10 min",
    ]);
    expect(durationAxis("wall time", 30_000).format(7200)).toBe("2.00 h");
  });
});
