/** The experiments and runs of a comparison as the server has them: fetched, and kept up to date. */

import { signal } from "@preact/signals";
import type { ControlOut, Experiment } from "../../protocol.ts";
import { type Api, ApiError, messageOf } from "../api.ts";
import { type Axis, type Chosen, keyOf } from "./choice.ts";
import { Source } from "./source.ts";

/** Looks between two at an experiment that has ended: it may have been resumed. */
const SELDOM = 10;
const ACTIVE = new Set<string>(["queued", "starting", "running", "paused"]);

/** An experiment as it was last seen, or why it cannot be shown. */
export interface Loaded {
  experiment: Experiment | null;
  controls: ControlOut[];
  error: string;
  /** It does not exist: asking again is of no use. */
  gone: boolean;
}

export class Watched {
  readonly loaded = signal<ReadonlyMap<string, Loaded>>(new Map());
  /** Keys of runs whose rows could not be fetched, with the reason. */
  readonly failures = signal<ReadonlyMap<string, string>>(new Map());
  private readonly sources = new Map<string, Source>();
  private looks = 0;

  constructor(private readonly api: Api) {}

  source(key: string): Source | undefined {
    return this.sources.get(key);
  }

  /** Whether a run is still on its way: there are rows of it, and none is here. */
  waits(run: Chosen): boolean {
    const found = this.loaded.value.get(run.experiment);
    if (!found) return true;
    if (this.failures.value.has(keyOf(run))) return false;
    const step = found.experiment?.runs.find((other) => other.id === run.run)?.step ?? 0;
    return step > 0 && (this.sources.get(keyOf(run))?.columns.size ?? 0) === 0;
  }

  forget(keys: readonly string[]): void {
    for (const key of keys) this.sources.delete(key);
    this.failures.value = new Map([...this.failures.peek()].filter(([key]) => !keys.includes(key)));
  }

  clear(): void {
    this.sources.clear();
    this.failures.value = new Map();
  }

  /** Asks again for what failed. */
  retry(): void {
    this.failures.value = new Map();
    this.loaded.value = new Map([...this.loaded.peek()].filter(([, one]) => one.error === ""));
  }

  /** Experiments as they are now; those that have ended seldom change. */
  async lookAt(ids: Iterable<string>): Promise<void> {
    this.looks += 1;
    await Promise.all([...ids].map((id) => this.one(id)));
  }

  private async one(id: string): Promise<void> {
    const known = this.loaded.peek().get(id);
    if (known?.gone) return;
    const state = known?.experiment?.state;
    const still = state !== undefined && !ACTIVE.has(state) && known?.error === "";
    if (still && this.looks % SELDOM !== 0) return;
    let next: Loaded;
    try {
      const [experiment, controls] = await Promise.all([
        this.api.experiment(id),
        this.api.controls(id),
      ]);
      next = { experiment, controls, error: "", gone: false };
    } catch (error) {
      const gone = error instanceof ApiError && error.status === 404;
      const old = known ?? { experiment: null, controls: [] };
      next = { ...old, error: messageOf(error), gone };
    }
    if (known && JSON.stringify(known) === JSON.stringify(next)) return;
    this.loaded.value = new Map([...this.loaded.peek(), [id, next]]);
  }

  /** Brings a run's rows up to date; whether there is anything new. */
  async lookInto(run: Chosen, wanted: readonly string[], axis: Axis): Promise<boolean> {
    const key = keyOf(run);
    const experiment = this.loaded.peek().get(run.experiment)?.experiment;
    const now = experiment?.runs.find((one) => one.id === run.run);
    if (!experiment) return false;
    if (!now) {
      const ids = experiment.runs.map((one) => one.id).join(", ");
      this.fail(key, `there is no run ${run.run} in it; it has ${ids}`);
      return false;
    }
    const source = this.sources.get(key) ?? new Source(this.api, run.experiment);
    this.sources.set(key, source);
    const spread = wanted.flatMap((name) => [name, `${name}/mean`, `${name}/sd`]);
    const names = experiment.seeds > 1 ? spread : wanted;
    try {
      const found = await source.refresh(experiment, now, names, axis);
      this.fail(key, "");
      return found;
    } catch (error) {
      this.fail(key, messageOf(error));
      return false;
    }
  }

  private fail(key: string, reason: string): void {
    if ((this.failures.peek().get(key) ?? "") === reason) return;
    const others = [...this.failures.peek()].filter(([other]) => other !== key);
    this.failures.value = new Map(reason ? [...others, [key, reason]] : others);
  }
}
