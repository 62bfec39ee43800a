import { describe, expect, it } from "vitest";
import { PATIENCE_MS, Watch, type Watched } from "../../src/state/watch.ts";

const settle = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

function make() {
  const sent: (Watched | null)[] = [];
  const answers: (() => void)[] = [];
  const clock = { now: 0 };
  const watch = new Watch(
    (target) => {
      sent.push(target);
      return new Promise<void>((resolve) => answers.push(resolve));
    },
    () => clock.now,
  );
  const answer = async () => {
    answers.shift()?.();
    await settle();
  };
  return { watch, sent, answer, clock };
}

const a = { run: "r1", tensor: "fc1.weight" };
const b = { run: "r2", tensor: "fc1.weight" };

describe("watch", () => {
  it("asks once for the same target, and ends it once", async () => {
    const { watch, sent, answer } = make();
    watch.want(null);
    watch.want(a);
    watch.want({ ...a });
    await answer();
    watch.want(a);
    watch.want(null);
    await answer();
    watch.want(null);
    expect(sent).toEqual([a, null]);
  });

  it("sends the newest of those that waited", async () => {
    const { watch, sent, answer } = make();
    watch.want(a);
    watch.want(b);
    watch.want(null);
    watch.want(b);
    await answer();
    await answer();
    expect(sent).toEqual([a, b]);
  });

  it("goes on after a refusal", async () => {
    const sent: (Watched | null)[] = [];
    const watch = new Watch((target) => {
      sent.push(target);
      return Promise.reject(new Error("lost"));
    });
    watch.want(a);
    await settle();
    watch.want(b);
    await settle();
    expect(sent).toEqual([a, b]);
  });

  it("asks again when pictures stop while steps are made", async () => {
    const { watch, sent, answer, clock } = make();
    watch.want(a);
    await answer();
    clock.now = PATIENCE_MS - 1;
    watch.stepped();
    expect(sent).toEqual([a]);
    watch.arrived();
    clock.now = 2 * PATIENCE_MS - 2;
    watch.stepped();
    expect(sent).toEqual([a]);
    clock.now = 2 * PATIENCE_MS;
    watch.stepped();
    await settle();
    expect(sent).toEqual([a, a]);
  });
});
