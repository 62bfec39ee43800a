import type { Run, RunIn } from "../protocol.ts";
import { fairBaseline, meanShare, plainOf, whyNoFair } from "../state/fair.ts";
import { changesOf } from "../state/lineage.ts";
import { baseName, lrOf, rate } from "../state/names.ts";
import type { Session } from "../state/session.ts";
import { firstChange } from "../state/verdict_changes.ts";

interface Props {
  session: Session;
  /** The run that lacks its baseline. */
  run: Run;
  onAdd: (spec: RunIn) => void;
}

/** The run to compare with, and why it is that one. */
export function BaselineOffer({ session, run, onAdd }: Props) {
  const { menus } = session;
  const baseline = fairBaseline(run, menus);
  const name = session.nameOf(run);
  const share = meanShare(run, menus);
  const own = changesOf(session.experiment.value.runs, [run], session.controls.value);
  const moved = firstChange(own, Number.POSITIVE_INFINITY);
  return (
    <>
      <h3>{share === null ? "The baseline" : "The fair baseline"}</h3>
      {share === null ? (
        <p class="hint" data-testid="why-no-fair">
          {whyNoFair(run, menus)} Compare {name} with its optimizer at the same lr, nothing dropped.
        </p>
      ) : share === 1 ? (
        <p class="hint">
          {name} divides by keep, so its mean step is the full one. Compare it with its optimizer at
          the same lr, nothing dropped.
        </p>
      ) : (
        <p class="hint">
          Dropping also shortens the mean step. This run tells the two apart: the optimizer of{" "}
          {name} at lr × (1 − {rate(run.drop_rate)}), nothing dropped.
        </p>
      )}
      {moved !== null && (
        <p class="hint warn">
          Its settings were changed at step {moved}. The baseline has the present ones from step 1
          on, so the two are not fairly compared; start again for that.
        </p>
      )}
      <button
        type="button"
        class="button ink wide"
        data-testid="add-fair-baseline"
        data-first
        onClick={() => onAdd(baseline)}
      >
        Add {baseName(baseline, menus.optimizers)} at lr {String(lrOf(baseline))}
      </button>
      {lrOf(baseline) !== lrOf(run) && !plainOf(run, session.runs.value) && (
        <button
          type="button"
          class="button wide"
          data-testid="add-plain-baseline"
          title={`the optimizer of ${name} at its own lr, nothing dropped`}
          onClick={() => onAdd({ ...baseline, settings: { ...run.settings } })}
        >
          Add {baseName(baseline, menus.optimizers)} at lr {String(lrOf(run))}
        </button>
      )}
    </>
  );
}
