// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ControlIn, Experiment } from "../../src/protocol.ts";
import type { App } from "../../src/state/app.ts";
import { attachKeys } from "../../src/state/keys.ts";
import type { Session } from "../../src/state/session.ts";
import { setControl } from "./runs.ts";

describe("keys", () => {
  const sent: ControlIn[] = [];
  const session = {
    id: "e1",
    experiment: signal({ state: "paused", connected: true, steps: 900 } as Experiment),
    phase: signal("live"),
    cursor: signal<number | null>(null),
    forking: signal(false),
    head: 40,
    shownStep: 40,
    addControl: () => undefined,
  };
  const app = {
    me: "me",
    page: signal("explore"),
    view: signal("paths"),
    help: signal(false),
    session: signal(session as unknown as Session),
    api: {
      control: async (_: string, given: ControlIn) => {
        sent.push(given);
        return setControl("x", 1, [0, 0], 0, { kind: given.kind, changes: [] });
      },
    },
    attempt: (action: () => Promise<unknown>) => void action(),
  };
  let detach: () => void;

  beforeEach(() => {
    sent.length = 0;
    session.cursor.value = null;
    session.forking.value = false;
    app.view.value = "paths";
    app.help.value = false;
    detach = attachKeys(app as unknown as App, document.body);
  });

  afterEach(() => detach());

  /** Whether the key was taken. */
  function press(key: string): boolean {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
    return event.defaultPrevented;
  }

  it("play, step and look back where time is shown", () => {
    expect([" ", "ArrowRight", "ArrowLeft", "f"].map(press)).toEqual([true, true, true, true]);
    expect(sent.map(({ kind }) => kind)).toEqual(["play", "step"]);
    expect(session.cursor.value).toBe(39);
    expect(session.forking.value).toBe(true);
  });

  it("do nothing where basins are shown: the training runs unseen", () => {
    app.view.value = "basins";
    const keys = [" ", "ArrowRight", "ArrowLeft", "f", "Escape"];
    expect(keys.filter(press)).toEqual([]);
    expect(sent).toEqual([]);
    expect(session.cursor.value).toBeNull();
    expect(session.forking.value).toBe(false);
  });

  it("do nothing behind the help that names them", () => {
    app.help.value = true;
    expect([" ", "ArrowRight", "f"].filter(press)).toEqual([]);
    expect(sent).toEqual([]);
  });

  it("are those of a task's page whatever Explore last showed", () => {
    app.page.value = "train";
    app.view.value = "basins";
    expect(press(" ")).toBe(true);
    expect(sent.map(({ kind }) => kind)).toEqual(["play"]);
    app.page.value = "explore";
  });
});
