import { useMemo } from "preact/hooks";
import type { LineColumn } from "../../charts/run_lines.ts";
import { windowOf } from "../../state/compare/drawn.ts";
import { AXIS_LABELS, HALF, MINUS, type Picture, RAW } from "../../state/compare/picture.ts";
import { useApp } from "../context.ts";
import { chosen } from "../lines.tsx";
import { Curve, Linked } from "./curve.tsx";
import { formatDifference, lookOf } from "./labels.ts";

/** A chart for every column, and under it the differences to the baseline, if there is one. */
export function Curves({ picture }: { picture: Picture }) {
  const { compare } = useApp();
  const linked = useMemo(() => new Linked(), []);
  const columns = compare.columns.value;
  const { axis, baseline } = compare.choice.value;
  // The places that a pointer can tell follow how far the lines go.
  const unit = picture.axis().unit;
  const against = baseline !== null && picture.baseline.length > 0;
  const shared = { picture, linked };
  return (
    <section class={`compare-curves ${against ? "against" : ""}`} aria-label="curves">
      {columns.map((column) => {
        const look = lookOf(column);
        const window = Math.max(1, ...compare.members.value.map((m) => windowOf(column, m)));
        const smooth = column === "loss" && window > 1;
        const main: LineColumn = { name: column, label: smooth ? "mean" : look.title };
        main.band = { column: column + HALF, factor: 1 };
        const singles = compare.lines.value.some((line) => line.seeds === 1);
        const raw: LineColumn = { name: column + RAW, label: "single step", faint: true };
        return (
          <div class="compare-pair" key={column}>
            <Curve
              {...shared}
              name={column}
              remake={`${axis} ${unit} ${window} ${singles}`}
              options={{
                title: look.title,
                columns: smooth && singles ? [main, raw] : [main],
                scale: look.scale,
                format: look.format,
                onScale: chosen,
                note: window > 1 ? `mean of ${window} steps` : undefined,
                unit: AXIS_LABELS[axis],
              }}
            />
            {against && (
              <Curve
                {...shared}
                against
                name={`${column}-difference`}
                remake={`${axis} ${unit} ${baseline}`}
                options={{
                  title: `${look.title}, minus the baseline’s`,
                  columns: [
                    {
                      name: column + MINUS,
                      label: "difference",
                      band: { column: column + MINUS + HALF, factor: 1 },
                    },
                  ],
                  scale: "linear",
                  format: formatDifference(column),
                  empty: "nothing to take away yet",
                }}
              />
            )}
          </div>
        );
      })}
      {columns.length === 0 && (
        <p class="hint compare-nothing">
          {compare.loading ? "Rows are on their way." : "None of these runs has a row yet."}
        </p>
      )}
    </section>
  );
}
