/** The page of sweeps: the one that is open with its cells as they train, and the list of all. */

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Catalogue, PointInfo, Sweep, SweepIn } from "../../protocol.ts";
import { type Api, ApiError, messageOf } from "../api.ts";
import { isPlain, shapeOf } from "../shape.ts";
import { writeAddress } from "../url.ts";
import { bestOf, type Cells, type Spot, spotKey, spotOf, updated } from "./cells.ts";
import { CellCurves } from "./curves.ts";
import type { SweepForm } from "./form.ts";
import { type Measure, measureOf } from "./measures.ts";
import { type SweepPlace, sweepAddress, sweepPlaceOf } from "./place.ts";

const REFRESH_MS = 700;
/** Of what has ended, or cannot be reached. */
const SELDOM_MS = 3000;

const GOING: readonly Sweep["state"][] = ["queued", "running", "paused"];

export class Sweeps {
  readonly place = signal<SweepPlace>({ sweep: null, cell: null, by: null });
  readonly list = signal<Sweep[] | null>(null);
  readonly sweep = signal<Sweep | null>(null);
  readonly cells = signal<Cells>(new Map());
  /** Why what is shown may be old, or cannot be shown. */
  readonly trouble = signal("");
  /** There is no such sweep: asking again is of no use. */
  readonly gone = signal(false);
  readonly measure: ReadonlySignal<Measure | null>;
  readonly chosen: ReadonlySignal<Spot | null>;
  /** The cell whose curves are shown: the chosen one; once all is trained the best, if none is. */
  readonly shown: ReadonlySignal<Spot | null>;
  readonly curves: CellCurves;
  /** What was filled in for a new one and not started; kept while the page is. */
  draft: SweepForm | null = null;
  private cursor = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private round = 0;
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly api: Api,
    private readonly catalogue: ReadonlySignal<Catalogue | null>,
    private readonly open: ReadonlySignal<boolean>,
    changed: () => void,
  ) {
    this.measure = computed(() => {
      const sweep = this.sweep.value;
      if (!sweep) return null;
      const asked = sweep.measures.find((name) => name === this.place.value.by);
      return measureOf(sweep, asked ?? (sweep.measures[0] as string));
    });
    this.chosen = computed(() => {
      const sweep = this.sweep.value;
      return sweep ? spotOf(this.place.value.cell, sweep) : null;
    });
    this.shown = computed(() => {
      const [sweep, measure] = [this.sweep.value, this.measure.value];
      if (this.chosen.value || !sweep || !measure) return this.chosen.value;
      return GOING.includes(sweep.state) ? null : bestOf(this.cells.value, sweep, measure);
    });
    this.curves = new CellCurves(api, changed);
    this.stops.push(
      effect(() => {
        if (open.value) this.refreshSoon();
        else clearTimeout(this.timer);
      }),
    );
    this.stops.push(
      effect(() => {
        void this.shown.value;
        changed();
      }),
    );
  }

  stop(): void {
    for (const stop of this.stops) stop();
    clearTimeout(this.timer);
    this.round += 1;
  }

  get going(): boolean {
    const state = this.sweep.value?.state;
    return state !== undefined && GOING.includes(state);
  }

  /** Brings what is shown into line with an address. */
  follow(search: string): void {
    const next = sweepPlaceOf(search);
    const before = this.place.peek();
    if (before.sweep === next.sweep && before.cell === next.cell && before.by === next.by) return;
    this.place.value = next;
    if (before.sweep !== next.sweep) this.clear();
    this.refreshSoon();
  }

  private clear(): void {
    this.sweep.value = null;
    this.cells.value = new Map();
    this.curves.clear();
    this.cursor = "";
    this.gone.value = false;
    this.trouble.value = "";
  }

  /** Goes to another place, and the address with it. */
  go(part: Partial<SweepPlace>, how: "push" | "replace" = "replace"): void {
    const next = { ...this.place.peek(), ...part };
    writeAddress(sweepAddress(next, location.pathname), how);
  }

  choose(spot: Spot | null): void {
    this.go({ cell: spot && spotKey(spot) });
  }

  openSweep(id: string | null): void {
    this.go({ sweep: id, cell: null, by: null }, "push");
  }

  /** Starts a sweep and shows it. */
  async start(ask: SweepIn): Promise<void> {
    const made = await this.api.createSweep(ask);
    this.draft = null;
    this.list.value = null;
    this.openSweep(made.id);
    this.sweep.value = made;
  }

  /** Stops, goes on, or renames the sweep that is open. */
  async change(order: (id: string) => Promise<Sweep>): Promise<void> {
    const sweep = this.sweep.peek();
    if (!sweep) return;
    const next = await order(sweep.id);
    if (this.sweep.peek()?.id === next.id) this.sweep.value = next;
    this.refreshSoon();
  }

  private refreshSoon(): void {
    clearTimeout(this.timer);
    this.round += 1;
    this.timer = setTimeout(() => void this.refresh(this.round), 0);
  }

  private async refresh(round: number): Promise<void> {
    let wait = SELDOM_MS;
    try {
      if (!document.hidden) await this.look(round);
      if (this.going) wait = REFRESH_MS;
    } catch (error) {
      if (round !== this.round) return;
      this.trouble.value = messageOf(error);
      this.gone.value = error instanceof ApiError && error.status === 404;
      if (this.gone.value) return;
    }
    if (round !== this.round || !this.open.peek()) return;
    this.timer = setTimeout(() => void this.refresh(round), wait);
  }

  private async look(round: number): Promise<void> {
    const { sweep: id } = this.place.peek();
    if (id === null) {
      const list = await this.api.sweeps();
      if (round !== this.round) return;
      this.list.value = list;
      this.trouble.value = "";
      return;
    }
    if (this.sweep.peek()?.id !== id) {
      const sweep = await this.api.sweep(id);
      if (round !== this.round) return;
      this.sweep.value = sweep;
    }
    const { cursor, state, progress, cells } = await this.api.sweepCells(id, this.cursor);
    if (round !== this.round) return;
    this.cursor = cursor;
    this.cells.value = updated(this.cells.peek(), cells);
    const sweep = this.sweep.peek() as Sweep;
    if (sweep.state !== state || sweep.progress !== progress) {
      this.sweep.value = { ...sweep, state, progress };
    }
    this.trouble.value = "";
    const points = await this.points(sweep);
    if (round !== this.round) return;
    await this.curves.show(sweep, this.shown.peek(), points);
  }

  /** Of its surface, as the sweep's settings make it; none of a task. */
  private async points({ problem: name, settings }: Sweep): Promise<PointInfo[]> {
    const problem = this.catalogue.peek()?.problems.find((one) => one.name === name);
    if (!problem?.surface || isPlain(settings, problem)) return problem?.surface?.points ?? [];
    return (await this.api.surface(name, shapeOf(settings))).surface.points;
  }
}
