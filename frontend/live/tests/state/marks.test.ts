import { describe, expect, it } from "vitest";
import type { ControlOut } from "../../src/protocol.ts";
import { marksOf } from "../../src/state/marks.ts";
import { setControl } from "./runs.ts";

/** Step, run and words of each mark. */
const marks = (controls: ControlOut[]) =>
  whole(controls).map(({ step, run, text }) => ({ step, run, text }));

const whole = (controls: ControlOut[]) =>
  marksOf(
    controls,
    (run) => (run === "r1" ? "Adam + LRD" : run),
    (setting) => setting.replace("_", " "),
  );

describe("marks", () => {
  it("makes one mark of one gesture", () => {
    const made = marks([
      setControl("a", 100, [0.2, 0.3], 0),
      setControl("b", 130, [0.3, 0.4], 1),
      setControl("c", 160, [0.4, 0.5], 2.5),
    ]);
    expect(made).toEqual([{ step: 100, run: "r1", text: "Adam + LRD: drop rate 0.2 → 0.5" }]);
  });

  it("joins by steps where time is slow, and parts what is far in both", () => {
    const near = [setControl("a", 100, [0.2, 0.3], 0), setControl("b", 115, [0.3, 0.4], 60)];
    expect(marks(near)).toHaveLength(1);
    const far = [setControl("a", 100, [0.2, 0.3], 0), setControl("b", 130, [0.3, 0.4], 60)];
    expect(marks(far).map((mark) => mark.text)).toEqual([
      "Adam + LRD: drop rate 0.2 → 0.3",
      "Adam + LRD: drop rate 0.3 → 0.4",
    ]);
  });

  it("keeps two runs apart, even while both are moved", () => {
    const made = marks([
      setControl("a", 100, [0.2, 0.3], 0),
      setControl("b", 101, [0.9, 0.8], 0.5, { run: "r2" }),
      setControl("c", 102, [0.3, 0.4], 1),
    ]);
    expect(made.map((mark) => mark.text)).toEqual([
      "Adam + LRD: drop rate 0.2 → 0.4",
      "r2: drop rate 0.9 → 0.8",
    ]);
  });

  it("keeps two people apart, even on one setting", () => {
    const made = marks([
      setControl("a", 100, [0.2, 0.3], 0, { who: "one" }),
      setControl("b", 101, [0.3, 0.9], 0.5, { who: "other" }),
    ]);
    expect(made).toHaveLength(2);
  });

  it("says all where a change meant every run", () => {
    const change = (run: string, old: number) => ({ run, setting: "lr", old, new: 0.005, step: 9 });
    const same = setControl("a", 9, [0, 0], 0, {
      run: null,
      changes: [change("r1", 0.01), change("r2", 0.01)],
    });
    expect(marks([same])[0]).toEqual({ step: 9, run: null, text: "all: lr 0.01 → 0.005" });
    const mixed = { ...same, changes: [change("r1", 0.01), change("r2", 0.02)] };
    expect(marks([mixed])[0]?.text).toBe("all: lr → 0.005");
  });

  it("puts a change where its run uses it first, also where a run is catching up", () => {
    const change = (run: string, step: number) => ({
      run,
      setting: "lr",
      old: 0.01,
      new: 0.005,
      step,
    });
    const every = setControl("a", 200, [0, 0], 0, {
      run: null,
      changes: [change("r1", 200), change("r2", 200), change("r5", 40)],
    });
    expect(marks([every])).toEqual([
      { step: 200, run: null, text: "all: lr 0.01 → 0.005" },
      { step: 40, run: "r5", text: "r5: lr 0.01 → 0.005" },
    ]);
    const one = setControl("b", 200, [0, 0], 0, { run: "r5", changes: [change("r5", 40)] });
    expect(marks([one])[0]?.step).toBe(40);
  });

  it("puts an added run where it was added, and leaves the transport out", () => {
    const added = setControl("a", 1, [0, 0], 0, {
      kind: "add_run",
      received_step: 300,
      changes: [],
    });
    const paused = setControl("b", 301, [0, 0], 1, { kind: "pause", run: null, changes: [] });
    expect(marks([added, paused])).toEqual([{ step: 300, run: "r1", text: "added Adam + LRD" }]);
  });

  it("keeps what is needed to go back: from the first value of a gesture to its last, run by run", () => {
    const change = (run: string, old: number, next: number, step: number) => ({
      run,
      setting: "drop_rate",
      old,
      new: next,
      step,
    });
    const every = (id: string, step: number, seconds: number, changes: ControlOut["changes"]) =>
      setControl(id, step, [0, 0], seconds, { run: null, changes, who: "me" });
    const made = whole([
      every("a", 100, 0, [change("r1", 0.1, 0.4, 100)]),
      every("b", 101, 1, [change("r1", 0.4, 0.6, 101), change("r2", 0.2, 0.6, 101)]),
    ]);
    expect(made).toHaveLength(1);
    expect(made[0]).toMatchObject({ kind: "set", who: "me", at: every("a", 100, 0, []).at });
    expect(made[0]?.changes).toEqual([change("r1", 0.1, 0.6, 100), change("r2", 0.2, 0.6, 101)]);
  });

  it("puts a fork where it leaves its parent, whenever it was made", () => {
    const fork = setControl("a", 321, [0, 0], 0, { kind: "fork", received_step: 800, changes: [] });
    expect(marks([fork])).toEqual([{ step: 321, run: "r1", text: "fork: Adam + LRD" }]);
  });
});
