/** Every key of the page: what handlers do with it and what the help says of it are one and the same. */

import { anotherSeed, playOrPause, scrub, stepOnce, whyDisabled, whyNoFork } from "./actions.ts";
import type { App } from "./app.ts";
import type { Session } from "./session.ts";

export interface Key {
  /** As the help shows it; empty where it has nothing to tell. */
  label: string;
  words(app: App): string;
  /** As events name them, in small letters. */
  keys: readonly string[];
  /** Whether it means something on the page that is shown. */
  here(app: App): boolean;
  /** False where it does nothing now, so that others may take it. */
  act(app: App, key: string): boolean;
}

const inLecture = (app: App) => app.lecture.value;
const onLessons = (app: App) => app.page.value === "lessons";
const inLesson = (app: App) => onLessons(app) && app.lessons.lesson.value !== undefined;
const DIGITS = Array.from("123456789");

const done = (action: () => void): true => {
  action();
  return true;
};

/** With the session that is shown; false without one. */
const withSession = (app: App, act: (session: Session) => boolean): boolean => {
  const session = app.session.peek();
  return session !== null && act(session);
};

/** Keys that come before those of the page around us; the help is closed while they work. */
export const EARLY: readonly Key[] = [
  {
    label: "→ ←",
    words: () => "next and previous step of the lesson",
    keys: ["arrowright", "arrowleft", "pagedown", "pageup"],
    here: (app) => inLecture(app) && inLesson(app),
    act: (app, key) => {
      const at = app.lessons.step.peek();
      const by = key === "arrowright" || key === "pagedown" ? 1 : -1;
      return at !== undefined && done(() => app.goStep(at.number + by));
    },
  },
  {
    label: "1 – 9",
    words: () => "use a button of the step",
    keys: DIGITS,
    here: (app) => inLecture(app) && inLesson(app),
    act: (app, key) => {
      const tries = app.lessons.step.peek()?.step.tries ?? [];
      const known = app.session.peek() !== null && tries[Number(key) - 1] !== undefined;
      return known && done(() => app.useTry(Number(key) - 1));
    },
  },
  {
    label: "1 – 9",
    words: () => "open a lesson",
    keys: DIGITS,
    here: (app) => inLecture(app) && onLessons(app) && !inLesson(app),
    act: (app, key) => {
      const one = app.lessons.all.peek()?.lessons[Number(key) - 1];
      return one !== undefined && done(() => app.goLesson(one.name));
    },
  },
  {
    label: "S",
    words: () => "make one training step",
    keys: ["s"],
    here: (app) => inLecture(app) && inLesson(app),
    act: (app) =>
      withSession(
        app,
        (session) => whyDisabled(session) === "" && done(() => stepOnce(app, session)),
      ),
  },
  {
    label: "H",
    words: () => "all lessons",
    keys: ["h"],
    here: (app) => inLecture(app) && inLesson(app),
    act: (app) => done(() => app.goLesson(null)),
  },
  {
    label: "N",
    words: () => "start again with a new seed",
    keys: ["n"],
    here: (app) => inLecture(app) && shows(app),
    act: (app) => withSession(app, (session) => done(() => anotherSeed(app, session))),
  },
  {
    label: "A",
    words: () => "start this lesson’s experiment again",
    keys: ["a"],
    here: inLesson,
    act: (app) =>
      withSession(app, (session) =>
        done(() => app.attempt(() => app.lessons.startAgain(app, session))),
      ),
  },
  {
    label: "V",
    words: () => "another second picture",
    keys: ["v"],
    here: (app) => inLecture(app) && shows(app),
    act: (app) =>
      done(() => {
        app.picture.value += 1;
      }),
  },
  {
    label: "C",
    words: () => "show or hide the controls",
    keys: ["c"],
    here: (app) => inLecture(app) && shows(app),
    act: (app) =>
      done(() => {
        app.controls.value = !app.controls.peek();
      }),
  },
  {
    label: "",
    words: () => "",
    keys: ["escape"],
    here: (app) => inLecture(app) && app.controls.peek(),
    act: (app) =>
      done(() => {
        app.controls.value = false;
      }),
  },
  {
    // A fork is filled in among the controls.
    label: "",
    words: () => "",
    keys: ["f"],
    here: inLecture,
    act: (app) => {
      app.controls.value = true;
      return false;
    },
  },
  {
    label: "L",
    words: (app) => (inLecture(app) ? "leave lecture mode" : "lecture mode: big type for a room"),
    keys: ["l"],
    here: () => true,
    act: (app) => done(() => app.turnLecture(!app.lecture.peek())),
  },
];

const shows = (app: App): boolean => app.session.value !== null;

/** Basins have no time to step through, and nothing shows what keys would do to the training. */
const timed = (app: App): boolean =>
  shows(app) && !(app.page.value === "explore" && app.view.value === "basins");

const live = (session: Session): boolean => session.cursor.value === null;

/** Keys of an experiment's time. */
export const TIMED: readonly Key[] = [
  {
    label: "space",
    words: (app) =>
      app.session.value && !live(app.session.value) ? "replay, or pause it" : "play or pause",
    keys: [" "],
    here: timed,
    act: (app) =>
      withSession(app, (session) => {
        if (!live(session)) return done(() => app.replay.turn(session));
        return whyDisabled(session) === "" && done(() => playOrPause(app, session));
      }),
  },
  {
    label: "→ ←",
    words: () => "make one training step, look one step back",
    keys: ["arrowright", "arrowleft"],
    here: timed,
    act: (app, key) =>
      withSession(app, (session) => {
        if (key === "arrowleft") return done(() => scrub(session, session.shownStep - 1));
        if (!live(session)) return done(() => scrub(session, session.shownStep + 1));
        return whyDisabled(session) === "" && done(() => stepOnce(app, session));
      }),
  },
  {
    label: "F",
    words: () => "fork a run at the step looked at",
    keys: ["f"],
    here: timed,
    act: (app) =>
      withSession(app, (session) => {
        if (whyNoFork(session) !== "") return false;
        session.forking.value = true;
        return true;
      }),
  },
  {
    label: "Esc",
    words: () => "close this, or back to the newest step",
    keys: ["escape"],
    here: timed,
    act: (app) =>
      withSession(app, (session) => {
        if (live(session)) return false;
        session.cursor.value = null;
        return true;
      }),
  },
];

/** Keys of the history bar while it has the focus: how far each goes. */
export const HISTORY: readonly { label: string; words: string; by: Record<string, number> }[] = [
  { label: "← →", words: "one step back or on", by: { ArrowLeft: -1, ArrowRight: 1 } },
  { label: "PgDn PgUp", words: "20 steps back or on", by: { PageDown: -20, PageUp: 20 } },
  { label: "Home End", words: "first or newest step", by: { Home: -Infinity, End: Infinity } },
];

/** The first key of a table that takes an event. */
export function used(table: readonly Key[], app: App, key: string): boolean {
  const lower = key.toLowerCase();
  return table.some((one) => one.keys.includes(lower) && one.here(app) && one.act(app, lower));
}
