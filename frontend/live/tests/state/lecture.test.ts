// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { beforeEach, describe, expect, it } from "vitest";
import type { Lesson } from "../../src/protocol.ts";
import type { App } from "../../src/state/app.ts";
import { keyHelp } from "../../src/state/key_help.ts";
import { dress, lectureIn, withLecture } from "../../src/state/lecture.ts";
import { attachLectureKeys, taken } from "../../src/state/lecture_keys.ts";

describe("lecture mode in the address", () => {
  it.each([
    ["/train", "/train?lecture=1"],
    ["/?experiment=ab", "/?experiment=ab&lecture=1"],
    ["/?lecture=1&experiment=ab", "/?experiment=ab&lecture=1"],
  ])("%s", (address, on) => {
    expect(withLecture(address, true)).toBe(on);
    expect(lectureIn(on.slice(on.indexOf("?")))).toBe(true);
    const off = withLecture(on, false);
    expect(lectureIn(off.slice(off.indexOf("?")))).toBe(false);
    expect(withLecture(off, true)).toBe(on);
  });

  it("hides the page's header until the controls are called", () => {
    const host = document.createElement("div");
    const around = document.documentElement.classList;
    dress(host, true, false);
    expect([host.className, around.contains("lrd-lecture")]).toEqual(["lecture", true]);
    dress(host, true, true);
    expect([host.className, around.contains("lrd-lecture")]).toEqual(["lecture called", false]);
    dress(host, false, true);
    expect([host.className, around.contains("lrd-lecture")]).toEqual(["", false]);
  });
});

describe("keys", () => {
  const lesson = { name: "ravine", steps: [{}, {}] } as unknown as Lesson;
  const done: string[] = [];
  const app = {
    page: signal("lessons"),
    lecture: signal(true),
    controls: signal(false),
    picture: signal(0),
    help: signal(false),
    session: signal({ experiment: signal({ state: "paused" }), cursor: signal(null) }),
    lessons: {
      all: signal({ lessons: [lesson, { name: "saddles" }] }),
      lesson: signal<Lesson | undefined>(lesson),
      step: signal({ number: 1, step: { tries: [{}, {}] } }),
      startAgain: async () => void done.push("again"),
    },
    attempt: (action: () => Promise<unknown>) => void action(),
    goStep: (step: number) => done.push(`step ${step}`),
    goLesson: (name: string | null) => done.push(`lesson ${name}`),
    useTry: (index: number) => done.push(`try ${index}`),
    turnLecture: (on: boolean) => done.push(`lecture ${on}`),
  };
  const press = (key: string) => taken(app as unknown as App, key);

  beforeEach(() => {
    done.length = 0;
    app.page.value = "lessons";
    app.lecture.value = true;
    app.controls.value = false;
    app.help.value = false;
    app.lessons.lesson.value = lesson;
  });

  it("turn the steps and use the buttons of a lesson", () => {
    expect(["ArrowRight", "ArrowLeft", "2", "a", "h", "L"].map(press)).not.toContain(false);
    expect(done).toEqual(["step 2", "step 0", "try 1", "again", "lesson null", "lecture false"]);
  });

  it("say nothing for a button that the step does not have, and leave space to the others", () => {
    expect(["3", "9", "0", " ", "q"].map(press)).toEqual([false, false, false, false, false]);
    expect(done).toEqual([]);
  });

  it("open a lesson of the list by its number", () => {
    app.lessons.lesson.value = undefined;
    expect(["2", "3"].map(press)).toEqual([true, false]);
    expect(done).toEqual(["lesson saddles"]);
  });

  it("call the controls and the help, and Escape closes the help first", () => {
    press("c");
    press("?");
    expect([app.controls.value, app.help.value]).toEqual([true, true]);
    press("Escape");
    expect([app.controls.value, app.help.value]).toEqual([true, false]);
    press("Escape");
    expect(app.controls.value).toBe(false);
    expect(press("Escape")).toBe(false);
  });

  it("turn to another second picture", () => {
    expect(["v", "V"].map(press)).toEqual([true, true]);
    expect(app.picture.value).toBe(2);
  });

  it("call the controls for a fork, and leave it to the others", () => {
    expect(press("f")).toBe(false);
    expect(app.controls.value).toBe(true);
  });

  it("leave arrows and numbers alone outside of lecture mode", () => {
    app.lecture.value = false;
    expect(["ArrowRight", "1", "s", "h", "c"].map(press)).not.toContain(true);
    app.page.value = "train";
    expect(["ArrowRight", "1", "a", "n"].map(press)).not.toContain(true);
    expect(["l", "?"].map(press)).toEqual([true, true]);
  });

  it("are those of a field while one writes in it", () => {
    const detach = attachLectureKeys(app as unknown as App);
    const field = document.createElement("input");
    document.body.append(field);
    const slider = document.createElement("div");
    slider.setAttribute("role", "slider");
    document.body.append(slider);
    const type = (target: HTMLElement, key: string, repeat = false) =>
      target.dispatchEvent(new KeyboardEvent("keydown", { key, repeat, bubbles: true }));
    type(field, "l");
    type(slider, "ArrowRight");
    type(document.body, "l", true);
    expect(done).toEqual([]);
    type(slider, "l");
    type(document.body, "ArrowRight", true);
    detach();
    type(document.body, "l");
    expect(done).toEqual(["lecture false", "step 2"]);
  });

  it("come before the page around, which stops C and R on their way up", () => {
    const detach = attachLectureKeys(app as unknown as App);
    const host = document.createElement("div");
    host.addEventListener("keydown", (event) => event.stopPropagation());
    document.body.append(host);
    host.dispatchEvent(new KeyboardEvent("keydown", { key: "c", bubbles: true }));
    detach();
    expect(app.controls.value).toBe(true);
  });

  it("wait while the help is open", () => {
    press("?");
    expect(["ArrowRight", "1", "a", "c"].map(press)).not.toContain(true);
    expect(done).toEqual([]);
  });

  it("are told as they are", () => {
    const keys = (lecture: boolean, shown: Lesson | undefined) => {
      app.lecture.value = lecture;
      app.lessons.lesson.value = shown;
      return keyHelp(app as unknown as App).flatMap((part) => part.keys.map((k) => k.key));
    };
    expect(keys(true, lesson)).toEqual(expect.arrayContaining(["→ ←", "1 – 9", "C", "L", "?"]));
    expect(keys(false, undefined)).not.toContain("C");
    expect(keys(false, lesson)).toContain("A");
    expect(keys(false, lesson)).not.toContain("N");
  });

  it("that are told of a page are taken there, and no others", () => {
    app.lecture.value = false;
    app.lessons.lesson.value = undefined;
    app.page.value = "experiments";
    app.session.value = null as never;
    const [page, ...others] = keyHelp(app as unknown as App);
    expect(others).toEqual([]);
    expect(page?.keys.map((k) => k.key)).toEqual(["L", "Esc", "?"]);
    expect(["f", "v", "c", "n", "a", "1", "s", "ArrowLeft"].map(press)).not.toContain(true);
    expect(["l", "?"].map(press)).not.toContain(false);
  });
});
