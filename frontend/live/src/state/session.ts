import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Rows, RunView } from "../charts/types.ts";
import type {
  Catalogue,
  ChangeInfo,
  ControlOut,
  Experiment,
  ProblemInfo,
  Run,
  ServerMessage,
  SurfaceOut,
} from "../protocol.ts";
import { type Api, ApiError, messageOf } from "./api.ts";
import { Connection, type Phase } from "./connection.ts";
import { History, isLong } from "./history.ts";
import { besideParents, drawnFrom } from "./lineage.ts";
import { type ControlMark, marksOf } from "./marks.ts";
import { type Menus, NO_MENUS, nameOf } from "./names.ts";
import { type LinesAsk, Past } from "./past.ts";
import { Pictures } from "./pictures.ts";
import { POLICY_PREFIX, withSetting } from "./run_settings.ts";
import { isPlain } from "./shape.ts";
import { SurfaceRows } from "./surface_rows.ts";
import { TaskRows } from "./task_rows.ts";
import { decodeFrame } from "./wire.ts";

/** How long a thumb has to rest until rows around it are read. */
const SETTLE_MS = 60;
const RETRY_MS = 2000;

/** One experiment as the page knows it: its stream, its rows, and what was changed. */
export class Session {
  readonly history: History;
  /** What the job computes for those who look. */
  readonly pictures = new Pictures();
  readonly experiment: Signal<Experiment>;
  readonly controls = signal<ControlOut[]>([]);
  readonly phase = signal<Phase>("connecting");
  readonly reason = signal("");
  readonly viewers = signal(0);
  /** Step looked at while scrubbing; null follows the newest. */
  readonly cursor = signal<number | null>(null);
  readonly selected = signal<string | null>(null);
  /** Whether a fork is being filled in. */
  readonly forking = signal(false);
  readonly marks: ReadonlySignal<ControlMark[]>;
  /** Those that were not removed, each fork beside the run it comes from. */
  readonly runs: ReadonlySignal<Run[]>;
  readonly views: ReadonlySignal<RunView[]>;
  /** What is trained; a surface as this experiment's settings make it. */
  readonly problem: ReadonlySignal<ProblemInfo | undefined>;
  /** A surface's drawing once it is there, and the one that a slider asks for meanwhile. */
  readonly drawn = signal<SurfaceOut | null>(null);
  readonly preview = signal<SurfaceOut | null>(null);
  private step: number;
  private closed = false;
  private surfaceRows: SurfaceRows | undefined;
  private taskRows: TaskRows | undefined;
  private connection: Connection | null = null;
  private readonly stops: (() => void)[] = [];

  constructor(
    first: Experiment,
    api: Api,
    private readonly catalogue: ReadonlySignal<Catalogue | null>,
    private readonly changed: () => void,
    private readonly trouble: (words: string) => void = () => undefined,
  ) {
    this.experiment = signal(first);
    const read = (ask: LinesAsk) => api.lines(first.id, ask);
    const come = () => {
      this.history.touch();
      changed();
    };
    const makePast = () => {
      const past = new Past(read, come, trouble);
      this.stops.push(() => past.close());
      return past;
    };
    this.history = new History(makePast);
    this.history.relate(first.runs);
    this.step = first.step;
    const id = first.id;
    this.problem = computed(() => {
      const name = this.experiment.value.problem;
      const found = catalogue.value?.problems.find((problem) => problem.name === name);
      if (!found?.surface) return found;
      const plain = isPlain(first.settings, found) ? found.surface : null;
      return { ...found, surface: this.drawn.value?.surface ?? plain };
    });
    if (first.kind === "surface") void this.draw(api);
    this.runs = computed(() =>
      besideParents(this.experiment.value.runs).filter((run) => run.state !== "removed"),
    );
    this.views = computed(() => {
      const from = drawnFrom(this.experiment.value.runs, this.runs.value);
      return this.runs.value.map((run) => ({
        id: run.id,
        slot: run.slot,
        name: this.nameOf(run),
        divergedStep: run.diverged_step,
        from: from.get(run.id),
      }));
    });
    this.marks = computed(() =>
      marksOf(
        this.controls.value,
        (run) => this.nameById(run),
        (setting) => this.settingLabel(setting),
      ),
    );
    const connect = () => this.connect(() => api.streamUrl(id, this.history.seq));
    if (isLong(first.step, first.runs.length)) void this.begin(makePast(), connect);
    else connect();
    this.stops.push(this.followCursor());
  }

  /** Asks for the surface's drawing until it is there. */
  private async draw(api: Api): Promise<void> {
    const { problem, settings } = this.experiment.peek();
    while (!this.closed) {
      try {
        this.drawn.value = await api.surface(problem, settings);
        this.changed();
        return;
      } catch (error) {
        const status = error instanceof ApiError ? error.status : -1;
        // Refused once, it will be again.
        if (status >= 400 && status < 500) {
          this.trouble(messageOf(error));
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  get id(): string {
    return this.experiment.peek().id;
  }

  /** Rows with the computed columns of the problem's kind. */
  get rows(): Rows {
    const surface = this.problem.peek()?.surface;
    if (this.experiment.peek().kind === "task") {
      this.taskRows ??= new TaskRows(this.history, () => this.experiment.peek().runs);
      return this.taskRows;
    }
    if (!surface) return this.history;
    this.surfaceRows ??= new SurfaceRows(this.history, surface.points);
    return this.surfaceRows;
  }

  /** Newest step of all: what the rows or the server's state say, whichever is later. */
  get head(): number {
    return Math.max(this.history.head, this.step);
  }

  /** The step that pictures and numbers show. */
  get shownStep(): number {
    return this.cursor.peek() ?? this.head;
  }

  /** What can be chosen; empty until the catalogue is there. */
  get menus(): Menus {
    return this.catalogue.value ?? NO_MENUS;
  }

  nameOf(run: Run): string {
    return nameOf(run, this.experiment.value.runs, this.menus);
  }

  nameById(id: string): string {
    const run = this.experiment.value.runs.find((other) => other.id === id);
    return run ? this.nameOf(run) : id;
  }

  settingLabel(name: string): string {
    if (name === "drop_rate") return "drop rate";
    const { optimizers, policies } = this.menus;
    const ofPolicy = name.startsWith(POLICY_PREFIX);
    const own = ofPolicy ? name.slice(POLICY_PREFIX.length) : name;
    for (const { settings } of ofPolicy ? policies : optimizers) {
      const setting = settings.find((other) => other.name === own);
      if (setting) return setting.label || setting.name;
    }
    return own;
  }

  /** Takes up a control that took effect, whichever way it came: its answer or the stream. */
  addControl(control: ControlOut): void {
    if (this.controls.peek().some((other) => other.id === control.id)) return;
    this.controls.value = [...this.controls.peek(), control];
    const experiment = this.experiment.peek();
    const runs = experiment.runs.map((run) => withChanges(run, control.changes));
    this.experiment.value = { ...experiment, runs };
    this.changed();
  }

  close(): void {
    for (const stop of this.stops) stop();
    this.closed = true;
    this.connection?.close();
  }

  private connect(url: () => string): void {
    this.connection = new Connection(url, {
      message: (message) => this.receive(message),
      frame: (data) => {
        this.history.ingest(decodeFrame(data));
        this.changed();
      },
      phase: (phase, reason) => {
        this.phase.value = phase;
        this.reason.value = reason;
      },
    });
  }

  /** A long history is read from the store as it is looked at; the stream begins at its end. */
  private async begin(past: Past, connect: () => void): Promise<void> {
    while (!this.closed) {
      try {
        this.history.begin(past, await past.outline());
        if (!this.closed) connect();
        return;
      } catch (error) {
        const status = error instanceof ApiError ? error.status : -1;
        this.reason.value = messageOf(error);
        if (status > 0 && status < 500) {
          this.phase.value = "gone";
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Around the step that a person looks at, every row is there. */
  private followCursor(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = effect(() => {
      const step = this.cursor.value;
      clearTimeout(timer);
      timer = setTimeout(() => this.history.focus(step), SETTLE_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }

  /** The steps of a training experiment move all the time; only other changes are worth a redraw. */
  private replace(experiment: Experiment): void {
    this.step = experiment.step;
    this.history.relate(experiment.runs);
    if (still(experiment) !== still(this.experiment.peek())) this.experiment.value = experiment;
  }

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        this.replace(message.experiment);
        this.controls.value = merged(message.controls, this.controls.peek());
        this.viewers.value = message.viewers;
        break;
      case "experiment":
        this.replace(message.experiment);
        break;
      case "control":
        this.addControl(message.control);
        break;
      case "viewers":
        this.viewers.value = message.viewers;
        break;
      case "view":
        this.pictures.take(message);
        break;
      case "pong":
        return;
    }
    this.changed();
  }
}

/** The server's controls, and those whose answer was here before its list was written. */
function merged(theirs: ControlOut[], mine: ControlOut[]): ControlOut[] {
  const known = new Set(theirs.map((control) => control.id));
  return [...theirs, ...mine.filter((control) => !known.has(control.id))];
}

/** An experiment's state as text, without the steps that move with every frame. */
function still(experiment: Experiment): string {
  const runs = experiment.runs.map((run) => ({ ...run, step: 0 }));
  return JSON.stringify({ ...experiment, step: 0, runs });
}

function withChanges(run: Run, changes: ChangeInfo[]): Run {
  return changes
    .filter((change) => change.run === run.id && change.setting !== "run")
    .reduce(
      (now, { setting, new: value }) => (value === null ? now : withSetting(now, setting, value)),
      run,
    );
}
