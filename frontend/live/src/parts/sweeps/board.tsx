import { useState } from "preact/hooks";
import type { Sweep } from "../../protocol.ts";
import { heatScale } from "../../state/sweeps/cells.ts";
import { sweepVerdict } from "../../state/sweeps/verdict.ts";
import { useApp } from "../context.ts";
import { CellPanel } from "./cell_panel.tsx";
import { HeatMap } from "./heat_map.tsx";
import { Legend } from "./legend.tsx";
import { SweepStrip } from "./strip.tsx";
import { SweepVerdictCard } from "./verdict_card.tsx";

/** How the map is drawn; kept while the sweep is open. */
export interface MapLook {
  scale: "log" | "linear" | null;
  numbers: boolean;
  even: boolean;
}

/** One sweep: its map, the curves of a cell, and what can be said about it. */
export function SweepBoard({ sweep }: { sweep: Sweep }) {
  const app = useApp();
  const { sweeps } = app;
  const [look, setLook] = useState<MapLook>({ scale: null, numbers: true, even: true });
  const cells = sweeps.cells.value;
  const measure = sweeps.measure.value;
  if (!measure) return null;
  const scale = heatScale(cells, measure, look.scale);
  const verdict = sweepVerdict(sweep, cells, measure);
  const shown = sweeps.shown.value;
  return (
    <div class="sweep" data-testid="sweep" data-state={sweep.state}>
      <SweepStrip sweep={sweep} measure={measure} look={look} setLook={setLook} />
      {sweeps.trouble.value && (
        <p class="banner bad" role="alert" data-testid="error">
          {sweeps.trouble.value}; the last picture stays
        </p>
      )}
      <div class="sweep-body">
        <section class="sweep-picture" aria-label="map">
          <HeatMap
            sweep={sweep}
            cells={cells}
            measure={measure}
            scale={scale}
            best={verdict.best}
            tied={verdict.tied}
            shown={shown}
            numbers={look.numbers}
            even={look.even}
            onChoose={(spot) => sweeps.choose(spot)}
          />
          <Legend
            sweep={sweep}
            measure={measure}
            scale={scale}
            cells={cells}
            even={look.even}
            tied={(verdict.tied?.size ?? 0) > 0}
          />
          <SweepVerdictCard sweep={sweep} verdict={verdict} />
        </section>
        <CellPanel sweep={sweep} cells={cells} measure={measure} shown={shown} />
      </div>
    </div>
  );
}
