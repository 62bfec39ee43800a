import { signal } from "@preact/signals";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { ControlIn, ControlOut, Experiment, Run } from "../../src/protocol.ts";
import type { App, Toast } from "../../src/state/app.ts";
import { History } from "../../src/state/history.ts";
import { marksOf } from "../../src/state/marks.ts";
import type { Session } from "../../src/state/session.ts";
import { differing, fork, forkStep, goBack } from "../../src/state/time_travel.ts";
import { block, frame } from "./blocks.ts";
import { run, setControl } from "./runs.ts";

const changed = setControl("a", 321, [0, 0.9], 0);

/** As much of a page as time travel touches; the server's part is played by `control`. */
function page(runs: Run[], controls: ControlOut[], most = 16) {
  const sent: ControlIn[] = [];
  const all = [...runs];
  const history = new History();
  history.ingest(frame(1, [block("r1", 1, { loss: Array.from({ length: 400 }, () => 1) })]));
  const session = {
    id: "e1",
    history,
    shownStep: 400,
    experiment: signal({ runs: all } as Experiment),
    runs: signal(all),
    controls: signal(controls),
    cursor: signal<number | null>(320),
    selected: signal<string | null>(null),
    addControl: vi.fn(),
  };
  const control = async (_: string, given: ControlIn): Promise<ControlOut> => {
    sent.push(given);
    const id = given.kind === "fork" ? "r9" : (given.run ?? null);
    return setControl("x", 1, [0, 0], 0, { kind: given.kind, run: id, changes: [] });
  };
  const app = {
    me: "me",
    api: { control },
    toast: signal<Toast | null>(null),
    catalogue: signal({ max_runs: most }),
    tell(toast: Toast) {
      this.toast.value = toast;
    },
    attempt: (action: () => Promise<unknown>) => void action(),
  };
  return { app: app as unknown as App, session: session as unknown as Session, sent };
}

const brief = (sent: ControlIn[]) => sent.map(({ kind, run: id, value }) => [kind, id, value]);

describe("a fork", () => {
  const now = run(0, { drop_rate: 0.9 });

  it("sends what differs from the settings at its step alone", async () => {
    const { app, session, sent } = page([now], [changed]);
    const wanted = { drop_rate: 0, settings: { lr: 0.02 }, policy: "elementwise" };
    expect(await fork(app, session, now, 320, wanted)).toBe("r9");
    expect(sent[0]).toMatchObject({ kind: "fork", run: "r1", value: 320, who: "me" });
    expect(sent[0]?.spec).toEqual({ settings: { lr: 0.02 } });
    const cosine = { schedule: "cosine", schedule_settings: { steps: 900 } };
    await fork(app, session, now, 320, { ...wanted, settings: {}, ...cosine });
    expect(sent.pop()?.spec).toEqual(cosine);
    await fork(app, session, now, 320, { ...wanted, settings: {}, schedule: now.schedule });
    expect(sent.pop()?.spec).toEqual({});
    await fork(app, session, now, 321, wanted);
    expect(sent[1]?.spec).toEqual({ drop_rate: 0, settings: { lr: 0.02 } });
  });

  it("before a fork's own first step is a fork of the run that made the step", async () => {
    const child = run(1, { parent: "r1", fork_step: 320, drop_rate: 0.5 });
    const { app, session, sent } = page([now, child], [changed]);
    await fork(app, session, child, 100);
    await fork(app, session, child, 320);
    expect(brief(sent)).toEqual([
      ["fork", "r1", 100],
      ["fork", "r2", 320],
    ]);
  });

  it("takes a policy's settings with another policy", () => {
    const before = run(0, { policy: "momentum_aligned", policy_settings: { rest: 0.1 } });
    const same = { policy: "momentum_aligned", policy_settings: { rest: 0.1 } };
    expect(differing(before, same)).toEqual({});
    const other = { policy: "per_row", policy_settings: {} };
    expect(differing(before, other)).toEqual({ policy: "per_row" });
    const moved = { ...same, policy_settings: { rest: 0.3 } };
    expect(differing(before, moved)).toEqual({ policy_settings: { rest: 0.3 } });
  });

  it("is at the step looked at, or the run's last", () => {
    const { session } = page([now], []);
    expect(forkStep(session, "r1")).toBe(400);
    session.history.ingest(frame(2, [block("r2", 1, { loss: [1, 2, 3] })]));
    expect(forkStep(session, "r2")).toBe(3);
  });
});

describe("going back to before a change", () => {
  let given: ReturnType<typeof page>;
  const mark = (control: ControlOut) =>
    marksOf(
      [control],
      (id) => id,
      (name) => name,
    )[0] as ReturnType<typeof marksOf>[number];
  const both = setControl("b", 321, [0, 0], 0, {
    run: null,
    changes: ["r1", "r2"].map((id) => ({
      run: id,
      setting: "lr",
      old: 0.01,
      new: 0.1,
      step: 321,
    })),
  });

  beforeEach(() => {
    given = page([run(0), run(1)], [both]);
  });

  it("forks every changed run before it, removes the changed, and can be taken back", async () => {
    const { app, session, sent } = given;
    goBack(app, session, mark(both));
    await vi.waitFor(() => expect(app.toast.value).not.toBeNull());
    expect(brief(sent)).toEqual([
      ["fork", "r1", 320],
      ["remove_run", "r1", undefined],
      ["fork", "r2", 320],
      ["remove_run", "r2", undefined],
    ]);
    expect(session.cursor.value).toBeNull();
    sent.length = 0;
    app.toast.value?.action?.run();
    await vi.waitFor(() => expect(sent).toHaveLength(4));
    expect(brief(sent)).toEqual([
      ["restore_run", "r1", undefined],
      ["remove_run", "r9", undefined],
      ["restore_run", "r2", undefined],
      ["remove_run", "r9", undefined],
    ]);
  });

  describe("where all places are taken", () => {
    /** The server's part: it refuses what does not fit, and the last run's removal. */
    function crowded(most: number, forks = true) {
      const given = page([run(0), run(1)], [both], most);
      const there = new Set(["r1", "r2"]);
      let made = 2;
      const api = given.app.api as unknown as {
        control(id: string, given: ControlIn): Promise<ControlOut>;
      };
      api.control = async (_, { kind, run: id }) => {
        given.sent.push({ kind, run: id ?? null });
        const adds = kind === "fork" || kind === "restore_run";
        if (kind === "fork" && !forks) throw new Error("its worker is gone");
        if (adds && there.size >= most) throw new Error(`at most ${most} runs`);
        if (kind === "remove_run" && there.size === 1) throw new Error("at least one run");
        const who = kind === "fork" ? `r${++made}` : String(id);
        if (adds) there.add(who);
        else there.delete(who);
        return setControl(String(given.sent.length), 1, [0, 0], 0, { kind, run: who, changes: [] });
      };
      const failures: string[] = [];
      given.app.attempt = (action) => {
        action().catch((error: Error) => failures.push(error.message));
      };
      return { ...given, there, failures };
    }

    it.each([2, 3])("of %i, going back and taking it back both fit", async (most) => {
      const { app, session, there, failures } = crowded(most);
      goBack(app, session, mark(both));
      await vi.waitFor(() => expect(app.toast.value).not.toBeNull());
      expect([...there].sort()).toEqual(["r3", "r4"]);
      app.toast.value?.action?.run();
      await vi.waitFor(() => expect(session.selected.value).toBe("r2"));
      expect([...there].sort()).toEqual(["r1", "r2"]);
      expect(failures).toEqual([]);
    });

    it("a run that nothing could replace is there again", async () => {
      const { app, session, there, failures } = crowded(2, false);
      goBack(app, session, mark(both));
      await vi.waitFor(() => expect(failures).toEqual(["its worker is gone"]));
      expect([...there].sort()).toEqual(["r1", "r2"]);
      expect(app.toast.value).toBeNull();
    });
  });
});
