import type { DataSetInfo, ProblemInfo } from "../protocol.ts";
import { megabytes } from "../state/data_sets.ts";
import { useApp } from "./context.ts";

interface Props {
  dataSet: DataSetInfo;
  problem: ProblemInfo;
  back: () => void;
  start: () => void;
}

/** What a data set is, and a download that a press begins, or the mend without a network. */
export function DataSetPanel({ dataSet, problem, back, start }: Props) {
  const app = useApp();
  const { name, state, bytes, progress } = dataSet;
  const refused = app.dataSets.refused.value[name] ?? "";
  const wrong = refused || (state === "failed" ? dataSet.message : "");
  const share = Math.round((progress ?? 0) * 100);
  return (
    <section class="data-set" data-testid="data-set" data-state={state}>
      <h3>{state === "present" ? dataSet.label : `${problem.label} needs ${dataSet.label}`}</h3>
      <p class="hint">{dataSet.about}</p>
      <dl>
        <dt>size</dt>
        <dd>{megabytes(bytes)}</dd>
        <dt>licence</dt>
        <dd>{dataSet.licence}</dd>
        <dt>{state === "present" ? "folder" : "looked in"}</dt>
        <dd>{dataSet.where}</dd>
      </dl>
      {state === "downloading" && (
        <div role="status">
          <progress value={progress ?? 0} max={1} aria-label={`download of ${dataSet.label}`} />
          <p class="hint">
            {share} % of {megabytes(bytes)}; it goes on while you do something else.
          </p>
        </div>
      )}
      {wrong && (
        <p class="bad" role="alert">
          {wrong}
        </p>
      )}
      {state !== "present" && state !== "downloading" && (
        <p class="hint">
          Or name a folder that holds it: <code>lrd serve --data FOLDER</code> or{" "}
          <code>LRD_DATA</code>.
        </p>
      )}
      <div class="buttons">
        {state === "present" ? (
          <button type="button" class="button ink" data-testid="train-on-it" onClick={start}>
            Train on it
          </button>
        ) : (
          <button
            type="button"
            class="button ink"
            data-testid="download"
            data-first
            disabled={state === "downloading"}
            onClick={() => void app.dataSets.download(name)}
          >
            {state === "failed" ? "Try again" : `Download ${megabytes(bytes)}`}
          </button>
        )}
        <button type="button" class="button" onClick={back}>
          Other tasks
        </button>
      </div>
    </section>
  );
}
