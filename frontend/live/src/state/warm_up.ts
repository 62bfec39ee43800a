import { computed, effect, type ReadonlySignal } from "@preact/signals";
import type { RunIn } from "../protocol.ts";
import type { Api } from "./api.ts";
import { runIn } from "./fair.ts";
import { Latest } from "./latest.ts";
import type { Session } from "./session.ts";
import { type Settings, shapeOf } from "./shape.ts";

/** What a page opens with comes first. */
const DELAY_MS = 1500;

interface Kinds {
  problem: string;
  settings: Settings;
  runs: RunIn[];
}

/**
 * Has the server compile what basin pictures of the runs on the page need before anybody asks for
 * them: of each kind of run the smallest picture there is. Nobody waits for it, and nobody is told
 * if it fails: the first picture then takes a few seconds longer.
 */
export class WarmUp {
  private readonly sender: Latest<Kinds>;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly stopFollowing: () => void;

  /** `open`: pictures may be asked for next, but are not on the page yet. */
  constructor(
    api: Pick<Api, "swarm">,
    client: string,
    session: ReadonlySignal<Session | null>,
    open: ReadonlySignal<boolean>,
  ) {
    this.sender = new Latest(
      (kinds) =>
        api.swarm({ ...kinds, n: 16, steps: 1, seed: 0, masks: "own", client: `${client}-warm` }),
      () => undefined,
    );
    // As text: of all that changes on a page only other kinds of runs count.
    const wanted = computed(() => {
      const now = open.value ? session.value : null;
      return now?.experiment.value.kind === "surface" ? JSON.stringify(kindsOf(now)) : "";
    });
    const asked = new Set<string>();
    this.stopFollowing = effect(() => {
      const text = wanted.value;
      clearTimeout(this.timer);
      if (text === "" || asked.has(text)) return;
      this.timer = setTimeout(() => {
        asked.add(text);
        void this.sender.push(JSON.parse(text) as Kinds);
      }, DELAY_MS);
    });
  }

  stop(): void {
    this.stopFollowing();
    clearTimeout(this.timer);
  }
}

/** Runs that differ by more than their drop rate: it is a number in the same compiled code. */
function kindsOf(session: Session): Kinds {
  const runs = session.runs.value.map((run) => ({ ...runIn(run), label: "", drop_rate: 0 }));
  const kinds = new Map(runs.map((run) => [JSON.stringify(run), run]));
  const { problem, settings } = session.experiment.value;
  return { problem, settings: codeOf(settings), runs: [...kinds.values()] };
}

/** A surface that is turned has the same code at every angle. */
function codeOf(settings: Settings): Settings {
  const { rotation, ...others } = shapeOf(settings);
  return rotation ? { ...others, rotation: 1 } : others;
}
