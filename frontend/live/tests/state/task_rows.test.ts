import { describe, expect, it } from "vitest";
import { History } from "../../src/state/history.ts";
import { TaskRows } from "../../src/state/task_rows.ts";
import { block } from "./blocks.ts";

const run = { id: "r1", rescale: false, policy: "elementwise", policy_settings: {} };

function rows(runs = [run]) {
  const history = new History();
  let seq = 0;
  const put = (first: number, every: number, columns: Record<string, number[]>) =>
    history.ingest({ v: 1, seq: ++seq, blocks: [block("r1", first, columns, every)] });
  return { rows: new TaskRows(history, () => runs), put };
}

describe("rows of a task", () => {
  it("has the gap of each test to the mean train loss of the steps around it", () => {
    const { rows: task, put } = rows();
    const loss = Array.from({ length: 30 }, (_, i) => 30 - i);
    put(1, 1, { loss });
    put(10, 10, { test_loss: [50, 40, 30] });
    const gap = task.column("r1", "gap");
    expect([...(gap?.steps ?? [])].slice(0, 3)).toEqual([10, 20, 30]);
    // Steps 1–20: 30 … 11; 11–30: 20 … 1; of the newest 21–30 alone: 10 … 1.
    expect([...(gap?.values ?? [])].slice(0, 3)).toEqual([50 - 20.5, 40 - 10.5, 30 - 5.5]);
    put(31, 1, { loss: Array.from({ length: 10 }, () => 0) });
    put(40, 10, { test_loss: [1] });
    const grown = task.column("r1", "gap");
    expect(grown?.n).toBe(4);
    expect([...(grown?.values ?? [])].slice(0, 4)).toEqual([29.5, 29.5, 30 - 55 / 20, 1]);
  });

  it("has no gap where no train loss is a number", () => {
    const { rows: task, put } = rows();
    put(1, 1, { loss: [Number.NaN, Number.NaN] });
    put(2, 2, { test_loss: [1] });
    expect(task.column("r1", "gap")?.values[0]).toBeNaN();
  });

  it("spreads over seeds by no more than both spreads together", () => {
    const { rows: task, put } = rows();
    put(1, 1, { "loss/mean": [4, 2], "loss/sd": [0.5, 0.25] });
    put(2, 2, { "test_loss/mean": [6], "test_loss/sd": [1] });
    expect(task.column("r1", "gap/mean")?.values[0]).toBe(3);
    expect(task.column("r1", "gap/sd")?.values[0]).toBe(1.375);
  });

  it("knows the full update from the masked one and their cosine", () => {
    const put = { update_norm: [3, 0], cos_full: [0.5, Number.NaN], drop_rate: [0.75, 0.75] };
    const plain = rows();
    plain.put(1, 1, put);
    const full = plain.rows.column("r1", "full_norm");
    expect(full?.values[0]).toBe(6);
    expect(full?.values[1]).toBeNaN();
    // Under rescale what is kept was divided by keep.
    const rescaled = rows([{ ...run, rescale: true }]);
    rescaled.put(1, 1, put);
    expect(rescaled.rows.column("r1", "full_norm")?.values[0]).toBe(1.5);
    const other = { ...run, policy: "momentum_aligned", policy_settings: { rest: 0.1 } };
    const moving = rows([other as unknown as typeof run]);
    moving.put(1, 1, put);
    expect(moving.rows.column("r1", "full_norm")).toBeUndefined();
  });

  it("has lr × keep, and passes on what is recorded", () => {
    const { rows: task, put } = rows();
    const set = { lr: [0.5], drop_rate: [0.5], keep_rate: [0.75] };
    put(1, 1, set);
    expect(task.column("r1", "effective_lr")?.values[0]).toBe(0.25);
    // A policy that drops otherwise is told by what it kept; rescaled updates are larger again.
    for (const [other, expected] of [
      [{ policy: "cautious" }, 0.375],
      [{ rescale: true }, 0.5],
    ] as const) {
      const one = rows([{ ...run, ...other }]);
      one.put(1, 1, set);
      expect(one.rows.column("r1", "effective_lr")?.values[0]).toBe(expected);
    }
    expect(task.column("r1", "lr")?.values[0]).toBe(0.5);
    expect(task.column("r1", "gap")).toBeUndefined();
  });
});
