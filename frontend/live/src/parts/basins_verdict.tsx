import { useEffect, useMemo, useState } from "preact/hooks";
import { addRun, whyDisabled } from "../state/actions.ts";
import { BasinSeeds, SEEDS } from "../state/basin_seeds.ts";
import type { Shown } from "../state/basins.ts";
import { baselineOf, fairBaseline, meanShare, plainOf } from "../state/fair.ts";
import { baseName, lrOf } from "../state/names.ts";
import type { Session } from "../state/session.ts";
import { basinVerdict, comparisonsOf, subjectOf } from "../state/verdict_basins.ts";
import { useApp } from "./context.ts";

/** A sentence that changed with every move of a finger could not be read. */
const PAUSE_MS = 500;

/** What dropping does to the basins, how sure that is, and two buttons that make it surer. */
export function BasinVerdict({ session }: { session: Session }) {
  const app = useApp();
  const shown = useUnhurried(app.basins.shown.value);
  const seeds = useMemo(
    () => new BasinSeeds(app.api, `${app.me}-seeds`, app.basins.wish),
    [session],
  );
  const sampled = seeds.sampled.value;
  const { menus } = session;
  const selected = session.selected.value;
  const fresh = sampled?.key === shown?.wish.key && sampled?.n === shown?.swarm.n;
  const one = useMemo(
    () => (shown ? [comparisonsOf(shown.swarm, shown.wish.runs, menus)] : []),
    [shown, menus],
  );
  const subject = shown ? subjectOf(shown.wish.runs, selected) : undefined;
  const verdict = shown
    ? basinVerdict(subject, shown.swarm, fresh && sampled ? sampled.sample : one, menus)
    : { text: "Every pixel is a start; its tint says where it ends.", sure: "" };
  const count = seeds.count.value;
  return (
    <section class="verdict basin-verdict" data-testid="verdict" aria-label="verdict">
      <p class="sentence">{verdict.text}</p>
      <p class="sure">{verdict.sure}</p>
      <div class="basin-buttons">
        {subject && <AddBaseline session={session} shown={shown} subject={subject.id} />}
        <button
          type="button"
          class="button"
          data-testid="mask-seeds"
          disabled={!shown?.fine || count !== null || fresh || !subject}
          onClick={() => shown && app.attempt(() => seeds.repeat(shown, menus))}
        >
          {count === null ? `${SEEDS} mask seeds` : `${count} of ${SEEDS}`}
        </button>
      </div>
    </section>
  );
}

interface BaselineProps {
  session: Session;
  shown: Shown | null;
  subject: string;
}

/** Offers the run with the same mean step, or the one with nothing dropped, while it is not there. */
function AddBaseline({ session, shown, subject }: BaselineProps) {
  const app = useApp();
  const runs = shown?.wish.runs ?? [];
  const run = runs.find((one) => one.id === subject);
  if (!run) return null;
  const { menus } = session;
  const share = plainOf(run, runs) ? meanShare(run, menus) : 1;
  if (share === null || baselineOf(run, runs, lrOf(run) * share)) return null;
  const spec =
    share === 1 ? fairBaseline({ ...run, rescale: true }, menus) : fairBaseline(run, menus);
  const most = app.catalogue.value?.max_runs ?? 16;
  const full = session.runs.value.length >= most;
  const why = full ? `${most} runs are the most one experiment holds` : whyDisabled(session);
  const name = baseName(run, menus.optimizers);
  return (
    <button
      type="button"
      class="button"
      data-testid="add-fair-baseline"
      disabled={why !== ""}
      title={why || `lr ${lrOf(spec)}, nothing dropped`}
      onClick={() => app.attempt(() => addRun(app, session, spec))}
    >
      {share === 1 ? `Add ${name}, nothing dropped` : `Add ${name} at lr × keep`}
    </button>
  );
}

/** The pictures at rest at once; those under a finger now and then. */
function useUnhurried(newest: Shown | null): Shown | null {
  const [shown, setShown] = useState(newest);
  useEffect(() => {
    if (newest === null || newest.fine) {
      setShown(newest);
      return;
    }
    const timer = setTimeout(() => setShown(newest), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [newest]);
  return newest === null ? null : (shown ?? newest);
}
