import { BASIN_TINTS, tintsOf } from "../charts/basins.ts";
import type { Session } from "../state/session.ts";
import { type Minimum, minimaOf } from "../state/swarm.ts";
import { pointText } from "./basins_picture.tsx";
import { useApp } from "./context.ts";

/** More minima than this are not named one by one. */
const MOST = 8;

/** "Which minimum": a tint each, and what weak and empty mean. */
export function BasinLegend({ session }: { session: Session }) {
  const app = useApp();
  const minima = minimaOf(session.problem.value?.surface);
  const tints = tintsOf(minima).map((tint) => BASIN_TINTS[app.theme.value][tint] as string);
  const many = minima.length > MOST;
  const several = minima.length > 1;
  return (
    <section class="basin-legend" aria-label="which minimum" data-testid="basin-legend">
      <h3>{several ? "Which minimum" : "The minimum"}</h3>
      <ul>
        {minima.map((point, i) =>
          many && point.kind !== "minimum" ? null : (
            <li key={pointText(point)}>
              <Swatch colors={[tints[i] as string]} /> {pointText(point)}
              {several && kindWord(point, minima)}
            </li>
          ),
        )}
        {many && (
          <li>
            <Swatch colors={[...BASIN_TINTS[app.theme.value]].slice(1)} />{" "}
            {minima.filter((point) => point.kind !== "minimum").length} local minima
          </li>
        )}
      </ul>
      <p class="hint">fading: more steps · blank: not reached</p>
    </section>
  );
}

/** "local", where there are both kinds. */
function kindWord(point: Minimum, all: Minimum[]): string {
  return all.some(({ kind }) => kind !== all[0]?.kind) && point.kind !== "minimum" ? " local" : "";
}

function Swatch({ colors }: { colors: string[] }) {
  const stops = colors.map((color, i) => {
    const [from, to] = [i, i + 1].map((k) => `${((100 * k) / colors.length).toFixed(1)}%`);
    return `${color} ${from} ${to}`;
  });
  return (
    <span
      class="swatch"
      aria-hidden="true"
      style={{ background: `linear-gradient(90deg, ${stops.join(", ")})` }}
    />
  );
}
