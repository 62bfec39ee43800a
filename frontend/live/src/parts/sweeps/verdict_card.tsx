import type { Sweep } from "../../protocol.ts";
import { SEEDS_FOR_INTERVAL } from "../../state/compare/statistics.ts";
import { formLike } from "../../state/sweeps/form.ts";
import type { SweepVerdict } from "../../state/sweeps/verdict.ts";
import { useApp } from "../context.ts";

/** What the map says, how sure that is, and how it would be surer. */
export function SweepVerdictCard({ sweep, verdict }: { sweep: Sweep; verdict: SweepVerdict }) {
  const app = useApp();
  const more = Math.max(SEEDS_FOR_INTERVAL, 2 * sweep.seeds - 1);
  const again = () => {
    app.sweeps.draft = { ...formLike(sweep), seeds: String(more), name: sweep.name };
    app.sweeps.openSweep(null);
  };
  return (
    <section class="verdict sweep-verdict" aria-label="verdict" data-testid="sweep-verdict">
      <div>
        <p class="verdict-text">{verdict.text}</p>
        <p class="hint">{verdict.sure}</p>
      </div>
      {verdict.best && more <= 32 && (
        <button
          type="button"
          class="button"
          data-testid="more-seeds"
          title="fills in the same sweep anew; this one stays"
          onClick={again}
        >
          With {more} seeds
        </button>
      )}
    </section>
  );
}
