import { type Signal, signal } from "@preact/signals";
import { formatPercent, formatStep, formatValue } from "../look/format.ts";
import type { Run } from "../protocol.ts";
import { meanAt, valueAt } from "../state/history.ts";
import { heldOut } from "../state/measured.ts";
import type { Session } from "../state/session.ts";
import { GAP_WINDOW } from "../state/task_rows.ts";

/** Steps over which a card's kept share is averaged. */
export const KEPT_WINDOW = 40;
/** Steps over which a task's train loss is averaged, on cards and as the line of its chart. */
export const LOSS_WINDOW = GAP_WINDOW;

/** A card's numbers as texts, each bound to one text node. */
export interface CardNumbers {
  rate: Signal<string>;
  loss: Signal<string>;
  kept: Signal<string>;
  /** On held-out data: the accuracy, or the loss where the task has no accuracy. */
  test: Signal<string>;
}

/** Cards that are written in one frame: each makes the browser lay out its text anew. */
const AT_ONCE = 3;

/** The numbers of every run at the step looked at, and that step. */
export class Numbers {
  readonly step = signal("0");
  /** What `test` is. */
  readonly testLabel = signal("test");
  private readonly cards = new Map<string, CardNumbers>();
  /** What each card was written from. */
  private readonly written = new Map<string, string>();

  card(run: string): CardNumbers {
    let card = this.cards.get(run);
    if (!card) {
      card = { rate: signal("–"), loss: signal("–"), kept: signal("–"), test: signal("–") };
      this.cards.set(run, card);
    }
    return card;
  }

  /** Called once a frame; false while there are cards left for the next ones. */
  update(session: Session): boolean {
    const step = session.shownStep;
    this.step.value = formatStep(step);
    const { rows } = session;
    const task = session.experiment.peek().kind === "task";
    const runs = session.runs.peek();
    const held = task
      ? heldOut(
          session.history,
          runs.map((run) => run.id),
        )
      : null;
    this.testLabel.value = held === null ? "test" : `test ${held}`;
    const state = `${step} ${rows.version} ${held}`;
    const stateOf = (run: Run) => `${state} ${run.drop_rate} ${session.cursor.peek()}`;
    const old = runs.filter((run) => this.written.get(run.id) !== stateOf(run));
    // Those that were written longest ago come first.
    const turns = [...this.written.keys()];
    old.sort((a, b) => turns.indexOf(a.id) - turns.indexOf(b.id));
    const next = old.slice(0, AT_ONCE);
    for (const run of next) {
      this.written.delete(run.id);
      this.written.set(run.id, stateOf(run));
      const card = this.card(run.id);
      const rates = rows.column(run.id, "drop_rate");
      const live = session.cursor.peek() === null || rates === undefined;
      const rate = live ? run.drop_rate : valueAt(rates, step);
      card.rate.value = Number.isNaN(rate) ? "–" : rate.toFixed(2);
      const column = (name: string) =>
        rows.column(run.id, `${name}/mean`) ?? rows.column(run.id, name);
      const loss = column("loss");
      card.loss.value = formatValue(task ? meanAt(loss, step, LOSS_WINDOW) : valueAt(loss, step));
      card.kept.value = whole(meanAt(rows.column(run.id, "keep_rate"), step, KEPT_WINDOW));
      const test = valueAt(column(`test_${held ?? "accuracy"}`), step);
      card.test.value = held === "loss" ? formatValue(test) : formatPercent(test);
    }
    return next.length === old.length;
  }
}

function whole(share: number): string {
  return Number.isNaN(share) ? "–" : formatPercent(Math.round(share * 100) / 100).replace(".0", "");
}
