import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Surface3D } from "../charts/surface_3d.ts";
import { SurfaceMap } from "../charts/surface_map.ts";
import type { SurfaceMapOptions } from "../charts/surface_view.ts";
import { formatValue } from "../look/format.ts";
import { startAgain, whyLost } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { startAt, startOf, turned } from "../state/shape.ts";
import { ChartPanel } from "./chart_panel.tsx";
import { useApp } from "./context.ts";
import { useArrows } from "./use_arrows.ts";
import { useVisible } from "./visible.ts";

/** Whether maps are seen from the side; one choice for all experiments of a visit. */
const solid = signal(false);

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
  const place = useRef<HTMLDivElement>(null);
  const visible = useVisible(place, drawn === null);
  useArrows(session, visible && preview === null);
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
    <div class="map map-frame" ref={place}>
      {solid.value ? (
        <ChartPanel
          key="relief"
          session={session}
          name="map"
          class="map-picture"
          testId="surface-3d"
          make={(host) => new Surface3D(host, options)}
          before={(relief) => {
            relief.show(options);
            relief.showUpdates(session.pictures.arrows.peek());
          }}
        />
      ) : (
        <ChartPanel
          key="map"
          session={session}
          name="map"
          class="map-picture"
          testId="surface-map"
          make={make}
          before={(map) => {
            map.show(options);
            map.showUpdates(session.pictures.arrows.peek());
          }}
        />
      )}
      <Dimensions />
      {picked && !solid.value && (
        <StartHere picked={picked} start={startHere} close={() => setPicked(null)} />
      )}
    </div>
  );
}

/** The map from above, or as a relief. */
function Dimensions() {
  return (
    <fieldset class="dimensions" aria-label="the surface is seen">
      {[false, true].map((deep) => (
        <button
          key={String(deep)}
          type="button"
          aria-pressed={solid.value === deep}
          title={deep ? "as a relief: drag or arrow keys turn it" : "from above"}
          data-testid={deep ? "view-3d" : "view-2d"}
          onClick={() => {
            solid.value = deep;
          }}
        >
          {deep ? "3-D" : "2-D"}
        </button>
      ))}
    </fieldset>
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
  const button = useRef<HTMLButtonElement>(null);
  // Once: whatever else is drawn anew must not take the focus from where a person is.
  useEffect(() => button.current?.focus({ preventScroll: true }), []);
  return (
    <div class="start-here" style={{ left: `${picked.x}px`, top: `${picked.y}px` }}>
      <button
        type="button"
        class="button"
        data-testid="start-here"
        title={`A new experiment starts at (${formatValue(start_x)}, ${formatValue(start_y)}) on the surface; this one stays in the list. Shift and a click do it at once.`}
        ref={button}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          close();
        }}
        onClick={() => start(picked.start)}
      >
        Start here
      </button>
    </div>
  );
}
