/** The comparison that is open: what was chosen, its rows as they arrive, and the lines they make. */

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Catalogue } from "../../protocol.ts";
import type { Api } from "../api.ts";
import { changesOf } from "../lineage.ts";
import { NO_MENUS } from "../names.ts";
import { folderOf, writeAddress } from "../url.ts";
import {
  type Choice,
  type Chosen,
  choiceOf,
  EMPTY,
  freeSlot,
  keyOf,
  MOST_RUNS,
  queryOf,
} from "./choice.ts";
import { alike, type Line, likeness, linesOf, type Member } from "./facts.ts";
import type { Source } from "./source.ts";
import { Watched } from "./watched.ts";

const REFRESH_MS = 1000;
const KEPT = "lrd.compare";

/** Columns that are drawn unless a person chooses. */
const FIRST_COLUMNS = ["loss", "test_loss", "test_accuracy"];
const SURFACE_COLUMNS = ["loss", "keep_rate"];
/** Positions and sketches are no curves to compare. */
const NO_CURVE = /^(x|y|proj_x|proj_y)$|\//;

export class Compare {
  readonly choice = signal<Choice>(EMPTY);
  readonly watched: Watched;
  /** Runs that were to be added beyond the most that can be compared. */
  readonly leftOut = signal(0);
  /** Grows whenever rows arrive. */
  readonly version = signal(0);
  readonly members: ReadonlySignal<Member[]>;
  readonly lines: ReadonlySignal<Line[]>;
  /** Columns that any of the runs has measured. */
  readonly offered: ReadonlySignal<string[]>;
  readonly columns: ReadonlySignal<string[]>;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private again = false;
  private readonly stopWatching: () => void;

  constructor(
    api: Api,
    catalogue: ReadonlySignal<Catalogue | null>,
    private readonly open: ReadonlySignal<boolean>,
    private readonly changed: () => void,
  ) {
    this.watched = new Watched(api);
    this.members = computed(() => this.choice.value.runs.flatMap((run) => this.memberOf(run)));
    this.lines = computed(() =>
      linesOf(
        this.members.value,
        this.choice.value.grouped,
        catalogue.value ?? NO_MENUS,
        catalogue.value?.problems ?? [],
      ),
    );
    this.offered = computed(() => {
      void this.version.value;
      const names = this.choice.value.runs.flatMap((run) => [
        ...(this.source(keyOf(run))?.names ?? []),
      ]);
      const curves = [...new Set(names)].filter((name) => !NO_CURVE.test(name));
      return curves.sort((a, b) => rank(a) - rank(b));
    });
    this.columns = computed(() => {
      const { columns } = this.choice.value;
      const { value: offered } = this.offered;
      if (columns !== null) return columns;
      const first = FIRST_COLUMNS.filter((name) => offered.includes(name));
      return first.length > 1 ? first : SURFACE_COLUMNS.filter((name) => offered.includes(name));
    });
    this.stopWatching = effect(() => {
      void [this.choice.value, this.columns.value];
      if (open.value) this.refreshSoon();
    });
  }

  stop(): void {
    this.stopWatching();
    clearTimeout(this.timer);
  }

  source(key: string): Source | undefined {
    return this.watched.source(key);
  }

  /** Whether anything that was chosen is still on its way. */
  get loading(): boolean {
    void this.version.value;
    return this.choice.value.runs.some((run) => this.watched.waits(run));
  }

  /** Takes up the choice in an address; one that names nothing goes on with what there was. */
  follow(search: string): void {
    const given = choiceOf(search);
    const before = this.choice.peek();
    if (queryOf(given) === queryOf(before)) return;
    if (given.runs.length === 0 && (given.add.length > 0 || search.replace("?", "") === "")) {
      const kept = before.runs.length > 0 ? before : choiceOf(remembered());
      if (kept.runs.length > 0 || given.add.length > 0) {
        const base = kept.runs.length > 0 ? kept : given;
        this.set({ ...base, add: [...new Set([...kept.add, ...given.add])] });
        return;
      }
    }
    this.choice.value = given;
    remember(queryOf(given));
  }

  /** Changes the choice, and the address with it. */
  set(part: Partial<Choice>): void {
    this.choice.value = { ...this.choice.peek(), ...part };
    this.write();
  }

  /** All runs of an experiment that were not removed. */
  addAll(id: string): void {
    const { add } = this.choice.peek();
    if (!add.includes(id)) this.set({ add: [...add, id] });
  }

  /** Adds one run of an experiment that may not have been looked at yet. */
  addRun(id: string, run: string): void {
    const { runs } = this.choice.peek();
    if (runs.some((one) => one.experiment === id && one.run === run)) return;
    this.set({ runs: this.slotted([...runs, { experiment: id, run, slot: null }]) });
  }

  remove(keys: readonly string[]): void {
    const choice = this.choice.peek();
    const runs = choice.runs.filter((run) => !keys.includes(keyOf(run)));
    const add = choice.add.filter((id) => !keys.includes(id));
    const lost = choice.baseline !== null && keys.includes(choice.baseline);
    this.watched.forget(keys);
    this.leftOut.value = 0;
    this.set({ runs, add, baseline: lost ? null : choice.baseline });
  }

  removeAll(id: string): void {
    const { runs, add } = this.choice.peek();
    this.choice.value = { ...this.choice.peek(), add: add.filter((other) => other !== id) };
    this.remove(runs.filter((run) => run.experiment === id).map(keyOf));
  }

  clear(): void {
    this.watched.clear();
    this.leftOut.value = 0;
    remember("");
    this.set(EMPTY);
  }

  retry(): void {
    this.watched.retry();
    this.refreshSoon();
  }

  private memberOf(chosen: Chosen): Member[] {
    const found = this.watched.loaded.value.get(chosen.experiment);
    const run = found?.experiment?.runs.find((one) => one.id === chosen.run);
    if (!found?.experiment || !run) return [];
    const changes = changesOf(found.experiment.runs, [run], found.controls);
    const slot = chosen.slot ?? run.slot;
    return [{ key: keyOf(chosen), slot, experiment: found.experiment, run, changes }];
  }

  private write(): void {
    if (!this.open.peek()) return;
    const query = queryOf(this.choice.peek());
    remember(query);
    writeAddress(`${folderOf(location.pathname)}compare${query && `?${query}`}`, "replace");
  }

  /** Gives a slot to every run that has none and is known; they stay for as long as it is chosen. */
  private slotted(runs: Chosen[]): Chosen[] {
    const done: Chosen[] = [];
    const bare = runs.map((run) => ({ run, member: this.memberOf(run)[0] }));
    for (const { run, member } of bare) {
      if (run.slot !== null || !member) {
        done.push(run);
        continue;
      }
      const key = likeness(member);
      const twin = bare.find(
        (other) =>
          other.member &&
          done.some((one) => one.slot !== null && keyOf(one) === other.member?.key) &&
          likeness(other.member) === key,
      );
      const same = done.find((one) => twin && keyOf(one) === twin.member?.key)?.slot;
      const taken = [...done, ...runs].flatMap((one) => one.slot ?? []);
      done.push({ ...run, slot: freeSlot(member.run.slot, same ?? undefined, taken) });
    }
    return done;
  }

  private refreshSoon(): void {
    if (this.busy) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), 0);
  }

  private async refresh(): Promise<void> {
    this.busy = true;
    try {
      if (!document.hidden) await this.look();
    } finally {
      this.busy = false;
      clearTimeout(this.timer);
      if (this.open.peek()) {
        this.timer = setTimeout(() => void this.refresh(), this.again ? 0 : REFRESH_MS);
      }
      this.again = false;
    }
  }

  private async look(): Promise<void> {
    const choice = this.choice.peek();
    await this.watched.lookAt(
      new Set([...choice.add, ...choice.runs.map((run) => run.experiment)]),
    );
    this.takeUp();
    const { runs, axis } = this.choice.peek();
    const wanted = [...this.columns.peek(), ...FIRST_COLUMNS];
    const found = await Promise.all(runs.map((run) => this.watched.lookInto(run, wanted, axis)));
    if (found.some(Boolean)) this.version.value += 1;
    this.changed();
  }

  /** Runs of experiments that were to be added, and slots of those that are known by now. */
  private takeUp(): void {
    const choice = this.choice.peek();
    const { value: loaded } = this.watched.loaded;
    const known = choice.add.filter((id) => loaded.get(id)?.experiment);
    const more = known.flatMap((id) => {
      const runs = (loaded.get(id)?.experiment?.runs ?? []).filter(
        (run) => run.state !== "removed",
      );
      return runs.map((run): Chosen => ({ experiment: id, run: run.id, slot: null }));
    });
    const keys = new Set(choice.runs.map(keyOf));
    const all = [...choice.runs, ...more.filter((run) => !keys.has(keyOf(run)))];
    if (known.length > 0) this.leftOut.value = Math.max(0, all.length - MOST_RUNS);
    const runs = this.slotted(all.slice(0, MOST_RUNS));
    const add = choice.add.filter((id) => !known.includes(id));
    const next = { ...choice, runs, add };
    if (queryOf(next) !== queryOf(choice)) this.set(next);
  }
}

/** The runs that a baseline stands for: those that differ from it only in their seed. */
export function baselineOf(members: readonly Member[], key: string | null): Member[] {
  return alike(members).find((group) => group.some((member) => member.key === key)) ?? [];
}

function rank(name: string): number {
  const known = [...FIRST_COLUMNS, "keep_rate", "cos_full", "update_norm", "grad_norm"];
  const at = known.indexOf(name);
  return at < 0 ? known.length : at;
}

function remembered(): string {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

function remember(query: string): void {
  try {
    sessionStorage.setItem(KEPT, query);
  } catch {
    // A browser that keeps nothing starts afresh.
  }
}
