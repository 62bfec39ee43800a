import type { App } from "./app.ts";
import { EARLY, used } from "./key_table.ts";

/** Keys of all pages, of lecture mode and lessons; to be attached before the others. Returns the way out. */
export function attachLectureKeys(app: App): () => void {
  const act = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const turns = event.key.startsWith("Arrow");
    if (belongsElsewhere(event, turns) || (event.repeat && !turns)) return;
    if (taken(app, event.key)) event.preventDefault();
  };
  // Before anything else: letters that the page around us takes are stopped on their way up.
  addEventListener("keydown", act, true);
  return () => removeEventListener("keydown", act, true);
}

/** Does what the key says; false where it says nothing here. */
export function taken(app: App, key: string): boolean {
  if (key === "?") app.help.value = !app.help.peek();
  else if (key === "Escape" && app.help.peek()) app.help.value = false;
  else return !app.help.peek() && used(EARLY, app, key);
  return true;
}

/** Whether the key belongs to a field or panel, or an arrow to a slider or chart. */
function belongsElsewhere(event: KeyboardEvent, turns: boolean): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  const fields = "input:not([type=range]), select, textarea, .panel";
  return target.closest(turns ? `${fields}, input, [role=slider], .chart` : fields) !== null;
}
