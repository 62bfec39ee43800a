import type { Session } from "../state/session.ts";
import { AddRun } from "./add_run.tsx";
import type { Numbers } from "./numbers.ts";
import { RunCard } from "./run_card.tsx";

/** From this many runs on the cards fold to what matters. */
const COMPACT_FROM = 6;

/** All runs, one card each; scrolls inside when there are many. */
export function RunColumn({ session, numbers }: { session: Session; numbers: Numbers }) {
  const runs = session.runs.value;
  const baseline = runs.find((run) => run.drop_rate === 0)?.id;
  return (
    <aside class="runs" aria-label="runs">
      {runs.map((run) => (
        <RunCard
          key={run.id}
          session={session}
          run={run}
          numbers={numbers}
          baseline={run.id === baseline}
          compact={runs.length >= COMPACT_FROM}
        />
      ))}
      <AddRun session={session} />
    </aside>
  );
}
