import { useEffect, useState } from "preact/hooks";
import type { Column } from "../charts/types.ts";
import type { Run } from "../protocol.ts";
import { anotherSeed, startAgain } from "../state/actions.ts";
import { fairOf, plainOf } from "../state/fair.ts";
import { rowAt, valueAt } from "../state/history.ts";
import { changesOf } from "../state/lineage.ts";
import type { Session } from "../state/session.ts";
import { compareWith } from "../state/url.ts";
import { withChanges } from "../state/verdict_changes.ts";
import {
  firstReached,
  openVerdict,
  surfaceVerdict,
  type Verdict,
} from "../state/verdict_surface.ts";
import { lossVerdict, type Measured, taskVerdict } from "../state/verdict_task.ts";
import { useApp } from "./context.ts";

/** A sentence that changed 30 times a second could not be read. */
const PAUSE_MS = 500;
/** Copies of every run that make an interval. */
const COMPARED = 8;

/** What the pictures mean, how sure we are, and a button that makes it surer. */
export function VerdictCard({ session }: { session: Session }) {
  const app = useApp();
  const [verdict, setVerdict] = useState<Verdict>({ text: "", sure: "" });
  const lost = session.phase.value === "lost";
  const { kind, seeds } = session.experiment.value;
  useEffect(() => {
    const arrivals = new Arrivals();
    let due = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const speak = () => {
      timer = undefined;
      due = performance.now() + PAUSE_MS;
      const next = verdictOf(session, arrivals);
      setVerdict((old) => (old.text === next.text && old.sure === next.sure ? old : next));
    };
    const remove = app.loop.add(() => {
      if (timer !== undefined) return;
      const wait = due - performance.now();
      if (wait <= 0) speak();
      else timer = setTimeout(speak, wait);
    });
    return () => {
      remove();
      clearTimeout(timer);
    };
  }, [session]);
  return (
    <section class="verdict" data-testid="verdict" aria-label="verdict">
      <div>
        <p class="sentence">{verdict.text}</p>
        <p class="sure">{verdict.sure}</p>
      </div>
      <div class="buttons">
        {kind === "task" && seeds === 1 && (
          <button
            type="button"
            class="button"
            data-testid="compare-seeds"
            disabled={lost}
            title={`train ${COMPARED} copies of every run, each from its own seed`}
            onClick={() => app.attempt(() => startAgain(app, session, { seeds: COMPARED }))}
          >
            Compare seeds
          </button>
        )}
        <button
          type="button"
          class="button"
          data-testid="another-seed"
          disabled={lost}
          onClick={() => anotherSeed(app, session)}
        >
          Another seed
        </button>
        <a
          class="button"
          href={compareWith(session.id, location.pathname)}
          data-testid="compare-with"
          title="these runs beside those of other experiments"
        >
          Compare with…
        </a>
      </div>
    </section>
  );
}

/** When each run arrived, looked for only in rows that came since the last time. */
class Arrivals {
  private readonly known = new Map<string, { step: number; at: number | null }>();

  at(run: string, loss: Column | undefined, minimum: number): number | null {
    if (!loss) return null;
    const known = this.known.get(run) ?? { step: 0, at: null };
    if (known.at === null) {
      known.at = firstReached(loss, minimum, rowAt(loss, known.step) + 1);
      known.step = loss.n > 0 ? (loss.steps[loss.n - 1] as number) : 0;
      this.known.set(run, known);
    }
    return known.at;
  }
}

function verdictOf(session: Session, arrivals: Arrivals): Verdict {
  const plain = plainVerdict(session, arrivals);
  const all = session.experiment.peek().runs;
  const changes = changesOf(all, session.runs.peek(), session.controls.peek());
  return withChanges(plain, changes, session.shownStep);
}

function plainVerdict(session: Session, arrivals: Arrivals): Verdict {
  const runs = session.runs.peek();
  const step = session.shownStep;
  const surface = session.problem.peek()?.surface;
  if (surface && !surface.points.some((point) => point.kind === "minimum")) {
    return openVerdict(step);
  }
  if (surface) {
    const seen = runs.map((run) => ({
      name: session.nameOf(run),
      dropRate: run.drop_rate,
      reached: arrivals.at(run.id, session.rows.column(run.id, "loss"), surface.minimum),
      diverged: run.diverged_step,
    }));
    return surfaceVerdict(seen, step);
  }
  const lossAlone = runs.some((run) => measuresLossAlone(session, run));
  const measured = (run: Run) => measuredAt(session, run, step, lossAlone);
  const against = (run: Run | undefined) =>
    run ? { name: session.nameOf(run), ...measured(run) } : null;
  const comparisons = runs
    .filter((run) => run.drop_rate > 0)
    .map((run) => {
      const plain = plainOf(run, runs);
      const fair = fairOf(run, runs, session.menus);
      return {
        name: session.nameOf(run),
        dropRate: run.drop_rate,
        ...measured(run),
        plain: against(plain),
        // One and the same where updates are divided by keep.
        fair: fair === plain ? null : against(fair),
      };
    });
  return lossAlone
    ? lossVerdict(comparisons)
    : taskVerdict(comparisons, session.experiment.peek().problem);
}

/** What a task measures on held-out data: the mean of the seeds where a run has several. */
function measuredAt(session: Session, run: Run, step: number, lossAlone: boolean): Measured {
  const column = lossAlone ? "test_loss" : "test_accuracy";
  const value = (name: string) => valueAt(session.rows.column(run.id, name), step);
  const { seeds } = session.experiment.peek();
  if (seeds < 2) return { value: value(column) };
  return { value: value(`${column}/mean`), seeds: { count: seeds, sd: value(`${column}/sd`) } };
}

function measuresLossAlone(session: Session, run: Run): boolean {
  const has = (name: string) => session.history.has(run.id, name);
  return has("test_loss") && !has("test_accuracy");
}
