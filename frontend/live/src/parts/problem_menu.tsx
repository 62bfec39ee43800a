import { useEffect, useState } from "preact/hooks";
import type { DataSetInfo, ProblemInfo } from "../protocol.ts";
import { switchProblem } from "../state/actions.ts";
import { megabytes, warning } from "../state/data_sets.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { DataSetPanel } from "./data_set_panel.tsx";

/** All problems of one kind; one whose data are missing opens what can be done about that. */
export function ProblemMenu({ session, close }: { session: Session; close: () => void }) {
  const app = useApp();
  const [asked, setAsked] = useState<ProblemInfo | null>(null);
  const experiment = session.experiment.value;
  const catalogue = app.catalogue.value;
  const problems = catalogue?.problems.filter((one) => one.kind === experiment.kind) ?? [];
  useEffect(() => {
    if (experiment.kind === "task") void app.dataSets.load();
  }, [experiment.kind]);
  const choose = async (problem: ProblemInfo) => {
    if (problem.data && app.dataSets.all.peek() === null) await app.dataSets.load();
    const data = app.dataSets.of(problem);
    if (data && data.state !== "present") setAsked(problem);
    else start(problem);
  };
  const start = (problem: ProblemInfo) => {
    close();
    app.attempt(() => switchProblem(app, session, problem));
  };
  const needed = asked && app.dataSets.of(asked);
  if (asked && needed) {
    return (
      <DataSetPanel
        dataSet={needed}
        problem={asked}
        back={() => setAsked(null)}
        start={() => start(asked)}
      />
    );
  }
  return (
    <ul class={`menu ${experiment.kind === "task" ? "tasks" : ""}`}>
      {problems.map((problem) => {
        const data = app.dataSets.of(problem);
        const slow = warning(problem, catalogue?.devices ?? []);
        return (
          <li key={problem.name}>
            <button
              type="button"
              aria-current={problem.name === experiment.problem}
              data-problem={problem.name}
              data-state={data?.state}
              onClick={() => void choose(problem)}
            >
              <b>
                {data && <span class="state">{stateWords(data)}</span>}
                {problem.label}
              </b>
              <span>
                {problem.about} {slow && <span class="warn">{slow}</span>}
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function stateWords({ state, bytes, progress }: DataSetInfo): string {
  switch (state) {
    case "present":
      return "data are here";
    case "downloading":
      return `downloading, ${Math.round((progress ?? 0) * 100)} %`;
    case "failed":
      return "download failed";
    default:
      return `needs ${megabytes(bytes)}`;
  }
}
