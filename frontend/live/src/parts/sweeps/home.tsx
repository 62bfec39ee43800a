import { formatMoment, formatStep } from "../../look/format.ts";
import type { Sweep } from "../../protocol.ts";
import { sweepAddress } from "../../state/sweeps/place.ts";
import { useApp } from "../context.ts";
import { NewSweep } from "./form.tsx";

/** Before a sweep is open: a new one, filled in so that it can start, and those that are kept. */
export function SweepHome() {
  const app = useApp();
  const { sweeps } = app;
  const list = sweeps.list.value;
  const catalogue = app.catalogue.value;
  return (
    <div class="sweeps-home" data-testid="sweeps">
      <section class="sweeps-new" aria-label="new sweep">
        <h1>New sweep</h1>
        <p class="hint">
          Every pair of two settings is trained, and drawn as a map that fills while it trains.
        </p>
        {catalogue ? <NewSweep catalogue={catalogue} /> : <Loading />}
      </section>
      <section class="sweeps-kept" aria-label="sweeps">
        <h2>Sweeps</h2>
        {sweeps.trouble.value && (
          <p class="bad" role="alert" data-testid="error">
            {sweeps.trouble.value}
          </p>
        )}
        {list === null && !sweeps.trouble.value && <Loading />}
        {list?.length === 0 && (
          <p class="hint" data-testid="sweeps-empty">
            None yet. The one on this page is ready: Start sweep trains Adam on the digits with ten
            drop rates at nine learning rates, and takes about a minute.
          </p>
        )}
        {list && list.length > 0 && (
          <ul>
            {list.map((sweep) => (
              <SweepItem key={sweep.id} sweep={sweep} />
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

function Loading() {
  return (
    <p class="hint waiting" role="status">
      <span class="dot turning" aria-hidden="true" /> loading
    </p>
  );
}

/** What a sweep is about: its problem, its optimizer and its axes. */
export function useSweepWords(sweep: Sweep): { title: string; about: string } {
  const catalogue = useApp().catalogue.value;
  const label = <T extends { name: string; label: string }>(all: T[] | undefined, name: string) =>
    all?.find((one) => one.name === name)?.label ?? name;
  const problem = label(catalogue?.problems, sweep.problem);
  const optimizer = label(catalogue?.optimizers, sweep.optimizer);
  const axes = `${sweep.x.label} × ${sweep.y.label}`;
  return {
    title: sweep.name || `${problem}, ${optimizer}`,
    about: sweep.name ? `${problem}, ${optimizer}: ${axes}` : axes,
  };
}

function SweepItem({ sweep }: { sweep: Sweep }) {
  const app = useApp();
  const { title, about } = useSweepWords(sweep);
  const cells = sweep.x.values.length * sweep.y.values.length;
  const seeds = sweep.seeds > 1 ? `, ${sweep.seeds} seeds` : "";
  const going = sweep.state === "running";
  return (
    <li data-testid="sweep-item" data-sweep={sweep.id}>
      <a
        href={sweepAddress({ sweep: sweep.id }, location.pathname)}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          app.sweeps.openSweep(sweep.id);
        }}
      >
        {title}
      </a>
      <span class="hint">{about}</span>
      <span class="hint">
        <span class={`dot ${going ? "good" : ""}`} aria-hidden="true" /> {stateWords(sweep)},{" "}
        {formatStep(cells)} cells{seeds}, {formatStep(sweep.steps)} steps,{" "}
        <time dateTime={sweep.created_at}>{formatMoment(sweep.created_at)}</time>
      </span>
    </li>
  );
}

/** "training, 43 %". */
export function stateWords({ state, progress }: Pick<Sweep, "state" | "progress">): string {
  const share = `${Math.floor(100 * progress)} %`;
  switch (state) {
    case "running":
      return `training, ${share}`;
    case "queued":
      return progress > 0 ? `waits for a place, ${share}` : "waits for a place";
    case "finished":
      return "finished";
    default:
      return `${state} at ${share}`;
  }
}
