/** The experiment this tab showed last on each page, so that coming back does not start another. */

type Kind = "surface" | "task" | `lesson.${string}`;

const keyOf = (kind: Kind): string => `lrd.place.${kind}`;

/** Null where none was shown in this tab, or the browser keeps nothing. */
export function placeOf(kind: Kind): string | null {
  try {
    return sessionStorage.getItem(keyOf(kind));
  } catch {
    return null;
  }
}

export function keepPlace(kind: Kind, id: string): void {
  try {
    sessionStorage.setItem(keyOf(kind), id);
  } catch {
    // A browser that keeps nothing starts afresh.
  }
}
