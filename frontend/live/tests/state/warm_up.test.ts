import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Experiment, Run } from "../../src/protocol.ts";
import type { Session } from "../../src/state/session.ts";
import type { SwarmAsk } from "../../src/state/swarm.ts";
import { WarmUp } from "../../src/state/warm_up.ts";
import { run } from "./runs.ts";

function sessionOf(runs: Run[], kind = "surface") {
  const experiment = { problem: "beale", settings: {}, kind } as Experiment;
  return { experiment: signal(experiment), runs: signal(runs) };
}

describe("warm-up", () => {
  const asks: SwarmAsk[] = [];
  const swarm = async (ask: SwarmAsk) => {
    asks.push(ask);
    return new ArrayBuffer(0);
  };
  const open = signal(true);
  const session = signal<Session | null>(null);
  let warm: WarmUp;

  beforeEach(() => {
    vi.useFakeTimers();
    asks.length = 0;
    open.value = true;
    session.value = null;
    warm = new WarmUp({ swarm }, "me", session as never, open as never);
  });

  afterEach(() => {
    warm.stop();
    vi.useRealTimers();
  });

  const wait = () => vi.advanceTimersByTimeAsync(3000);

  it("asks once for each kind of run, smallest and after what the page opens with", async () => {
    const sgd = run(2, { optimizer: "sgd", settings: { lr: 0.1 } });
    const page = sessionOf([run(0), run(1, { drop_rate: 0.5, label: "mine" }), sgd]);
    session.value = page as unknown as Session;
    expect(asks).toHaveLength(0);
    await wait();
    expect(asks).toHaveLength(1);
    expect(asks[0]).toMatchObject({ problem: "beale", n: 16, steps: 1, client: "me-warm" });
    expect(asks[0]?.runs.map(({ optimizer }) => optimizer)).toEqual(["adam", "sgd"]);
    // A moved slider needs nothing new, another policy does.
    page.runs.value = [run(0, { drop_rate: 0.3 }), sgd];
    await wait();
    expect(asks).toHaveLength(1);
    page.runs.value = [run(0, { policy: "cautious" })];
    await wait();
    expect(asks).toHaveLength(2);
  });

  it("asks for nothing where pictures cannot come next", async () => {
    open.value = false;
    session.value = sessionOf([run(0)]) as unknown as Session;
    await wait();
    open.value = true;
    session.value = sessionOf([run(0)], "task") as unknown as Session;
    await wait();
    // Gone before it was time.
    session.value = sessionOf([run(0)]) as unknown as Session;
    await vi.advanceTimersByTimeAsync(100);
    session.value = null;
    await wait();
    expect(asks).toHaveLength(0);
  });
});
