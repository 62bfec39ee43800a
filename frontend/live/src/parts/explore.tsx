import type { Session } from "../state/session.ts";
import { BasinsView } from "./basins.tsx";
import { DistanceChart, KeptChart, LossChart } from "./charts.tsx";
import { useBasins } from "./context.ts";
import { FormulaLine } from "./formula_line.tsx";
import { MapPanel } from "./map_panel.tsx";
import type { Numbers } from "./numbers.ts";
import { RunColumn } from "./run_column.tsx";
import { VerdictCard } from "./verdict_card.tsx";

/** A surface: its map with the paths and curves beside it, or the basins of thousands of starts. */
export function Explore({ session, numbers }: { session: Session; numbers: Numbers }) {
  if (useBasins(session)) return <BasinsView session={session} numbers={numbers} />;
  return (
    <div class="body explore">
      <RunColumn session={session} numbers={numbers} />
      <div class="picture-column">
        <FormulaLine session={session} />
        <MapPanel session={session} />
        <VerdictCard session={session} />
      </div>
      <div class="chart-column">
        <LossChart session={session} />
        <KeptChart session={session} />
        <DistanceChart session={session} />
      </div>
    </div>
  );
}
