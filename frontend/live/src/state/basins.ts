import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Run } from "../protocol.ts";
import { type Api, ApiError, messageOf } from "./api.ts";
import { runIn } from "./fair.ts";
import { Latest } from "./latest.ts";
import type { Session } from "./session.ts";
import { shapeOf } from "./shape.ts";
import { decodeSwarm, type Masks, type Swarm, type SwarmAsk, type SwarmPicture } from "./swarm.ts";
import { WhatIf } from "./what_if.ts";

/** Starts a side while a slider moves. */
export const COARSE = 128;
/** A slider that has not moved for this long rests. */
const REST_MS = 200;
/** A picture that takes longer than this is said to be on its way. */
const SLOW_S = 0.5;
const TICK_MS = 250;
const RETRY_MS = 2000;

/** What the page wants to see, but for the fineness. */
export interface Wish {
  ask: Omit<SwarmAsk, "n" | "client">;
  /** The runs as asked for: with the drop rate under the finger. */
  runs: Run[];
  /** The same for the same pictures. */
  key: string;
}

const surfaceOf = ({ ask }: Wish): string => JSON.stringify([ask.problem, ask.settings]);

/** Pictures and what they are pictures of. */
export interface Shown {
  wish: Wish;
  swarm: Swarm;
  /** As fine as was chosen; not so while a slider moves. */
  fine: boolean;
}

/** The basin pictures of the session on the page: asked for anew whenever a run changes. */
export class Basins {
  /** Starts a side of a picture at rest. */
  readonly n = signal(256);
  readonly steps = signal(500);
  readonly masks: Signal<Masks> = signal("own");
  /** Of the masks; null takes the experiment's. */
  readonly seed = signal<number | null>(null);
  /** The newest pictures; of another surface never. */
  readonly shown = signal<Shown | null>(null);
  /** Why the pictures are not those asked for; empty while all is well. */
  readonly trouble = signal("");
  /** Seconds that an answer has taken so far where it takes long; null otherwise. */
  readonly waited = signal<number | null>(null);
  readonly whatIf = new WhatIf();
  readonly wish: ReadonlySignal<Wish | null>;
  private readonly fingers = signal<Readonly<Record<string, number>>>({});
  private readonly sender: Latest<{ wish: Wish; n: number }>;
  private asked = "";
  private followed = "";
  private rest: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly stopFollowing: () => void;

  /** `open`: the pictures are on the page. Nothing is asked for while they are not. */
  constructor(
    private readonly api: Pick<Api, "swarm">,
    private readonly client: string,
    session: ReadonlySignal<Session | null>,
    open: ReadonlySignal<boolean>,
  ) {
    this.wish = computed(() => {
      const now = session.value;
      return open.value && now ? this.wishFor(now) : null;
    });
    this.sender = new Latest(
      (next) => this.compute(next.wish, next.n),
      (error) => this.failed(error),
    );
    this.stopFollowing = effect(() => {
      const wish = this.wish.value;
      this.follow(wish, this.n.value, Object.keys(this.fingers.value).length > 0);
    });
  }

  /** The finger on a run's slider, which is ahead of the server; null when it is gone. */
  finger(run: string, rate: number | null): void {
    const { [run]: _, ...others } = this.fingers.peek();
    this.fingers.value = rate === null ? others : { ...others, [run]: rate };
  }

  /** A run's picture, if the newest pictures have one. */
  pictureOf(run: string): SwarmPicture | undefined {
    const shown = this.shown.value;
    const index = shown?.wish.runs.findIndex((one) => one.id === run) ?? -1;
    return shown?.swarm.pictures[index];
  }

  stop(): void {
    this.stopFollowing();
    clearTimeout(this.rest);
    clearTimeout(this.retry);
  }

  private wishFor(session: Session): Wish | null {
    const experiment = session.experiment.value;
    const runs = session.runs.value.map((run) => ({
      ...run,
      drop_rate: this.fingers.value[run.id] ?? this.whatIf.rateOf(session, run) ?? run.drop_rate,
    }));
    if (experiment.kind !== "surface" || runs.length === 0) return null;
    const ask = {
      problem: experiment.problem,
      settings: shapeOf(experiment.settings),
      steps: this.steps.value,
      seed: this.seed.value ?? experiment.seed,
      masks: this.masks.value,
      runs: runs.map((run) => ({ ...runIn(run), label: "" })),
    };
    return { ask, runs, key: JSON.stringify([ask, runs.map((run) => run.id)]) };
  }

  private follow(wish: Wish | null, n: number, moving: boolean): void {
    const now = wish ? `${wish.key} ${n} ${moving}` : "";
    if (now === this.followed) return;
    this.followed = now;
    clearTimeout(this.rest);
    clearTimeout(this.retry);
    if (!wish) return;
    const shown = this.shown.peek();
    const sameSurface = shown !== null && surfaceOf(shown.wish) === surfaceOf(wish);
    if (shown && !sameSurface) this.shown.value = null;
    if (moving && sameSurface && n > COARSE) {
      this.push(wish, COARSE);
      this.rest = setTimeout(() => this.push(wish, n), REST_MS);
    } else this.push(wish, n);
  }

  private push(wish: Wish, n: number): void {
    const asked = `${wish.key} ${n}`;
    if (asked === this.asked) return;
    this.asked = asked;
    void this.sender.push({ wish, n });
  }

  private async compute(wish: Wish, n: number): Promise<void> {
    const began = Date.now();
    const late = setInterval(() => {
      const seconds = (Date.now() - began) / 1000;
      if (seconds >= SLOW_S) this.waited.value = Math.floor(seconds);
    }, TICK_MS);
    try {
      const swarm = decodeSwarm(await this.api.swarm({ ...wish.ask, n, client: this.client }));
      const now = this.wish.peek();
      // Another surface is on the page by now.
      if (now && surfaceOf(now) !== surfaceOf(wish)) return;
      batch(() => {
        this.shown.value = { wish, swarm, fine: n >= this.n.peek() };
        this.trouble.value = "";
      });
    } finally {
      clearInterval(late);
      this.waited.value = null;
    }
  }

  private failed(error: unknown): void {
    const status = error instanceof ApiError ? error.status : 500;
    this.asked = "";
    // A newer request of this page took its place.
    if (status === 409) return;
    this.trouble.value = messageOf(error);
    if (status !== 0 && status < 500) return;
    this.retry = setTimeout(() => {
      const wish = this.wish.peek();
      if (wish) this.push(wish, this.n.peek());
    }, RETRY_MS);
  }
}
