import { css, heatRgb } from "../../look/heat.ts";
import type { Sweep } from "../../protocol.ts";
import { type Cells, dropAndLr, type HeatScale } from "../../state/sweeps/cells.ts";
import type { Measure } from "../../state/sweeps/measures.ts";
import { useApp } from "../context.ts";

const STOPS = 12;

interface Props {
  sweep: Sweep;
  measure: Measure;
  scale: HeatScale | null;
  cells: Cells;
  even: boolean;
  tied: boolean;
}

/** Which colour stands for which value, and the marks that are on the map. */
export function Legend({ sweep, measure, scale, cells, even, tied }: Props) {
  const theme = useApp().theme.value;
  const colours = Array.from({ length: STOPS }, (_, i) => css(heatRgb(theme, i / (STOPS - 1))));
  const diverged = [...cells.values()].some((cell) => cell.state === "diverged");
  return (
    <div class="heat-legend" data-testid="heat-legend">
      <span class="key" title={measure.help}>
        {measure.label}
        {scale?.log ? ", log" : ""}
      </span>
      {scale && (
        <span class="heat-ramp">
          <span>{measure.format(scale.at(0))}</span>
          <span
            class="heat-bar"
            style={{ background: `linear-gradient(to right, ${colours.join(", ")})` }}
          />
          <span>{measure.format(scale.at(1))}</span>
          <span class="key">best</span>
        </span>
      )}
      {tied && (
        <span class="heat-mark" title="Welch’s t, 95 %">
          <b>≈</b> within the seeds’ scatter of the best
        </span>
      )}
      {diverged && (
        <span class="heat-mark">
          <span class="heat-swatch diverged" /> diverged
        </span>
      )}
      {even && dropAndLr(sweep) && (
        <span
          class="heat-mark"
          title="a plain run at this learning rate makes the same mean step: where the map does not change along it, LRD is a smaller learning rate"
        >
          <span class="heat-swatch line" /> equal lr × keep
        </span>
      )}
    </div>
  );
}
