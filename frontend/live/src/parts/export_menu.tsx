import { useState } from "preact/hooks";
import type { Exported } from "../charts/figure.ts";
import { csvText, fileName, pngFile, save, svgFile } from "../export/files.ts";
import { parquetFile } from "../export/parquet.ts";
import { type Sheet, sheetOf } from "../export/sheet.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { GifButton } from "./gif_button.tsx";
import { SaveIcon } from "./icons.tsx";
import { Popover } from "./popover.tsx";

/** Whose chart it is: in file names, and in the line below a picture. */
export interface Source {
  /** The experiment whose rows are stored; none where a chart is made of several. */
  id: string | null;
  file: string;
  words: string;
  /** The step looked at. */
  step: number;
}

export function sourceOf(session: Session): Source {
  const experiment = session.experiment.peek();
  const label = session.problem.peek()?.label ?? experiment.problem;
  const words = [experiment.name, label, `seed ${experiment.seed}`, experiment.id];
  return {
    id: experiment.id,
    file: `${experiment.problem}-${experiment.id}`,
    words: `LRD Lab · ${words.filter(Boolean).join(" · ")}`,
    step: session.shownStep,
  };
}

interface Props {
  /** The chart's name, as in file names. */
  chart: string;
  source: () => Source;
  exported: () => Exported | null;
  class?: string;
}

/** A small arrow in a chart's title line: the chart as a picture, its rows as a table. */
export function ExportMenu({ chart, source, exported, class: extra }: Props) {
  return (
    <Popover
      class={`chart-export ${extra ?? ""}`}
      label={<SaveIcon />}
      sign
      title={`save ${chart.replaceAll("_", " ")}`}
      testId="export"
      side={extra ? "right" : "left"}
    >
      {(close) => <Choices chart={chart} source={source} exported={exported} close={close} />}
    </Popover>
  );
}

const KINDS = [
  { kind: "png", label: "PNG", about: "picture, twice the screen’s size" },
  { kind: "svg", label: "SVG", about: "lines and letters, for papers" },
  { kind: "csv", label: "CSV", about: "every recorded row in view" },
  { kind: "parquet", label: "Parquet", about: "the same, typed and small" },
] as const;
type Kind = (typeof KINDS)[number]["kind"];

function Choices({ chart, source, exported, close }: Props & { close: () => void }) {
  const app = useApp();
  const [busy, setBusy] = useState(false);
  const found = exported();
  if (found === null) return <p class="hint">There is nothing to save yet.</p>;
  const from = source();
  const kinds = KINDS.filter(({ kind }) => found.data !== null || kind === "png" || kind === "svg");
  const named = (of: Exported, ending: string) => {
    const { first, last } = stepsOf(of, source());
    return fileName(from.file, chart, first, last, ending);
  };
  const saved = async (kind: Kind) => {
    setBusy(true);
    try {
      // As it is now: since the menu was opened it may have gone on.
      const now = exported() ?? found;
      save(await fileOf(kind, now), named(now, kind));
      close();
    } finally {
      setBusy(false);
    }
  };
  const fileOf = async (kind: Kind, now: Exported): Promise<Blob> => {
    const { data } = now;
    if (kind === "png") return pngFile(sheetFor(now, source()));
    if (kind === "svg") return svgFile(sheetFor(now, source()));
    if (data === null) throw new Error("this picture has no rows");
    if (data.kind === "stored" && from.id !== null) return app.api.table(from.id, data, kind);
    if (data.kind === "stored") throw new Error("these rows are not stored together");
    if (kind === "csv") return new Blob([csvText(data.table())], { type: "text/csv" });
    return parquetFile(data.table());
  };
  return (
    <div class="export-menu">
      {kinds.map(({ kind, label, about }) => (
        <button
          key={kind}
          type="button"
          data-testid={`export-${kind}`}
          disabled={busy}
          onClick={() => app.attempt(() => saved(kind))}
        >
          <b>{label}</b> <span>{about}</span>
        </button>
      ))}
      {found.moves && found.data && (
        <GifButton
          sheet={(last) => sheetFor(found, from, last)}
          last={found.data.last}
          name={named(found, "gif")}
        />
      )}
    </div>
  );
}

/** From which step to which it is; of a picture without rows the one looked at. */
function stepsOf({ data }: Exported, { step }: Source): { first: number; last: number } {
  return data ?? { first: step, last: step };
}

/** `moving`: the last step of a recording. */
function sheetFor(found: Exported, source: Source, moving = 0): Sheet {
  const { first, last } = stepsOf(found, source);
  const steps = last > first ? `steps ${first}–${last}` : `step ${last}`;
  const family = getComputedStyle(document.body).fontFamily || "sans-serif";
  return sheetOf(found.figure, `${source.words} · ${steps}`, family, moving);
}
