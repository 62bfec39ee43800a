import type { ExperimentSummary } from "../protocol.ts";
import { NO_MENUS, summaryName } from "../state/names.ts";
import { useApp } from "./context.ts";
import { RunGlyph } from "./glyph.tsx";

/** The runs of an experiment in a list: glyph and name each. */
export function RunLabels({ row }: { row: ExperimentSummary }) {
  const menus = useApp().catalogue.value ?? NO_MENUS;
  return (
    <span class="labels">
      {row.labels.map((name, i) => (
        <span key={row.slots[i]}>
          <RunGlyph slot={row.slots[i] ?? i} size={12} /> {summaryName(name, menus)}
        </span>
      ))}
    </span>
  );
}
