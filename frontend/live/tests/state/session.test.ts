import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Catalogue, Experiment, Hello } from "../../src/protocol.ts";
import { canResume, hasEnded, whyDisabled, whyNoFork } from "../../src/state/actions.ts";
import { Api } from "../../src/state/api.ts";
import { Session } from "../../src/state/session.ts";
import { block, bytes, frame } from "./blocks.ts";
import { MENUS, run, setControl } from "./runs.ts";

class FakeSocket {
  static made: FakeSocket[] = [];
  binaryType = "";
  readyState = 1;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  close(): void {
    this.readyState = 3;
  }
}

function experiment(changes: Partial<Experiment> = {}): Experiment {
  return {
    id: "e1",
    name: "",
    created_at: "2026-01-01T00:00:00Z",
    problem: "digits",
    kind: "task",
    settings: {},
    seed: 0,
    steps: 100,
    speed: 0,
    shared_masks: true,
    test_every: 10,
    seeds: 1,
    device: "cpu",
    node: "",
    sweep: "",
    notes: "",
    tags: [],
    threads: 1,
    curvature_every: 0,
    limits: { seconds: null, memory_mb: null },
    queue: null,
    state: "running",
    message: "",
    step: 0,
    runs: [run(0)],
    tensors: [],
    replaces: null,
    replaced_by: null,
    connected: true,
    ...changes,
  };
}

describe("session", () => {
  let session: Session;
  const socket = () => FakeSocket.made[FakeSocket.made.length - 1] as FakeSocket;
  const say = (message: object) => socket().onmessage?.({ data: JSON.stringify(message) });
  const hello = (step: number, seq: number, changes: Partial<Hello> = {}) =>
    say({
      type: "hello",
      v: 1,
      experiment: experiment({ step }),
      controls: [],
      seq,
      after: 0,
      viewers: 1,
      ...changes,
    });
  const send = (seq: number, first: number, loss: number[]) => {
    const data = bytes(frame(seq, [block("r1", first, { loss })]));
    socket().onmessage?.({ data: data.slice().buffer });
  };
  const rows = () => {
    const column = session.rows.column("r1", "loss");
    const values = column ? [...column.values.subarray(0, column.n)] : [];
    return [column ? [...column.steps.subarray(0, column.n)] : [], values];
  };

  beforeEach(() => {
    FakeSocket.made = [];
    vi.stubGlobal("WebSocket", FakeSocket);
    const api = new Api(new URL("http://localhost/api/"));
    session = new Session(experiment(), api, signal<Catalogue | null>(null), () => undefined);
  });

  afterEach(() => {
    session.close();
    vi.unstubAllGlobals();
  });

  it("keeps its rows when greeted again, and takes up what it had missed, each row once", () => {
    hello(0, 0);
    send(1, 1, [9, 8]);
    send(2, 3, [7]);
    hello(7, 4, { after: 2 });
    expect(rows()).toEqual([
      [1, 2, 3],
      [9, 8, 7],
    ]);
    expect(session.phase.value).toBe("live");
    send(3, 4, [6, 5]);
    send(4, 6, [4, 3]);
    send(5, 8, [2]);
    expect(rows()).toEqual([
      [1, 2, 3, 4, 5, 6, 7, 8],
      [9, 8, 7, 6, 5, 4, 3, 2],
    ]);
    expect(FakeSocket.made).toHaveLength(1);
  });

  it("draws no row twice when the second greeting's history overlaps", () => {
    hello(0, 0);
    send(1, 1, [9, 8]);
    hello(3, 2, { after: 0 });
    send(1, 1, [9, 8]);
    send(2, 3, [7]);
    expect(rows()).toEqual([
      [1, 2, 3],
      [9, 8, 7],
    ]);
  });

  it("goes on from the last frame it got when the connection breaks after a second greeting", () => {
    vi.useFakeTimers();
    hello(0, 0);
    send(1, 1, [9, 8]);
    hello(9, 5, { after: 1 });
    socket().onclose?.({ code: 1006, reason: "" });
    vi.advanceTimersByTime(250);
    expect(socket().url).toMatch(/after=e1:1&v=1$/);
    vi.useRealTimers();
  });

  it("has each control once, whichever way it came", () => {
    const [one, two] = [setControl("a", 2, [0, 0.5], 0), setControl("b", 3, [0.5, 0.6], 9)];
    hello(3, 1, { controls: [one] });
    session.addControl(two);
    hello(4, 1, { controls: [one] });
    say({ type: "control", control: two });
    expect(session.controls.value.map((control) => control.id)).toEqual(["a", "b"]);
  });

  it("takes up a change of a policy's setting, and calls it by its label", () => {
    const runs = [run(0, { policy: "momentum_aligned", policy_settings: { rest: 0 } })];
    const catalogue = signal<Catalogue | null>(MENUS as Catalogue);
    const api = new Api(new URL("http://localhost/api/"));
    const other = new Session(experiment({ runs }), api, catalogue, () => undefined);
    const change = { run: "r1", setting: "policy.rest", old: 0, new: 0.2, step: 4 };
    other.addControl(setControl("a", 4, [0, 0.2], 0, { changes: [change] }));
    expect(other.runs.value[0]?.policy_settings).toEqual({ rest: 0.2 });
    expect(other.runs.value[0]?.settings).toEqual({ lr: 0.01 });
    expect(other.marks.value.map(({ text }) => text)).toEqual(["Adam: rest 0 → 0.2"]);
    other.close();
  });

  it("has ended once its worker was let go, not while a training one is waited for", () => {
    expect(hasEnded(experiment({ state: "finished" }))).toBe(false);
    expect(hasEnded(experiment({ state: "running", connected: false }))).toBe(false);
    const gone = experiment({ state: "finished", connected: false });
    expect(hasEnded(gone)).toBe(true);
    hello(100, 1, { experiment: gone });
    expect(whyDisabled(session)).toContain("resume it");
    expect(whyNoFork(session)).toBe("");
    hello(100, 1, { experiment: experiment({ state: "queued", connected: false }) });
    expect(whyNoFork(session)).toContain("waits for its turn");
  });

  it("can go on where a run is left that trains", () => {
    const lost = run(0, { state: "diverged", diverged_step: 7 });
    const cancelled = { state: "cancelled", connected: false } as const;
    expect(canResume(experiment({ ...cancelled, runs: [lost, run(1)] }))).toBe(true);
    expect(canResume(experiment({ ...cancelled, runs: [lost] }))).toBe(false);
    const removed = run(1, { state: "removed" });
    expect(canResume(experiment({ ...cancelled, runs: [lost, removed] }))).toBe(false);
    expect(canResume(experiment({ state: "failed", connected: false }))).toBe(true);
    expect(canResume(experiment())).toBe(false);
  });

  it("stands a fork beside its parent, with its parent's past and a line of its own", () => {
    const fork = run(2, { parent: "r1", fork_step: 2 });
    const forked = experiment({ runs: [run(0), run(1), fork] });
    hello(0, 0, { experiment: experiment({ runs: [run(0), run(1)] }) });
    send(1, 1, [9, 8, 7]);
    say({ type: "experiment", experiment: forked });
    const data = bytes(frame(2, [block("r3", 3, { loss: [5] })]));
    socket().onmessage?.({ data: data.slice().buffer });
    expect(session.runs.value.map(({ id }) => id)).toEqual(["r1", "r3", "r2"]);
    expect(session.views.value.map(({ id, from }) => [id, from])).toEqual([
      ["r1", 0],
      ["r3", 2],
      ["r2", 0],
    ]);
    const column = session.rows.column("r3", "loss");
    expect([...(column?.values.subarray(0, column.n) ?? [])]).toEqual([9, 8, 5]);
    const removed = run(0, { state: "removed" });
    say({ type: "experiment", experiment: { ...forked, runs: [removed, run(1), fork] } });
    expect(session.views.value.map(({ id, from }) => [id, from])).toEqual([
      ["r3", 0],
      ["r2", 0],
    ]);
  });

  it("does not take a run that comes back for a setting", () => {
    const change = { run: "r1", setting: "run", old: null, new: "adam", step: 5 };
    session.addControl(setControl("a", 5, [0, 0], 0, { kind: "restore_run", changes: [change] }));
    expect(session.runs.value[0]?.settings).toEqual({ lr: 0.01 });
  });
});
