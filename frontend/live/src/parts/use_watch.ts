import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError, messageOf } from "../state/api.ts";
import type { Look } from "../state/looks.ts";
import type { Session } from "../state/session.ts";
import { PATIENCE_MS, Watch } from "../state/watch.ts";
import { useApp } from "./context.ts";

/** What of a look is wanted: of which run (empty: all of them), and its tensor or order. */
interface Wanted {
  run: string;
  setting: string;
}

/** Tables and samples are made less often than masks. */
const SLOW_PATIENCE_MS = 12_000;

/**
 * Keeps the job sending what is looked at, and ends that when nobody looks; `refused` says why
 * the job sends nothing.
 */
export function useWatch(
  session: Session,
  look: Look | "arrows",
  wanted: Wanted | null,
  arrivals: ReadonlySignal<unknown>,
): { watch: Watch; refused: string } {
  const app = useApp();
  const [refused, setRefused] = useState("");
  const watch = useMemo(() => {
    const what = look === "mask" ? null : look;
    const send = (target: { run: string; tensor: string } | null) => {
      const [run, setting] = [target?.run || null, target?.tensor ?? null];
      return app.api
        .control(session.id, { kind: "watch", value: what, run, setting, who: app.me })
        .then(() => setRefused(""))
        .catch((error: unknown) => {
          if (target !== null) setRefused(reason(error));
        });
    };
    const slow = look === "layers" || look === "samples";
    const patience = slow ? SLOW_PATIENCE_MS : PATIENCE_MS;
    return new Watch(send, () => performance.now(), patience);
  }, [session, look]);
  const { run, setting } = wanted ?? {};
  useEffect(() => {
    watch.want(run !== undefined && setting ? { run, tensor: setting } : null);
  }, [watch, run, setting]);
  useEffect(() => {
    const stop = arrivals.subscribe((content) => {
      if (content !== null) watch.arrived();
      app.loop.ask();
    });
    return () => {
      stop();
      watch.want(null);
    };
  }, [watch]);
  return { watch, refused };
}

function reason(error: unknown): string {
  const refused = error instanceof ApiError && error.detail.field === "value";
  return refused ? "This task has no examples that can be shown." : messageOf(error);
}

/** Asks again for what stopped coming while steps are made; not if that would be in vain. */
export function useSteps(session: Session, watch: Watch, hope = true): void {
  const app = useApp();
  useEffect(() => {
    let seen = session.head;
    return app.loop.add(() => {
      if (session.head === seen || !hope) return;
      seen = session.head;
      watch.stepped();
    });
  }, [session, watch, hope]);
}
