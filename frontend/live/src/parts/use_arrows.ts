import { useEffect } from "preact/hooks";
import { whyDisabled } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { useWatch } from "./use_watch.ts";

/** Steps a second above which no step is slow enough for arrows. */
const SLOW = 12;

/** Has the job send the arrows of slow steps while they are `seen`. */
export function useArrows(session: Session, seen: boolean): void {
  const app = useApp();
  const { arrows } = session.pictures;
  const live = session.cursor.value === null && session.phase.value === "live";
  const wanted = seen && live && whyDisabled(session) === "" ? { run: "", setting: "all" } : null;
  const { watch } = useWatch(session, "arrows", wanted, arrows);
  useEffect(() => {
    let head = session.head;
    return app.loop.add(() => {
      if (session.head === head) return;
      head = session.head;
      const { speed, state } = session.experiment.peek();
      const slow = state === "paused" || (speed > 0 && speed <= SLOW);
      // The newest step's may be under way.
      if (slow && head - (arrows.peek()?.step ?? 0) > 1) watch.stepped();
    });
  }, [session, watch]);
}
