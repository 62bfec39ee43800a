import { type ReadonlySignal, signal } from "@preact/signals";
import type { Api } from "./api.ts";
import type { Shown, Wish } from "./basins.ts";
import type { Menus } from "./names.ts";
import { decodeSwarm } from "./swarm.ts";
import { comparisonsOf, type Sample } from "./verdict_basins.ts";

/** Mask seeds that make a sentence surer. */
export const SEEDS = 20;

/** Comparisons of the same pictures over several mask seeds. */
export interface Sampled {
  /** The pictures that they are of. */
  key: string;
  n: number;
  sample: Sample;
}

/** Repeats the pictures on the page with other mask seeds, one after the other. */
export class BasinSeeds {
  readonly sampled = signal<Sampled | null>(null);
  /** How many seeds are done while it counts; null otherwise. */
  readonly count = signal<number | null>(null);

  constructor(
    private readonly api: Pick<Api, "swarm">,
    private readonly client: string,
    /** Whose change makes the count pointless. */
    private readonly wish: ReadonlySignal<Wish | null>,
  ) {}

  /** Counts from the pictures' own seed on. Stops when other pictures are wanted. */
  async repeat({ wish, swarm }: Shown, menus: Menus): Promise<void> {
    if (this.count.peek() !== null) return;
    const sample = [comparisonsOf(swarm, wish.runs, menus)];
    try {
      while (sample.length < SEEDS) {
        this.count.value = sample.length;
        const seed = wish.ask.seed + sample.length;
        const ask = { ...wish.ask, seed, n: swarm.n, client: this.client };
        const other = decodeSwarm(await this.api.swarm(ask));
        if (this.wish.peek()?.key !== wish.key) return;
        sample.push(comparisonsOf(other, wish.runs, menus));
      }
      this.sampled.value = { key: wish.key, n: swarm.n, sample };
    } finally {
      this.count.value = null;
    }
  }
}
