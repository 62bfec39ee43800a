import { useState } from "preact/hooks";
import { formatStep } from "../../look/format.ts";
import type { Target } from "../../state/compare/choice.ts";
import { AXIS_LABELS, type Picture } from "../../state/compare/picture.ts";
import { risesWell } from "../../state/compare/statistics.ts";
import {
  csvOf,
  type Figure,
  type Row,
  type SortKey,
  sortedRows,
  tableOf,
} from "../../state/compare/table.ts";
import { useApp } from "../context.ts";
import { RunGlyph } from "../glyph.tsx";
import { formatHalf, lookOf } from "./labels.ts";

const NOTHING = "–";
/** Of what is drawn, the figures that are shown unless a person chooses. */
const TOLD_FIRST = ["test_accuracy", "test_loss", "loss"];

/** One column's figures of every line, sorted, with a target, and as CSV. */
export function Figures({ picture }: { picture: Picture }) {
  const app = useApp();
  const { compare } = app;
  const choice = compare.choice.value;
  const columns = compare.columns.value;
  const [picked, setPicked] = useState("");
  const [sort, setSort] = useState<{ key: SortKey; descending: boolean } | null>(null);
  const [note, setNote] = useState("");
  const column = [picked, choice.target?.column, ...TOLD_FIRST, columns[0]].find(
    (name) => name && columns.includes(name),
  );
  if (!column) return null;
  const curvesOf = (line: Row["line"]) => picture.curvesOf(line, column);
  const table = tableOf(compare.lines.value, column, curvesOf, choice.target);
  const rows = sort ? sortedRows(table.rows, sort.key, sort.descending) : table.rows;
  const { format } = lookOf(column);
  const ofHalf = formatHalf(column);
  const place = (x: number) => picture.axis().format(x);
  const csv = () => csvOf(table, rows, choice.axis, choice.target);
  const copy = async () => {
    const copied = await navigator.clipboard?.writeText(csv()).then(
      () => true,
      () => false,
    );
    setNote(copied ? "copied" : "the browser refused; download it instead");
  };
  const head = (key: SortKey, words: string, number = true) => (
    <Head
      key={key}
      words={words}
      number={number}
      order={sort?.key === key ? (sort.descending ? "descending" : "ascending") : "none"}
      onSort={() => setSort(nextSort(sort, key, key !== "name" && risesWell(column)))}
    />
  );
  const target = choice.target?.column === column ? choice.target : null;
  return (
    <section class="compare-figures" data-testid="figures" aria-label="figures">
      <div class="compare-tools">
        <label class="chip select">
          <span class="key">figures of</span>
          <select
            value={column}
            data-testid="figures-of"
            onChange={(event) => setPicked(event.currentTarget.value)}
          >
            {columns.map((name) => (
              <option key={name} value={name}>
                {lookOf(name).title}
              </option>
            ))}
          </select>
        </label>
        <TargetField key={column} column={column} target={target} />
        <span class="strip-right">
          <span class="hint" role="status">
            {note}
          </span>
          <button
            type="button"
            class="button small"
            data-testid="copy-csv"
            onClick={() => void copy()}
          >
            Copy CSV
          </button>
          <button
            type="button"
            class="button small"
            data-testid="download-csv"
            onClick={() => download(csv(), `comparison-${column}.csv`)}
          >
            Download CSV
          </button>
        </span>
      </div>
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              {head("name", "line", false)}
              {head("seeds", "seeds")}
              <th>state</th>
              {head("steps", "last step")}
              {head("final", "final")}
              {head("best", TOLD_FIRST.includes(column) ? "best" : "lowest")}
              {head("at", `at ${AXIS_LABELS[choice.axis]} ${place(table.common)}`)}
              {target && head("reached", `${target.value} reached at`)}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.line.id} data-testid="figures-row" data-line={row.line.id}>
                <th scope="row">
                  <RunGlyph slot={row.line.slot} size={12} /> {row.line.name}
                </th>
                <td class="number">{row.line.seeds}</td>
                <td>{row.state}</td>
                <td class="number">{formatStep(row.steps)}</td>
                <td class="number">{figure(row.final, format, ofHalf)}</td>
                <td class="number">{figure(row.best, format, ofHalf)}</td>
                <td class="number">{figure(row.at, format, ofHalf)}</td>
                {target && <td class="number">{reached(row, place)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** First press: the better values first; the next turns the order round. */
function nextSort(
  sort: { key: SortKey; descending: boolean } | null,
  key: SortKey,
  descending: boolean,
): { key: SortKey; descending: boolean } {
  if (sort?.key === key) return { key, descending: !sort.descending };
  const counts = key === "seeds" || key === "steps";
  return { key, descending: key === "reached" ? false : counts || descending };
}

type Format = (value: number) => string;

function figure({ value, half, about }: Figure, format: Format, formatHalf: Format): string {
  if (Number.isNaN(value)) return NOTHING;
  const words = (about ? "≈ " : "") + format(value);
  return Number.isNaN(half) ? words : `${words} ± ${formatHalf(half)}`;
}

function reached(row: Row, place: Format): string {
  const [by, of] = row.reachedBy;
  if (by === 0) return "not reached";
  const words = figure(row.reached, place, place);
  return by < of ? `${words}, ${by} of ${of}` : words;
}

interface HeadProps {
  words: string;
  number: boolean;
  order: "ascending" | "descending" | "none";
  onSort: () => void;
}

function Head({ words, number, order, onSort }: HeadProps) {
  const arrow = { ascending: "↑", descending: "↓", none: "" }[order];
  return (
    <th class={number ? "number" : ""} aria-sort={order}>
      <button type="button" class="sort" onClick={onSort}>
        {words} <span aria-hidden="true">{arrow}</span>
      </button>
    </th>
  );
}

/** The value that is asked for; shares may be typed in percent. */
function TargetField({ column, target }: { column: string; target: Target | null }) {
  const { compare } = useApp();
  const [text, setText] = useState(target ? String(target.value) : "");
  const [error, setError] = useState("");
  const share = lookOf(column).share === true;
  const save = () => {
    const typed = text.trim().replace(",", ".");
    if (typed === "") {
      setError("");
      if (target) compare.set({ target: null });
      return;
    }
    const percent = typed.endsWith("%");
    const value = Number(percent ? typed.slice(0, -1) : typed) / (percent ? 100 : 1);
    if (!Number.isFinite(value) || (share && (value < 0 || value > 1))) {
      const allowed = share ? "a share in [0, 1], or 0 % to 100 %" : "a number";
      setError(`target: ${text} is not allowed; use ${allowed}`);
      return;
    }
    setError("");
    compare.set({ target: { column, value } });
  };
  return (
    <label class="compare-target">
      <span class="key">target</span>
      <input
        type="text"
        inputMode="decimal"
        value={text}
        placeholder={share ? "0.95" : "0.1"}
        aria-invalid={error !== ""}
        data-testid="target"
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={save}
        onKeyDown={(event) => event.key === "Enter" && save()}
      />
      {error && (
        <span class="bad" role="alert">
          {error}
        </span>
      )}
    </label>
  );
}

function download(text: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
