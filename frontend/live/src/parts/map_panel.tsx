import { useEffect, useMemo, useState } from "preact/hooks";
import { SurfaceMap, type SurfaceMapOptions } from "../charts/surface_map.ts";
import { formatValue } from "../look/format.ts";
import { startAgain, whyLost } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { startAt, startOf, turned } from "../state/shape.ts";
import { ChartPanel } from "./chart_panel.tsx";
import { useApp } from "./context.ts";

/** A place that was clicked: in the picture's pixels, and as settings of the start. */
interface Picked {
  x: number;
  y: number;
  start: { start_x: number; start_y: number };
}

/** The surface with every run's path; until its grid is there, an empty frame of the same size. */
export function MapPanel({ session }: { session: Session }) {
  const app = useApp();
  const preview = session.preview.value;
  const drawn = preview ?? session.drawn.value;
  const { settings } = session.experiment.value;
  const [picked, setPicked] = useState<Picked | null>(null);
  const options = useMemo((): SurfaceMapOptions | null => {
    if (drawn === null) return null;
    const start = turned(drawn.surface, startOf(session.experiment.peek()));
    return { ...drawn, start, bare: preview !== null };
  }, [drawn, preview, settings.start_x, settings.start_y]);
  useEffect(() => setPicked(null), [drawn]);
  if (options === null || drawn === null) {
    return <div class="map skeleton" aria-hidden="true" />;
  }
  const startHere = (start: Picked["start"]) => {
    setPicked(null);
    app.attempt(() => startAgain(app, session, { settings: start }));
  };
  const make = (host: HTMLElement) => {
    const map = new SurfaceMap(host, options);
    map.onPick = (x, y, shift) => {
      const now = session.drawn.peek();
      if (now === null || session.preview.peek() !== null || whyLost(session)) return;
      const start = startAt(now.surface, map.placeAt(x, y));
      if (shift) startHere(start);
      else setPicked((before) => (before === null ? { x, y, start } : null));
    };
    return map;
  };
  return (
    <div class="map map-frame">
      <ChartPanel
        session={session}
        name="map"
        class="map-picture"
        testId="surface-map"
        make={make}
        before={(map) => map.show(options)}
      />
      {picked && <StartHere picked={picked} start={startHere} close={() => setPicked(null)} />}
    </div>
  );
}

interface Props {
  picked: Picked;
  start: (start: Picked["start"]) => void;
  close: () => void;
}

/** The clicked place as a ring, with a button that starts all runs there. */
function StartHere({ picked, start, close }: Props) {
  const { start_x, start_y } = picked.start;
  return (
    <div class="start-here" style={{ left: `${picked.x}px`, top: `${picked.y}px` }}>
      <button
        type="button"
        class="button"
        data-testid="start-here"
        title="A new experiment starts there; this one stays in the list. Shift and a click do it at once."
        ref={(element) => element?.focus({ preventScroll: true })}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          close();
        }}
        onClick={() => start(picked.start)}
      >
        Start at ({formatValue(start_x)}, {formatValue(start_y)})
      </button>
    </div>
  );
}
