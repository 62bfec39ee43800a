import { useEffect, useState } from "preact/hooks";
import type { Column } from "../charts/types.ts";
import type { Run } from "../protocol.ts";
import { anotherSeed } from "../state/actions.ts";
import { fairOf, plainOf } from "../state/fair.ts";
import { valueAt } from "../state/history.ts";
import type { Session } from "../state/session.ts";
import { withChanges } from "../state/verdict_changes.ts";
import { firstReached, surfaceVerdict, type Verdict } from "../state/verdict_surface.ts";
import { taskVerdict } from "../state/verdict_task.ts";
import { useApp } from "./context.ts";

/** A sentence that changed 30 times a second could not be read. */
const PAUSE_MS = 500;

/** What the pictures mean, how sure we are, and a button that makes it surer. */
export function VerdictCard({ session }: { session: Session }) {
  const app = useApp();
  const [verdict, setVerdict] = useState<Verdict>({ text: "", sure: "" });
  const lost = session.phase.value === "lost";
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
      <button
        type="button"
        class="button"
        data-testid="another-seed"
        disabled={lost}
        onClick={() => anotherSeed(app, session)}
      >
        Another seed
      </button>
    </section>
  );
}

/** When each run arrived, looked for only in rows that came since the last time. */
class Arrivals {
  private readonly known = new Map<string, { rows: number; at: number | null }>();

  at(run: string, loss: Column | undefined, minimum: number): number | null {
    if (!loss) return null;
    const known = this.known.get(run) ?? { rows: 0, at: null };
    if (known.at === null) {
      known.at = firstReached(loss, minimum, known.rows);
      known.rows = loss.n;
      this.known.set(run, known);
    }
    return known.at;
  }
}

function verdictOf(session: Session, arrivals: Arrivals): Verdict {
  const plain = plainVerdict(session, arrivals);
  return withChanges(plain, session.controls.peek(), session.shownStep);
}

function plainVerdict(session: Session, arrivals: Arrivals): Verdict {
  const runs = session.runs.peek();
  const step = session.shownStep;
  const surface = session.problem.peek()?.surface;
  if (surface) {
    const seen = runs.map((run) => ({
      name: session.nameOf(run),
      dropRate: run.drop_rate,
      reached: arrivals.at(run.id, session.rows.column(run.id, "loss"), surface.minimum),
      diverged: run.diverged_step,
    }));
    return surfaceVerdict(seen, step);
  }
  const accuracy = (run: Run) => valueAt(session.rows.column(run.id, "test_accuracy"), step);
  const against = (run: Run | undefined) =>
    run ? { name: session.nameOf(run), accuracy: accuracy(run) } : null;
  const comparisons = runs
    .filter((run) => run.drop_rate > 0)
    .map((run) => {
      const plain = plainOf(run, runs);
      const fair = fairOf(run, runs, session.menus);
      return {
        name: session.nameOf(run),
        dropRate: run.drop_rate,
        accuracy: accuracy(run),
        plain: against(plain),
        // One and the same where updates are divided by keep.
        fair: fair === plain ? null : against(fair),
      };
    });
  return taskVerdict(comparisons, session.experiment.peek().problem);
}
