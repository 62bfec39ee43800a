import { useEffect, useMemo } from "preact/hooks";
import { Picture } from "../../state/compare/picture.ts";
import { useApp } from "../context.ts";
import { Chosen } from "./chosen.tsx";
import { Curves } from "./curves.tsx";
import { Figures } from "./figures.tsx";
import { Finder } from "./finder.tsx";
import { Notes } from "./notes.tsx";
import { CompareStrip } from "./strip.tsx";

/** Any runs of any experiments side by side. */
export function Compare() {
  const app = useApp();
  const { compare } = app;
  const picture = useMemo(() => new Picture(compare, app.catalogue), [compare]);
  // Whatever is drawn is made of these.
  void [compare.version.value, compare.lines.value, compare.choice.value];
  void [app.catalogue.value, app.theme.value, app.lifted.value];
  useEffect(() => app.loop.ask());
  const { runs, add } = compare.choice.value;
  if (runs.length === 0 && add.length === 0) {
    return (
      <div class="compare empty" data-testid="compare-empty">
        <h1>Compare</h1>
        <p class="hint">
          Choose runs of any experiments. Each keeps its colour here, and the address holds the
          choice: whoever opens it sees the same.
        </p>
        <Finder />
      </div>
    );
  }
  return (
    <div class="compare" data-testid="compare">
      <CompareStrip />
      <div class="compare-body">
        <Chosen picture={picture} />
        <div class="compare-pictures">
          <Curves picture={picture} />
          <Notes picture={picture} />
          <Figures picture={picture} />
        </div>
      </div>
    </div>
  );
}
