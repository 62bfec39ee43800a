import { describe, expect, it } from "vitest";
import { Latest } from "../../src/state/latest.ts";

describe("latest", () => {
  it("sends one at a time and skips what was overtaken", async () => {
    const sent: number[] = [];
    let answer: () => void = () => undefined;
    const latest = new Latest<number>(
      (value) => {
        sent.push(value);
        return new Promise<void>((resolve) => {
          answer = resolve;
        });
      },
      () => undefined,
    );
    const first = latest.push(1);
    latest.push(2);
    latest.push(3);
    expect(sent).toEqual([1]);
    answer();
    await Promise.resolve();
    await Promise.resolve();
    expect(sent).toEqual([1, 3]);
    answer();
    await first;
    expect(latest.busy).toBe(false);
  });

  it("tells the last failure and goes on", async () => {
    const failures: unknown[] = [];
    const latest = new Latest<number>(
      (value) => (value < 0 ? Promise.reject(new Error("negative")) : Promise.resolve()),
      (error) => failures.push(error),
    );
    await latest.push(-1);
    await latest.push(1);
    expect(failures).toEqual([new Error("negative")]);
  });
});
