import { useEffect, useState } from "preact/hooks";
import { ancestry } from "../state/lineage.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";

const REFRESH_MS = 5000;

/** Steps at which a state of the chosen run, or of its past, is kept; asked for now and then. */
export function useCheckpoints(session: Session): number[] {
  const app = useApp();
  const [kept, setKept] = useState<Record<string, number[]>>({});
  const { state, connected, runs } = session.experiment.value;
  useEffect(() => {
    let current = true;
    const load = async () => {
      if (document.hidden || state === "queued") return;
      // Ticks are a hint: without an answer there are none.
      const found = await app.api.checkpoints(session.id).catch(() => null);
      if (current && found) setKept(found);
    };
    void load();
    const timer = connected ? setInterval(() => void load(), REFRESH_MS) : undefined;
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [session, state, connected, runs.length]);
  const shown = session.runs.value;
  const run = shown.find((one) => one.id === session.selected.value) ?? shown[0];
  if (!run) return [];
  const way = [...ancestry(runs, run)];
  return way.flatMap(([id, until]) => (kept[id] ?? []).filter((step) => step <= until));
}
