import type { App } from "./app.ts";
import { TIMED, used } from "./key_table.ts";

/** Keys that the page around us would take: it runs again on `r` and clears its cache on `c`. */
const TAKEN_BY_PAGE = new Set(["r", "c"]);

/** The keys of an experiment's time, for as long as no field has them. Returns the way out. */
export function attachKeys(app: App, host: HTMLElement): () => void {
  const keep = (event: KeyboardEvent) => {
    if (TAKEN_BY_PAGE.has(event.key.toLowerCase())) event.stopPropagation();
  };
  const act = (event: KeyboardEvent) => {
    if (app.help.peek()) return;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (belongsToField(event) || (event.key === " " && pressing(event))) return;
    if (used(TIMED, app, event.key)) event.preventDefault();
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
