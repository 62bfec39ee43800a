// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { beforeEach, describe, expect, it } from "vitest";
import type { ControlIn, Experiment, ExperimentIn, Lesson, Try } from "../../src/protocol.ts";
import type { Api } from "../../src/state/api.ts";
import type { App } from "../../src/state/app.ts";
import { Lessons } from "../../src/state/lessons.ts";
import type { Session } from "../../src/state/session.ts";
import { setControl } from "./runs.ts";

const lesson = {
  name: "ravine",
  title: "The ravine",
  experiment: { problem: "ravine", steps: 600 },
  steps: [{ title: "one" }, { title: "two" }],
} as unknown as Lesson;

describe("lessons", () => {
  const created: ExperimentIn[] = [];
  const sent: ControlIn[] = [];
  const known = new Map<string, Partial<Experiment>>();
  const api = {
    lessons: async () => ({ lessons: [lesson], faults: [] }),
    create: async (given: ExperimentIn) => {
      created.push(given);
      const made = { id: `e${created.length}`, state: "running", replaced_by: null };
      known.set(made.id, made as Partial<Experiment>);
      return made;
    },
    experiment: async (id: string) => {
      const found = known.get(id);
      if (!found) throw new Error("no such experiment");
      return found;
    },
    control: async (_: string, given: ControlIn) => {
      sent.push(given);
      return setControl(String(sent.length), 1, [0, 0], 0, { kind: given.kind, changes: [] });
    },
  };
  const shown: string[] = [];
  const app = {
    me: "me",
    api,
    showNew: (one: Experiment) => shown.push(one.id),
  } as unknown as App;
  let lessons: Lessons;

  function session(id: string, experiment: Partial<Experiment>, head = 40): Session {
    const whole = { steps: 600, connected: true, state: "running", ...experiment };
    return {
      id,
      head,
      cursor: signal<number | null>(7),
      experiment: signal(whole as Experiment),
      addControl: () => undefined,
    } as unknown as Session;
  }

  async function opened(search: string): Promise<void> {
    await new Promise<void>((resolve) => {
      lessons = new Lessons(api as unknown as Api, resolve);
      lessons.follow(search);
    });
    lessons.follow(search);
  }

  beforeEach(async () => {
    for (const list of [created, sent, shown]) list.length = 0;
    known.clear();
    localStorage.clear();
    sessionStorage.clear();
    await opened("?lesson=ravine&step=2");
  });

  const button = (part: Partial<Try>): Try => ({
    label: "x",
    controls: [],
    experiment: null,
    ...part,
  });

  it("are at the step of the address, at the last one where it names a later one", () => {
    expect(lessons.step.value).toMatchObject({ number: 2, step: { title: "two" } });
    lessons.follow("?lesson=ravine&step=9");
    expect(lessons.step.value?.number).toBe(2);
    lessons.follow("?lesson=other");
    expect(lessons.lesson.value).toBeUndefined();
    expect(lessons.progress.value).toEqual({ ravine: [2] });
  });

  it("go on with the experiment that the tab had while it trains, and only then", async () => {
    const first = await lessons.experiment(lesson, null);
    lessons.shown(first.id);
    expect((await lessons.experiment(lesson, null)).id).toBe("e1");
    known.set("e1", { ...first, state: "cancelled" });
    expect((await lessons.experiment(lesson, null)).id).toBe("e2");
    expect(created.map((one) => one.name)).toEqual(["The ravine", "The ravine"]);
  });

  it("stop only experiments that this page started", async () => {
    const mine = await lessons.experiment(lesson, null);
    await lessons.use(app, session(mine.id, {}), button({ experiment: { problem: "saddle" } }));
    await lessons.use(app, session("theirs", {}), button({ experiment: { problem: "saddle" } }));
    expect(created.map((one) => one.replaces)).toEqual([null, "e1", null]);
    expect(shown).toEqual(["e2", "e3"]);
  });

  it("let what a button changed be seen", async () => {
    const change = { kind: "set", run: "r2", setting: "drop_rate", value: 0.9 };
    const more = button({ controls: [change] });
    const now = session("e1", { state: "running" });
    await lessons.use(app, now, more);
    expect(sent.map((one) => one.kind)).toEqual(["set"]);
    expect(now.cursor.value).toBeNull();
    await lessons.use(app, session("e1", { state: "paused" }), more);
    await lessons.use(app, session("e1", { state: "finished" }, 600), more);
    expect(sent.slice(1).map((one) => one.kind)).toEqual(["set", "play", "set", "extend", "play"]);
    expect(sent[4]?.value).toBe(600);
  });
});
