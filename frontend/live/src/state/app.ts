import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Scene, ThemeName } from "../charts/types.ts";
import type { Catalogue, Experiment, ExperimentIn } from "../protocol.ts";
import { Api, messageOf } from "./api.ts";
import { Basins } from "./basins.ts";
import { Compare } from "./compare/compare.ts";
import { DataSets } from "./data_sets.ts";
import { FrameLoop } from "./frame_loop.ts";
import { lectureIn, withLecture } from "./lecture.ts";
import { placeAddress } from "./lesson_url.ts";
import { Lessons } from "./lessons.ts";
import type { Look } from "./looks.ts";
import { keepPlace, placeOf } from "./place.ts";
import { Replay } from "./replay.ts";
import { Session } from "./session.ts";
import { Sweeps } from "./sweeps/sweeps.ts";
import {
  addressOf,
  experimentOf,
  folderOf,
  type Page,
  pageOf,
  showsOne,
  type View,
  viewOf,
  writeAddress,
} from "./url.ts";
import { WarmUp } from "./warm_up.ts";

/** A short message at the edge of the screen, with one thing to do about it. */
export interface Toast {
  text: string;
  action?: { label: string; testId: string; run: () => void };
  bad?: boolean;
}

const RETRY_MS = 2000;
const TOAST_MS = 8000;
type Kind = Experiment["kind"];

/** Everything the page knows; outlives page switches, since the component stays mounted. */
export class App {
  readonly api: Api;
  /** Tells this page's controls from those of others; nothing about the person. */
  readonly me = Math.random().toString(36).slice(2, 10);
  readonly loop = new FrameLoop();
  readonly replay = new Replay(this.loop);
  readonly catalogue = signal<Catalogue | null>(null);
  readonly page = signal<Page>("explore");
  readonly view = signal<View>("paths");
  readonly theme = signal<ThemeName>("light");
  readonly narrow = signal(false);
  readonly lifted = signal<string | null>(null);
  readonly smoothing = signal(0);
  /** Big type for a room, and whether its controls are called. */
  readonly lecture = signal(false);
  readonly controls = signal(false);
  /** Which of its pictures is the second one; they go around. */
  readonly picture = signal(0);
  /** What a task's sixth picture shows, and whether it is as wide as its row. */
  readonly look = signal<Look>("mask");
  readonly wide = signal(false);
  /** Whether the keys are shown. */
  readonly help = signal(false);
  readonly toast = signal<Toast | null>(null);
  /** The newest step that each picture of an experiment has been drawn with. */
  readonly painted = new Map<string, number>();
  /** Why there is nothing to show, in words; empty while all is well. */
  readonly trouble = signal("");
  readonly session: ReadonlySignal<Session | null>;
  readonly basins: Basins;
  readonly compare: Compare;
  readonly dataSets: DataSets;
  readonly lessons: Lessons;
  readonly sweeps: Sweeps;
  private readonly sessions = {
    surface: signal<Session | null>(null),
    task: signal<Session | null>(null),
    lesson: signal<Session | null>(null),
  };
  private opening: string | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private toastTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly stops: (() => void)[] = [];

  constructor() {
    this.api = new Api(new URL(`${folderOf(location.pathname)}api/`, location.origin));
    this.dataSets = new DataSets(this.api);
    this.stops.push(() => this.dataSets.stop());
    this.lessons = new Lessons(this.api, () => this.follow());
    this.stops.push(() => this.lessons.stop());
    this.session = computed(() => {
      const page = this.page.value;
      if (!showsOne(page)) return null;
      if (page !== "lessons") return this.sessions[kindOf(page)].value;
      const { open, place } = this.lessons;
      return open.value === place.value.name ? this.sessions.lesson.value : null;
    });
    const basinsOpen = computed(
      () => this.page.value === "explore" && this.view.value === "basins",
    );
    this.basins = new Basins(this.api, this.me, this.session, basinsOpen);
    this.stops.push(() => this.basins.stop());
    const basinsNext = computed(
      () => this.page.value === "explore" && this.view.value !== "basins",
    );
    const warmUp = new WarmUp(this.api, this.me, this.session, basinsNext);
    this.stops.push(() => warmUp.stop());
    const comparing = computed(() => this.page.value === "compare");
    this.compare = new Compare(this.api, this.catalogue, comparing, () => this.loop.ask());
    this.stops.push(() => this.compare.stop());
    const sweeping = computed(() => this.page.value === "sweeps");
    this.sweeps = new Sweeps(this.api, this.catalogue, sweeping, () => this.loop.ask());
    this.stops.push(() => this.sweeps.stop());
    const follow = () => this.follow();
    addEventListener("popstate", follow);
    this.stops.push(() => removeEventListener("popstate", follow));
    this.stops.push(
      effect(() => {
        void this.session.value;
        this.replay.pause();
      }),
      effect(() => {
        const session = this.session.value;
        // Whatever a scene is made of asks for one frame when it changes.
        void [this.theme.value, this.lifted.value, this.smoothing.value, this.narrow.value];
        void [session?.cursor.value, session?.views.value, session?.marks.value];
        void [session?.experiment.value, session?.selected.value];
        this.loop.ask();
      }),
    );
    void this.loadCatalogue();
    this.follow();
  }

  stop(): void {
    for (const stop of this.stops) stop();
    clearTimeout(this.retry);
    clearTimeout(this.toastTimer);
    this.loop.stop();
    for (const session of Object.values(this.sessions)) session.peek()?.close();
  }

  /** Brings page and experiment into line with the address. */
  follow(): void {
    const page = pageOf(location.pathname);
    // What was about to be shown on another page is not wanted any more.
    if (page !== this.page.peek()) this.opening = null;
    this.page.value = page;
    this.lecture.value = lectureIn(location.search);
    if (this.page.peek() === "compare") this.compare.follow(location.search);
    if (this.page.peek() === "sweeps") this.sweeps.follow(location.search);
    if (!showsOne(this.page.peek())) return;
    if (this.page.peek() === "lessons") {
      this.followLesson();
      return;
    }
    const kind = kindOf(this.page.peek());
    this.view.value = viewOf(location.search) ?? this.view.peek();
    const wanted = experimentOf(location.search);
    const current = this.sessions[kind].peek();
    if (wanted === null) {
      if (current) this.write(current.id, "replace");
      else void this.open(`${kind}/newest`, () => this.lastOrNewest(kind), "replace");
    } else if (current?.id !== wanted) {
      void this.open(wanted, () => this.api.experiment(wanted), null);
    }
  }

  /** What this tab showed last on the page, if it is still there; else the newest that trains. */
  private lastOrNewest(kind: Kind): Promise<Experiment> {
    const last = placeOf(kind);
    if (last === null) return this.api.open(kind);
    return this.api.experiment(last).catch(() => this.api.open(kind));
  }

  /** Starts a new experiment and shows it; Back returns to the one before. */
  async start(experiment: ExperimentIn): Promise<void> {
    this.showNew(await this.api.create(experiment));
  }

  /** Shows an experiment that was just started. */
  showNew(started: Experiment): void {
    this.lessons.own(started.id);
    this.show(started, "push");
  }

  /** Turns to another view of the same experiment; Back returns to the one before. */
  turnTo(view: View): void {
    const session = this.session.peek();
    if (view === this.view.peek() || !session) return;
    this.view.value = view;
    this.write(session.id, "push");
  }

  /** Goes to an experiment that is known by its id. */
  go(id: string): void {
    void this.open(id, () => this.api.experiment(id), "push");
  }

  /** Opens a lesson at a step, or the list of all. */
  goLesson(name: string | null, step = 1): void {
    const same = name !== null && name === this.lessons.place.peek().name;
    const id = same ? (this.session.peek()?.id ?? null) : null;
    this.turn(placeAddress({ name, step }, id, location.pathname), "push");
  }

  /** Goes to a step of the open lesson; there is none before the first or after the last. */
  goStep(step: number): void {
    const lesson = this.lessons.lesson.peek();
    if (lesson && step >= 1 && step <= lesson.steps.length) this.goLesson(lesson.name, step);
  }

  /** Uses a button of the step shown; they count from 0. */
  useTry(index: number): void {
    const session = this.session.peek();
    const button = this.lessons.step.peek()?.step.tries[index];
    if (session && button) this.attempt(() => this.lessons.use(this, session, button));
  }

  /** Lecture mode on or off. */
  turnLecture(on: boolean): void {
    this.controls.value = false;
    writeAddress(withLecture(`${location.pathname}${location.search}`, on), "replace");
  }

  /** What charts draw now. */
  scene(session: Session): Scene {
    return {
      rows: session.rows,
      runs: session.views.peek(),
      marks: session.marks.peek(),
      theme: this.theme.peek(),
      steps: session.experiment.peek().steps,
      head: session.head,
      cursor: session.cursor.peek(),
      lifted: this.lifted.peek() ?? session.selected.peek(),
      smoothing: this.smoothing.peek(),
    };
  }

  tell(toast: Toast): void {
    clearTimeout(this.toastTimer);
    this.toast.value = toast;
    this.toastTimer = setTimeout(() => {
      this.toast.value = null;
    }, TOAST_MS);
  }

  /** Runs an action whose failure is told at the edge of the screen. */
  attempt(action: () => Promise<unknown>): void {
    action().catch((error: unknown) => this.tell({ text: messageOf(error), bad: true }));
  }

  private async open(
    key: string,
    fetch: () => Promise<Experiment>,
    how: "push" | "replace" | null,
  ): Promise<void> {
    if (this.opening === key) return;
    this.opening = key;
    clearTimeout(this.retry);
    try {
      const experiment = await fetch();
      if (this.opening !== key) return;
      this.opening = null;
      this.trouble.value = "";
      this.show(experiment, how);
    } catch (error) {
      if (this.opening !== key) return;
      this.opening = null;
      this.trouble.value = messageOf(error);
      const status = (error as { status?: number }).status ?? 0;
      if (status === 0 || status >= 500) this.retry = setTimeout(() => this.follow(), RETRY_MS);
    }
  }

  private show(experiment: Experiment, how: "push" | "replace" | null): void {
    const lesson = this.page.peek() === "lessons";
    const slot = this.sessions[lesson ? "lesson" : experiment.kind];
    if (lesson) this.lessons.shown(experiment.id);
    else keepPlace(experiment.kind, experiment.id);
    const old = slot.peek();
    if (old?.id !== experiment.id) {
      const ask = () => this.loop.ask();
      const trouble = (text: string) => this.tell({ text, bad: true });
      slot.value = new Session(experiment, this.api, this.catalogue, ask, trouble);
      old?.close();
    }
    const page = experiment.kind === "surface" ? "explore" : "train";
    if (!lesson && page !== this.page.peek()) {
      // The address names a page of the other kind: go where this experiment is drawn.
      const address = addressOf(page, experiment.id, location.pathname);
      location.assign(withLecture(address, this.lecture.peek()));
    } else if (how) this.write(experiment.id, how);
  }

  private write(id: string, how: "push" | "replace"): void {
    const address =
      this.page.peek() === "lessons"
        ? placeAddress(this.lessons.place.peek(), id, location.pathname)
        : addressOf(this.page.peek(), id, location.pathname, this.view.peek());
    this.turn(address, how);
  }

  /** Writes an address; lecture mode stays as it is. */
  private turn(address: string, how: "push" | "replace"): void {
    writeAddress(withLecture(address, this.lecture.peek()), how);
  }

  /** Brings the open lesson and its experiment into line with the address. */
  private followLesson(): void {
    const lesson = this.lessons.follow(location.search);
    if (!lesson) {
      this.opening = null;
      return;
    }
    const wanted = experimentOf(location.search);
    const current = this.sessions.lesson.peek();
    if (wanted === null) {
      const before = current?.id ?? null;
      const fetch = () => this.lessons.experiment(lesson, before);
      void this.open(`lesson/${lesson.name}`, fetch, "replace");
    } else if (current?.id !== wanted || this.session.peek() === null) {
      void this.open(wanted, () => this.api.experiment(wanted), null);
    }
  }

  private async loadCatalogue(): Promise<void> {
    try {
      this.catalogue.value = await this.api.catalogue();
      this.loop.ask();
    } catch {
      setTimeout(() => void this.loadCatalogue(), RETRY_MS);
    }
  }
}

function kindOf(page: Page): Kind {
  return page === "train" ? "task" : "surface";
}
