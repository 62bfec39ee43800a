import type { Sweep } from "../../protocol.ts";
import { dropAndLr, heatScale, measured } from "../../state/sweeps/cells.ts";
import { formLike } from "../../state/sweeps/form.ts";
import { type Measure, measureOf } from "../../state/sweeps/measures.ts";
import { useApp } from "../context.ts";
import { Caret } from "../icons.tsx";
import { Popover } from "../popover.tsx";
import { Copy } from "../share.tsx";
import type { MapLook } from "./board.tsx";
import { stateWords, useSweepWords } from "./home.tsx";

interface Props {
  sweep: Sweep;
  measure: Measure;
  look: MapLook;
  setLook: (look: MapLook) => void;
}

/** What the sweep is, what its colours are, and what can be done with it. */
export function SweepStrip({ sweep, measure, look, setLook }: Props) {
  const app = useApp();
  const { sweeps } = app;
  const { title, about } = useSweepWords(sweep);
  const going = sweeps.going;
  const log = heatScale(sweeps.cells.value, measure, look.scale)?.log ?? measure.log;
  const order = (name: "stop" | "resume") => () =>
    app.attempt(() => sweeps.change((id) => app.api.orderSweep(id, name)));
  return (
    <div class="strip sweep-strip">
      <div class="chips">
        <button
          type="button"
          class="button"
          data-testid="all-sweeps"
          onClick={() => sweeps.openSweep(null)}
        >
          ‹ Sweeps
        </button>
        <h1 class="sweep-title" title={about}>
          {title} <span class="hint">{about}</span>
        </h1>
      </div>
      <div class="strip-right">
        <label class="chip select">
          <span class="key">colour</span>
          <select
            value={measure.name}
            title={measure.help}
            data-testid="sweep-by"
            onChange={(event) => sweeps.go({ by: event.currentTarget.value })}
          >
            {[...new Set([...measured(sweeps.cells.value, sweep), measure.name])].map((name) => (
              <option key={name} value={name}>
                {measureOf(sweep, name).label}
              </option>
            ))}
          </select>
          <Caret />
        </label>
        <Popover class="button" label="View" title="View: how the map is drawn" testId="map-look">
          {() => (
            <fieldset class="form checks">
              <legend class="hint">on the map</legend>
              <Check
                label="logarithmic colours"
                testId="look-log"
                checked={log}
                onTurn={(on) => setLook({ ...look, scale: on ? "log" : "linear" })}
              />
              <Check
                label="numbers in the cells"
                testId="look-numbers"
                checked={look.numbers}
                onTurn={(numbers) => setLook({ ...look, numbers })}
              />
              {dropAndLr(sweep) && (
                <Check
                  label="line of equal lr × keep"
                  testId="look-even"
                  checked={look.even}
                  onTurn={(even) => setLook({ ...look, even })}
                />
              )}
            </fieldset>
          )}
        </Popover>
        <span class="status" role="status" data-testid="sweep-state">
          <span class={`dot ${sweep.state === "running" ? "good" : ""}`} aria-hidden="true" />
          <span class="status-words">{stateWords(sweep)}</span>
        </span>
        {going && (
          <button type="button" class="button" data-testid="stop-sweep" onClick={order("stop")}>
            Stop
          </button>
        )}
        {sweep.state === "stopped" && (
          <button type="button" class="button" data-testid="resume-sweep" onClick={order("resume")}>
            Resume
          </button>
        )}
        <More sweep={sweep} />
      </div>
    </div>
  );
}

interface CheckProps {
  label: string;
  testId: string;
  checked: boolean;
  onTurn: (on: boolean) => void;
}

function Check({ label, testId, checked, onTurn }: CheckProps) {
  return (
    <label>
      <input
        type="checkbox"
        checked={checked}
        data-testid={testId}
        onChange={(event) => onTurn(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}

/** Table, link, name, another like it, delete. */
function More({ sweep }: { sweep: Sweep }) {
  const app = useApp();
  const { sweeps } = app;
  const remove = async () => {
    await app.api.removeSweep(sweep.id);
    sweeps.openSweep(null);
    app.tell({
      text: "The sweep and its experiments were deleted.",
      action: {
        label: "Undo",
        testId: "undo-delete",
        run: () =>
          app.attempt(async () => {
            await app.api.orderSweep(sweep.id, "restore");
            app.toast.value = null;
            sweeps.openSweep(sweep.id);
          }),
      },
    });
  };
  const rename = (name: string) => {
    if (name !== sweep.name) {
      app.attempt(() => sweeps.change((id) => app.api.renameSweep(id, name)));
    }
  };
  return (
    <Popover
      class="button square"
      label="⋯"
      title="more about this sweep"
      testId="sweep-more"
      side="right"
    >
      {(close) => (
        <div class="form">
          <label class="sweep-part">
            <span class="key">name</span>
            <input
              type="text"
              maxLength={60}
              value={sweep.name}
              data-testid="rename-sweep"
              onBlur={(event) => rename(event.currentTarget.value.trim())}
              onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
            />
          </label>
          <a
            class="button wide"
            href={app.api.sweepTable(sweep.id)}
            download={`sweep-${sweep.id}.csv`}
            data-testid="sweep-csv"
          >
            Download CSV
          </a>
          <Copy label="Copy link" testId="copy-link" text={() => Promise.resolve(location.href)} />
          <button
            type="button"
            class="button wide"
            data-testid="sweep-again"
            onClick={() => {
              close();
              sweeps.draft = formLike(sweep);
              sweeps.openSweep(null);
            }}
          >
            New sweep like this
          </button>
          <button
            type="button"
            class="button wide"
            data-testid="delete-sweep"
            onClick={() => {
              close();
              app.attempt(remove);
            }}
          >
            Delete
          </button>
          <p class="hint">With its experiments; it can be undone.</p>
        </div>
      )}
    </Popover>
  );
}
