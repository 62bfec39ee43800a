import { playOrPause, scrub, stepOnce, whyDisabled, whyNoFork } from "./actions.ts";
import type { App } from "./app.ts";

/** Keys that the page around us would take: it runs again on `r` and clears its cache on `c`. */
const TAKEN_BY_PAGE = new Set(["r", "c"]);

/**
 * Space plays or pauses, arrows step or look around, F forks, Escape is live again; none of them
 * where basins are shown. Returns the way out.
 */
export function attachKeys(app: App, host: HTMLElement): () => void {
  const keep = (event: KeyboardEvent) => {
    if (TAKEN_BY_PAGE.has(event.key.toLowerCase())) event.stopPropagation();
  };
  const act = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const session = app.session.peek();
    if (!session || belongsToField(event)) return;
    // Basins have no time to step through, and nothing shows what keys would do to the training.
    if (app.page.peek() === "explore" && app.view.peek() === "basins") return;
    const enabled = whyDisabled(session) === "";
    const live = session.cursor.peek() === null;
    const forks = whyNoFork(session) === "";
    if (event.key === " " && !pressing(event) && enabled) playOrPause(app, session);
    else if (event.key === "ArrowRight" && !live) scrub(session, session.shownStep + 1);
    else if (event.key === "ArrowRight" && enabled) stepOnce(app, session);
    else if (event.key === "ArrowLeft") scrub(session, session.shownStep - 1);
    else if (event.key.toLowerCase() === "f" && forks) session.forking.value = true;
    else if (event.key === "Escape" && !live) session.cursor.value = null;
    else return;
    event.preventDefault();
  };
  host.addEventListener("keydown", keep);
  addEventListener("keydown", act);
  return () => {
    host.removeEventListener("keydown", keep);
    removeEventListener("keydown", act);
  };
}

function targetOf(event: KeyboardEvent): HTMLElement | null {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement ? target : null;
}

/** Keys belong to fields and menus while they have the focus; a slider only needs its arrows. */
function belongsToField(event: KeyboardEvent): boolean {
  const target = targetOf(event);
  if (target?.matches("input[type=range]")) return event.key.startsWith("Arrow");
  return target?.closest("input, select, textarea, [role=dialog]") != null;
}

function pressing(event: KeyboardEvent): boolean {
  return targetOf(event)?.closest("button, a, summary") != null;
}
