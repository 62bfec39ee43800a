import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { formatStep } from "../look/format.ts";
import { whyDisabled } from "../state/actions.ts";
import {
  LAYER_COLUMNS,
  type LayerRow,
  layerRows,
  layersCsv,
  nextSorting,
  recordedRows,
  type Sorting,
  sorted,
} from "../state/layer_table.ts";
import type { Session } from "../state/session.ts";
import { chosenRun } from "./chosen_run.ts";
import { useApp } from "./context.ts";
import { RunGlyph } from "./glyph.tsx";
import { LookFrame, Widen } from "./look_panel.tsx";
import { Picker } from "./picker.tsx";
import { useSteps, useWatch } from "./use_watch.ts";
import { useVisible } from "./visible.ts";

/** Rows that a table shows at once; its CSV has all. */
const MOST = 240;
const NOTE_MS = 2000;

interface Props {
  session: Session;
  class: string;
  tabs: ComponentChildren;
}

/** Every tensor of the chosen run, or of all runs side by side, at the newest step. */
export function LayersPanel({ session, class: extra, tabs }: Props) {
  const app = useApp();
  const { tensors } = session.experiment.value;
  const runs = session.runs.value;
  const [all, setAll] = useState(false);
  const [sorting, setSorting] = useState<Sorting>({ column: "", down: true });
  const [note, setNote] = useState("");
  const place = useRef<HTMLDivElement>(null);
  const visible = useVisible(place);
  const chosen = chosenRun(session);
  const cursor = session.cursor.value;
  const live = cursor === null && session.phase.value === "live";
  const wanted =
    live && visible && chosen && whyDisabled(session) === ""
      ? { run: all ? "" : chosen.id, setting: all ? "all" : "one" }
      : null;
  const { layers } = session.pictures;
  const { watch, refused } = useWatch(session, "layers", wanted, layers);
  useSteps(session, watch);
  const failed = wanted ? session.pictures.failure("layers", wanted.run || null) : "";
  const shown = all ? runs : runs.filter((run) => run.id === chosen?.id);
  const named = layerRows(layers.value, shown, (run) => session.nameOf(run), tensors);
  const column = (run: string, name: string) => session.rows.column(run, name);
  // Where no job tells of them, what was recorded is there all the same.
  const told = layers.value?.runs.some((one) => shown.some((run) => run.id === one.run)) ?? false;
  const back = cursor !== null || (!told && wanted === null);
  const step = cursor ?? (back ? session.head : (layers.value?.step ?? 0));
  const rows = sorted(back ? recordedRows(named, column, step) : named, sorting);
  const copy = async () => {
    const copied = await navigator.clipboard?.writeText(layersCsv(rows, step)).then(
      () => true,
      () => false,
    );
    setNote(copied ? "copied" : "the browser refused");
  };
  useEffect(() => {
    const timer = setTimeout(() => setNote(""), NOTE_MS);
    return () => clearTimeout(timer);
  }, [note]);
  useEffect(() => setNote(""), [cursor]);
  const options = [
    { value: "one", label: chosen ? session.nameOf(chosen) : "chosen run" },
    { value: "all", label: "all runs" },
  ];
  return (
    <LookFrame
      name="layers"
      class={`${extra} look ${app.wide.value ? "wide" : ""}`}
      tabs={tabs}
      aside={
        <>
          <span class="whose">
            {!all && chosen && <RunGlyph slot={chosen.slot} />}
            <Picker
              label="runs of the table"
              value={all ? "all" : "one"}
              options={options}
              onPick={(value) => setAll(value === "all")}
            />
          </span>
          <Widen />
        </>
      }
      foot={
        <>
          <span class="look-note" role="status" data-testid="layers-note">
            {note || refused || failed || words(rows, back, step)}
          </span>
          <button type="button" class="link" data-testid="layers-csv" onClick={() => void copy()}>
            copy CSV
          </button>
        </>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <section ref={place} class="layers-scroll" aria-label="tensors" tabIndex={0}>
        <table class="layers" data-testid="layers" data-step={step}>
          <thead>
            <tr>
              <Head name="tensor" label="tensor" help="" sorting={sorting} sort={setSorting} />
              {LAYER_COLUMNS.map(({ name, label, help }) => (
                <Head
                  key={name}
                  name={name}
                  label={label}
                  help={help}
                  sorting={sorting}
                  sort={setSorting}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, MOST).map((row) => (
              <tr key={`${row.run.id} ${row.place}`} data-run={row.run.id}>
                <th scope="row" title={`${row.tensor.name} of ${row.name}`}>
                  {all && <RunGlyph slot={row.run.slot} size={12} />} {row.tensor.name}{" "}
                  <span class="shape">{row.tensor.shape.join("×")}</span>
                </th>
                {LAYER_COLUMNS.map(({ name, format }) => (
                  <td key={name} data-column={name}>
                    {format(row.values[name] ?? Number.NaN, row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </LookFrame>
  );
}

/** What the numbers are of. */
function words(rows: readonly LayerRow[], back: boolean, step: number): string {
  const cut = rows.length > MOST ? `${MOST} of ${rows.length} rows · ` : "";
  if (step === 0) return "no step yet";
  if (back) return `${cut}recorded at step ${formatStep(step)}; the rest is live only`;
  const most = Math.max(0, ...rows.map((row) => row.lookedAt));
  const part = rows.some((row) => row.lookedAt < row.size && row.lookedAt > 0);
  return `${cut}step ${formatStep(step)}${part ? ` · ages: first ${formatStep(most)}` : ""}`;
}

interface HeadProps {
  name: string;
  label: string;
  help: string;
  sorting: Sorting;
  sort: (next: Sorting) => void;
}

function Head({ name, label, help, sorting, sort }: HeadProps) {
  const here = sorting.column === name;
  const order = here ? (sorting.down ? "descending" : "ascending") : "none";
  return (
    <th scope="col" aria-sort={order} title={help}>
      <button type="button" class="sort" onClick={() => sort(nextSorting(sorting, name))}>
        {label}
        <span aria-hidden="true">{here ? (sorting.down ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  );
}
