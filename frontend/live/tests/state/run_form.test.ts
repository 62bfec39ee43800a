import { describe, expect, it } from "vitest";
import {
  fieldOf,
  newForm,
  parsed,
  runOf,
  withOptimizer,
  withPolicy,
  withSchedule,
} from "../../src/state/run_form.ts";
import { MENUS, setting } from "./runs.ts";

describe("what a person typed", () => {
  it.each([
    ["0.01", 0.01],
    ["0,01", 0.01],
    [" 1e-3 ", 0.001],
    ["−2", -2],
  ])("%s is a number", (text, expected) => {
    expect(parsed(text, "float")).toBe(expected);
  });

  it("goes to the server's judgement where it is no number", () => {
    expect(parsed("abc", "float")).toBe("abc");
    expect(parsed("", "int")).toBe("");
  });
});

describe("a run to add", () => {
  it("is Adam with LRD at 0.5 where nothing was touched", () => {
    expect(runOf(newForm(MENUS), MENUS)).toEqual({
      optimizer: "adam",
      settings: {},
      drop_rate: 0.5,
      policy: "elementwise",
      policy_settings: {},
      rescale: false,
      schedule: "constant",
      schedule_settings: {},
    });
  });

  it("has what was typed and switched, as values", () => {
    const form = withPolicy(withOptimizer(newForm(MENUS), "sgd"), "momentum_aligned");
    const filled = {
      ...form,
      settings: { momentum: "0,9", nesterov: true },
      policySettings: { rest: "0.2" },
      dropRate: "0.25",
      rescale: true,
    };
    expect(runOf(filled, MENUS)).toEqual({
      optimizer: "sgd",
      settings: { momentum: 0.9, nesterov: true },
      drop_rate: 0.25,
      policy: "momentum_aligned",
      policy_settings: { rest: 0.2 },
      rescale: true,
      schedule: "constant",
      schedule_settings: {},
    });
  });

  it("has the schedule with its numbers, and milestones as they were typed", () => {
    const at = setting("at", { kind: "text", default: "100,150" });
    const step = { name: "step", label: "step", help: "", paper: "" };
    const schedules = [{ ...step, settings: [at, setting("factor")] }];
    const form = withSchedule(newForm(MENUS), "step");
    const filled = { ...form, scheduleSettings: { at: "3,5", factor: "0,5" } };
    const spec = runOf(filled, MENUS, schedules);
    expect(spec.schedule).toBe("step");
    expect(spec.schedule_settings).toEqual({ at: "3,5", factor: 0.5 });
    expect(withSchedule(filled, "cosine").scheduleSettings).toEqual({});
  });

  it("forgets what was typed for another optimizer or policy", () => {
    const form = { ...newForm(MENUS), settings: { lr: "1" }, policySettings: { rest: "1" } };
    expect(withOptimizer(form, "sgd").settings).toEqual({});
    expect(withOptimizer(form, "sgd").policySettings).toEqual({ rest: "1" });
    expect(withPolicy(form, "cautious").policySettings).toEqual({});
  });

  it("names a refused field as the form does", () => {
    expect(fieldOf("spec.policy_settings.rest")).toBe("policy_settings.rest");
    expect(fieldOf("runs")).toBe("runs");
  });
});
