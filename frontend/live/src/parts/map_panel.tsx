import { useEffect, useState } from "preact/hooks";
import { SurfaceMap } from "../charts/surface_map.ts";
import type { Grid } from "../protocol.ts";
import type { Session } from "../state/session.ts";
import { ChartPanel } from "./chart_panel.tsx";
import { useApp } from "./context.ts";

const RETRY_MS = 2000;

/** The surface with every run's path; until its grid is there, an empty frame of the same size. */
export function MapPanel({ session }: { session: Session }) {
  const app = useApp();
  const [grid, setGrid] = useState<{ problem: string; grid: Grid } | null>(null);
  const problem = session.problem.value;
  const surface = problem?.surface;
  const name = session.experiment.value.problem;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let current = true;
    const load = () => {
      app.api.grid(name).then(
        (values) => current && setGrid({ problem: name, grid: values }),
        () => {
          if (current) timer = setTimeout(load, RETRY_MS);
        },
      );
    };
    load();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [name]);
  if (!surface || grid?.problem !== name) return <div class="map skeleton" aria-hidden="true" />;
  const { settings } = session.experiment.value;
  const start = { x: Number(settings.start_x), y: Number(settings.start_y) };
  return (
    <ChartPanel
      session={session}
      name="map"
      class="map"
      testId="surface-map"
      remake={`${name} ${start.x} ${start.y}`}
      make={(host) => new SurfaceMap(host, { surface, grid: grid.grid, start })}
    />
  );
}
