import type { History } from "./history.ts";

/** What a task measures on data that training never sees. */
export type HeldOut = "accuracy" | "loss";

/** Null until any of the runs has measured something. Not every task has an accuracy. */
export function heldOut(history: Pick<History, "has">, runs: string[]): HeldOut | null {
  const measured = (name: string) => runs.some((run) => history.has(run, name));
  if (measured("test_accuracy")) return "accuracy";
  return measured("test_loss") ? "loss" : null;
}
