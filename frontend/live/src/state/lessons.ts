import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type {
  ControlIn,
  Experiment,
  ExperimentIn,
  Lesson,
  LessonStep,
  Lessons as Shelf,
  Try,
} from "../protocol.ts";
import { control, hasEnded, isDone, isOver } from "./actions.ts";
import { type Api, messageOf } from "./api.ts";
import type { App } from "./app.ts";
import { keepProgress, keptProgress, type Progress, withStep } from "./lesson_progress.ts";
import { type Place, placeIn } from "./lesson_url.ts";
import { keepPlace, placeOf } from "./place.ts";
import type { Session } from "./session.ts";

const RETRY_MS = 2000;

/** The lessons, which of them is open at which step, and how far the reader has come. */
export class Lessons {
  readonly all = signal<Shelf | null>(null);
  /** Why the list is not there, in words; empty while all is well. */
  readonly trouble = signal("");
  readonly place = signal<Place>({ name: null, step: 1 });
  /** The lesson whose experiment is open. */
  readonly open = signal<string | null>(null);
  readonly progress = signal<Progress>(keptProgress());
  readonly lesson: ReadonlySignal<Lesson | undefined>;
  /** The step shown; the last one where the address names a later one. */
  readonly step: ReadonlySignal<{ number: number; step: LessonStep } | undefined>;
  /** Experiments that this page started: only those it may stop. */
  private readonly started = new Set<string>();
  private retry: ReturnType<typeof setTimeout> | undefined;
  private loading = false;

  constructor(
    private readonly api: Api,
    private readonly arrived: () => void,
  ) {
    this.lesson = computed(() =>
      this.all.value?.lessons.find((one) => one.name === this.place.value.name),
    );
    this.step = computed(() => {
      const lesson = this.lesson.value;
      if (!lesson) return undefined;
      const number = Math.min(this.place.value.step, lesson.steps.length);
      return { number, step: lesson.steps[number - 1] as LessonStep };
    });
  }

  /** Goes to the place that the address names; gives the lesson, once the list is there. */
  follow(search: string): Lesson | undefined {
    const place = placeIn(search);
    const now = this.place.peek();
    if (place.name !== now.name || place.step !== now.step) this.place.value = place;
    if (this.all.peek() === null) void this.load();
    const at = this.step.peek();
    if (place.name !== null && at) {
      this.progress.value = withStep(this.progress.peek(), place.name, at.number);
      keepProgress(this.progress.peek());
    }
    return this.lesson.peek();
  }

  stop(): void {
    clearTimeout(this.retry);
  }

  /** The experiment beside a lesson: the one this tab had, if it still trains, else a new one. */
  async experiment(lesson: Lesson, before: string | null): Promise<Experiment> {
    const last = placeOf(`lesson.${lesson.name}`);
    const kept = last === null ? null : await this.api.experiment(last).catch(() => null);
    if (kept !== null && !hasEnded(kept) && kept.replaced_by === null) return kept;
    return this.create(lesson, lesson.experiment, before);
  }

  /** Remembers what is shown beside the open lesson. */
  shown(id: string): void {
    const { name } = this.place.peek();
    if (name === null) return;
    this.open.value = name;
    keepPlace(`lesson.${name}`, id);
  }

  /** Remembers an experiment that this page started. */
  own(id: string): void {
    this.started.add(id);
  }

  /** Does what a button says; rejects with the server's reason. */
  async use(app: App, session: Session, button: Try): Promise<void> {
    const lesson = this.lesson.peek();
    if (!lesson) return;
    session.cursor.value = null;
    if (button.experiment !== null) {
      app.showNew(await this.create(lesson, button.experiment, session.id));
      return;
    }
    for (const change of button.controls) {
      await control(app, session, change as unknown as ControlIn);
    }
    await this.playOn(app, session, lesson);
  }

  /** The lesson's experiment from its first step. */
  async startAgain(app: App, session: Session): Promise<void> {
    const lesson = this.lesson.peek();
    if (lesson) app.showNew(await this.create(lesson, lesson.experiment, session.id));
  }

  /** What was changed should be seen: on with it, with more steps where all are made. */
  private async playOn(app: App, session: Session, lesson: Lesson): Promise<void> {
    const experiment = session.experiment.peek();
    if (hasEnded(experiment) || experiment.state === "diverged") return;
    if (isDone(session)) {
      const more = (lesson.experiment as unknown as ExperimentIn).steps ?? experiment.steps;
      await control(app, session, { kind: "extend", value: more });
    }
    if (experiment.state === "paused" || isOver(experiment)) {
      await control(app, session, { kind: "play" });
    }
  }

  private async create(
    lesson: Lesson,
    experiment: Record<string, unknown>,
    before: string | null,
  ): Promise<Experiment> {
    const replaces = before !== null && this.started.has(before) ? before : null;
    const given = { ...experiment, name: lesson.title, replaces } as unknown as ExperimentIn;
    const made = await this.api.create(given);
    this.own(made.id);
    return made;
  }

  private async load(): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    try {
      this.all.value = await this.api.lessons();
      this.trouble.value = "";
      this.arrived();
    } catch (error) {
      this.trouble.value = messageOf(error);
      clearTimeout(this.retry);
      this.retry = setTimeout(() => void this.load(), RETRY_MS);
    } finally {
      this.loading = false;
    }
  }
}
