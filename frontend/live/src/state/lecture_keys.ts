import { anotherSeed, stepOnce, whyDisabled } from "./actions.ts";
import type { App } from "./app.ts";

/** A key and what it does, as the help tells it. */
export interface KeyHelp {
  key: string;
  words: string;
}

/** What keys do here; the order is that of the help. */
export function keyHelp(lecture: boolean, lesson: boolean): KeyHelp[] {
  return [
    ...(lecture && lesson
      ? [
          { key: "→ ←", words: "next and previous step of the lesson" },
          { key: "1 – 9", words: "use a button of the step" },
          { key: "S", words: "make one training step" },
          { key: "H", words: "all lessons" },
        ]
      : [{ key: "→ ←", words: "make one training step, look one step back" }]),
    { key: "space", words: "play or pause" },
    ...(lecture ? [{ key: "N", words: "start again with a new seed" }] : []),
    ...(lesson ? [{ key: "A", words: "start this lesson's experiment again" }] : []),
    { key: "F", words: "fork a run at the step looked at" },
    ...(lecture
      ? [
          { key: "V", words: "another second picture" },
          { key: "C", words: "show or hide the controls" },
        ]
      : []),
    { key: "L", words: lecture ? "leave lecture mode" : "lecture mode: big type for a room" },
    { key: "Esc", words: "close this, or back to the newest step" },
    { key: "?", words: "these keys" },
  ];
}

/** Keys of lecture mode and of lessons; to be attached before the others. Returns the way out. */
export function attachLectureKeys(app: App): () => void {
  const act = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const turns = event.key.startsWith("Arrow");
    if (belongsElsewhere(event, turns) || (event.repeat && !turns)) return;
    if (taken(app, event.key)) event.preventDefault();
  };
  // Before anything else: letters that the page around us takes are stopped on their way up.
  addEventListener("keydown", act, true);
  return () => removeEventListener("keydown", act, true);
}

/** Does what the key says; false where it says nothing here. */
export function taken(app: App, key: string): boolean {
  const lower = key.toLowerCase();
  if (key === "?") app.help.value = !app.help.peek();
  else if (key === "Escape" && app.help.peek()) app.help.value = false;
  else if (app.help.peek()) return false;
  else if (lower === "l") app.turnLecture(!app.lecture.peek());
  else if (app.page.peek() === "lessons" && lessonKey(app, lower)) return true;
  else if (!app.lecture.peek()) return false;
  else if (lower === "v") app.picture.value += 1;
  else if (lower === "c") app.controls.value = !app.controls.peek();
  else if (key === "Escape" && app.controls.peek()) app.controls.value = false;
  else if (lower === "n") return newSeed(app);
  else {
    // A fork is filled in among the controls.
    if (lower === "f") app.controls.value = true;
    return false;
  }
  return true;
}

function lessonKey(app: App, key: string): boolean {
  const lecture = app.lecture.peek();
  const lesson = app.lessons.lesson.peek();
  const at = app.lessons.step.peek();
  if (lecture && !lesson) {
    const one = app.lessons.all.peek()?.lessons[Number(key) - 1];
    if (one) app.goLesson(one.name);
    return one !== undefined;
  }
  const session = app.session.peek();
  if (key === "a" && session) {
    app.attempt(() => app.lessons.startAgain(app, session));
    return true;
  }
  if (!lecture || !lesson || !at) return false;
  if (key === "arrowright" || key === "pagedown") app.goStep(at.number + 1);
  else if (key === "arrowleft" || key === "pageup") app.goStep(at.number - 1);
  else if (key === "h") app.goLesson(null);
  else if (key === "s" && session && whyDisabled(session) === "") stepOnce(app, session);
  else if (session && at.step.tries[Number(key) - 1]) app.useTry(Number(key) - 1);
  else return false;
  return true;
}

function newSeed(app: App): boolean {
  const session = app.session.peek();
  if (session) anotherSeed(app, session);
  return session !== null;
}

/** Whether the key belongs to a field or panel, or an arrow to a slider or chart. */
function belongsElsewhere(event: KeyboardEvent, turns: boolean): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  const fields = "input:not([type=range]), select, textarea, .panel";
  return target.closest(turns ? `${fields}, input, [role=slider], .chart` : fields) !== null;
}
