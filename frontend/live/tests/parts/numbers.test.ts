import { signal } from "@preact/signals";
import { describe, expect, it } from "vitest";
import { Numbers } from "../../src/parts/numbers.ts";
import type { Experiment } from "../../src/protocol.ts";
import { History } from "../../src/state/history.ts";
import type { Session } from "../../src/state/session.ts";
import { block, frame } from "../state/blocks.ts";
import { run } from "../state/runs.ts";

function page(columns: Record<string, number[]>) {
  const history = new History();
  history.ingest(frame(1, [block("r1", 1, { loss: [4, 2], keep_rate: [1, 1] })]));
  const session = {
    history,
    rows: history,
    shownStep: 2,
    experiment: signal({ kind: "task" } as Experiment),
    runs: signal([run(0)]),
    cursor: signal<number | null>(null),
  } as unknown as Session;
  const numbers = new Numbers();
  numbers.update(session);
  const before = numbers.testLabel.value;
  history.ingest(frame(2, [block("r1", 2, columns)]));
  numbers.update(session);
  return { before, label: numbers.testLabel.value, test: numbers.card("r1").test.value };
}

describe("a card's number on held-out data", () => {
  it("is the accuracy where there is one", () => {
    const { before, label, test } = page({ test_loss: [0.3], test_accuracy: [0.972] });
    expect(before).toBe("test");
    expect([label, test]).toEqual(["test accuracy", "97.2\u202f%"]);
  });

  it("is the loss where the task has no accuracy, of several seeds their mean", () => {
    expect(page({ test_loss: [0.25] })).toMatchObject({ label: "test loss", test: "0.250" });
    const seeds = { test_loss: [0.25], "test_loss/mean": [0.5] };
    expect(page(seeds)).toMatchObject({ label: "test loss", test: "0.500" });
  });
});

describe("the cards of many runs", () => {
  it("are written a few in a frame, those first that were written longest ago", () => {
    const history = new History();
    const runs = Array.from({ length: 5 }, (_, k) => run(k));
    const rows = (step: number, loss: number) =>
      history.ingest(
        frame(
          step,
          runs.map(({ id }) => block(id, step, { loss: [loss] })),
        ),
      );
    const session = {
      history,
      rows: history,
      shownStep: 1,
      experiment: signal({ kind: "surface" } as Experiment),
      runs: signal(runs),
      cursor: signal<number | null>(null),
    };
    const numbers = new Numbers();
    const update = () => numbers.update(session as unknown as Session);
    const losses = () => runs.map(({ id }) => numbers.card(id).loss.value).join(" ");
    rows(1, 4);
    expect([update(), losses()]).toEqual([false, "4.00 4.00 4.00 – –"]);
    rows(2, 8);
    session.shownStep = 2;
    expect([update(), losses()]).toEqual([false, "8.00 4.00 4.00 8.00 8.00"]);
    expect([update(), losses()]).toEqual([true, "8.00 8.00 8.00 8.00 8.00"]);
    expect(update()).toBe(true);
  });
});
