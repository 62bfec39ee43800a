import type { Session } from "../state/session.ts";
import { degrees } from "./rotation.tsx";

/** The surface in words above its map. */
export function FormulaLine({ session }: { session: Session }) {
  const surface = session.preview.value?.surface ?? session.problem.value?.surface;
  return (
    <p class="formula" title={surface?.formula}>
      {surface && `f(x, y) = ${surface.formula}`}
      {surface?.rotation ? `, turned by ${degrees(surface.rotation)}` : ""}
    </p>
  );
}
