import { type Signal, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { BASIN_TINTS, basinPixels, tintsOf } from "../charts/basins.ts";
import { formatPercent, formatStep } from "../look/format.ts";
import { rgb } from "../look/palette.ts";
import type { Run, SurfaceInfo } from "../protocol.ts";
import { rate, shortName } from "../state/names.ts";
import type { Session } from "../state/session.ts";
import {
  type Minimum,
  minimaOf,
  NO_MINIMUM,
  type Swarm,
  type SwarmPicture,
} from "../state/swarm.ts";
import { basinExport } from "./basins_export.ts";
import { useApp } from "./context.ts";
import { ExportMenu, sourceOf } from "./export_menu.tsx";
import { RunGlyph } from "./glyph.tsx";

/** A place on all pictures at once: shares of their width and height, from the top left. */
export type Place = { u: number; v: number } | null;

/** Below this side there is room for a short name and the share alone. */
const SMALL = 250;

interface Props {
  session: Session;
  run: Run;
  side: number;
  /** The start that is pointed at, the same in all pictures. */
  place: Signal<Place>;
}

/** One run's basins under its name; before the first answer an empty frame of the same size. */
export function BasinPicture({ session, run, side, place }: Props) {
  const app = useApp();
  const shown = app.basins.shown.value;
  const picture = app.basins.pictureOf(run.id);
  const asked = shown?.wish.runs.find((one) => one.id === run.id) ?? run;
  const small = side < SMALL;
  const name = small
    ? shortName(asked, session.runs.value, session.menus)
    : titleOf(session, asked);
  const surface = session.problem.value?.surface;
  const lifted = app.lifted.value ?? session.selected.value;
  return (
    <figure
      class={`basin ${small ? "small" : ""} ${lifted === run.id ? "lifted" : ""}`}
      data-testid="basin"
      data-run={run.id}
      onMouseEnter={() => {
        app.lifted.value = run.id;
      }}
      onMouseLeave={() => {
        app.lifted.value = null;
      }}
    >
      <figcaption>
        <RunGlyph slot={run.slot} />
        <span class="name" title={titleOf(session, asked)}>
          {name}
        </span>
        {picture && shown && (
          <ExportMenu
            chart={`basins-${run.id}`}
            source={() => sourceOf(session)}
            exported={() =>
              basinExport({
                picture,
                swarm: shown.swarm,
                run: {
                  id: run.id,
                  slot: run.slot,
                  name: titleOf(session, asked),
                  divergedStep: null,
                },
                theme: app.theme.peek(),
                words: summaryOf(picture),
              })
            }
          />
        )}
        <span class="basin-numbers" data-testid="basin-numbers">
          {picture && shown && (
            <Numbers picture={picture} swarm={shown.swarm} small={small} place={place} />
          )}
        </span>
      </figcaption>
      <div
        class="basin-frame"
        role="img"
        aria-label={`Basins of ${titleOf(session, asked)}: ${picture ? summaryOf(picture) : "not computed yet"}`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          place.value = {
            u: (event.clientX - box.left) / box.width,
            v: (event.clientY - box.top) / box.height,
          };
        }}
        onPointerLeave={() => {
          place.value = null;
        }}
      >
        {picture && shown && <Canvas picture={picture} swarm={shown.swarm} />}
        {surface && <Rings surface={surface} place={place} />}
        {!picture && shown && app.basins.waited.value !== null && (
          <span class="basin-wait">preparing</span>
        )}
      </div>
    </figure>
  );
}

/** "Adam + LRD 0.5". */
export function titleOf(session: Session, run: Run): string {
  const name = session.nameOf(run);
  return run.label || run.drop_rate === 0 ? name : `${name} ${rate(run.drop_rate)}`;
}

/** "97.8 % · 118 steps". */
export function summaryOf({ reached, median }: SwarmPicture): string {
  const share = formatPercent(reached);
  return median === null ? share : `${share} · ${formatStep(median)} steps`;
}

/** "(−2.81, 3.13)". */
export function pointText({ x, y }: Minimum): string {
  return `(${x.toFixed(2)}, ${y.toFixed(2)})`.replaceAll("-", "−");
}

interface NumbersProps {
  picture: SwarmPicture;
  swarm: Swarm;
  small: boolean;
  place: Signal<Place>;
}

/** The picture's numbers, or what became of the start that is pointed at. */
function Numbers({ picture, swarm, small, place }: NumbersProps) {
  const at = place.value;
  if (at === null) return <>{small ? formatPercent(picture.reached) : summaryOf(picture)}</>;
  const cell = (share: number) => Math.min(swarm.n - 1, Math.max(0, Math.floor(share * swarm.n)));
  const start = cell(1 - at.v) * swarm.n + cell(at.u);
  const which = picture.which[start] ?? NO_MINIMUM;
  if (which === NO_MINIMUM) return <>{small ? "none" : "none reached"}</>;
  const steps = `${formatStep(picture.reachedAt[start] as number)} steps`;
  return <>{small ? steps : `${pointText(swarm.minima[which] as Minimum)} · ${steps}`}</>;
}

function Canvas({ picture, swarm }: { picture: SwarmPicture; swarm: Swarm }) {
  const theme = useApp().theme.value;
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const { current } = canvas;
    const context = current?.getContext("2d");
    if (!current || !context) return;
    const { n, steps, minima } = swarm;
    const tints = tintsOf(minima).map((tint) => rgb(BASIN_TINTS[theme][tint] as string));
    if (current.width !== n) [current.width, current.height] = [n, n];
    context.putImageData(new ImageData(basinPixels(picture, n, steps, tints), n, n), 0, 0);
  }, [picture, theme]);
  return <canvas ref={canvas} />;
}

/** Minima as rings, the global ones larger; the start that is pointed at as a dot. */
function Rings({ surface, place }: { surface: SurfaceInfo; place: Signal<Place> }) {
  const share = (value: number, [low, high]: [number, number]) => (value - low) / (high - low);
  const at = place.value;
  return (
    <svg class="basin-rings" aria-hidden="true">
      {minimaOf(surface).map((point) => (
        <circle
          key={`${point.x} ${point.y}`}
          cx={`${100 * share(point.x, surface.x)}%`}
          cy={`${100 * (1 - share(point.y, surface.y))}%`}
          r={point.kind === "minimum" ? 4 : 2.5}
        />
      ))}
      {at && <circle class="basin-start" cx={`${100 * at.u}%`} cy={`${100 * at.v}%`} r="2.5" />}
    </svg>
  );
}

/** No start is pointed at, until one is. */
export function usePlace(): Signal<Place> {
  return useSignal<Place>(null);
}
