/** A scene in one short string: charts draw only when it changes. */

import type { Scene } from "./types.ts";

export function signature(scene: Scene): string {
  const runs = scene.runs
    .map((r) => `${r.id}/${r.slot}/${r.name}/${r.divergedStep}/${r.from ?? 0}/${r.until ?? ""}`)
    .join();
  const marks = scene.marks.map((m) => `${m.step}/${m.run}/${m.text}`).join();
  return [
    scene.rows.version,
    scene.theme,
    scene.steps,
    scene.head,
    scene.cursor,
    scene.lifted,
    scene.smoothing,
    runs,
    marks,
  ].join("|");
}
