import { useMemo, useState } from "preact/hooks";
import type { Projection } from "../charts/projected.ts";
import { RANDOM } from "../charts/projected.ts";
import { type Contours, type Look, Trajectories } from "../charts/trajectories.ts";
import { formatPercent, formatStep } from "../look/format.ts";
import { control, whyDisabled } from "../state/actions.ts";
import type { ContourView, PlaneView } from "../state/pictures.ts";
import type { Session } from "../state/session.ts";
import { ChartPanel } from "./chart_panel.tsx";
import { useApp } from "./context.ts";
import { Picker } from "./picker.tsx";

/** Which plane the paths are seen in; `around` is one of its own, through the chosen run. */
type Seen = "principal" | "random" | "around";

/** Paths of all runs in one plane, over the contours of the loss where those were asked for. */
export function TrajectoriesChart({ session, class: extra }: { session: Session; class?: string }) {
  const app = useApp();
  const [seen, setSeen] = useState<Seen>("principal");
  const plane = session.pictures.plane.value;
  const contour = session.pictures.contour.value;
  const runs = session.runs.value;
  const centre = runs.find((run) => run.id === session.selected.value) ?? runs[0];
  const look = useLook(seen, plane, contour, centre?.id);
  const options = [
    { value: "principal", label: "principal plane: explains most variance" },
    { value: "random", label: "random plane: two fixed directions" },
    { value: "around", label: `loss around ${centre ? session.nameOf(centre) : "a run"}` },
  ];
  const ask = (plane: Seen) => {
    const change =
      plane === "around"
        ? ({ kind: "contour", setting: "filter", run: centre?.id ?? null } as const)
        : ({ kind: "contour", setting: "plane" } as const);
    app.attempt(async () => {
      session.pictures.awaitContour();
      await control(app, session, change).catch((error: unknown) => {
        session.pictures.progress.value = null;
        throw error;
      });
    });
  };
  return (
    <ChartPanel
      session={session}
      name="trajectories"
      class={extra}
      title={seen === "around" ? "Loss around a run" : "Trajectories"}
      aside={
        <Picker
          label="plane"
          value={seen}
          options={options}
          onPick={(value) => {
            setSeen(value as Seen);
            // There is nothing else to see there.
            if (value === "around" && whyDisabled(session) === "") ask("around");
          }}
          short={headerWords(seen, plane, centre ? session.nameOf(centre) : "")}
        />
      }
      foot={
        <Foot
          session={session}
          seen={seen}
          shown={look.contours === null ? null : contour}
          ask={() => ask(seen)}
        />
      }
      make={(host) => new Trajectories(host)}
      before={(picture) => picture.setLook(look)}
    />
  );
}

/** The same object until something of it changes, so that a chart sees what is new. */
function useLook(
  seen: Seen,
  plane: PlaneView | null,
  contour: ContourView | null,
  centre: string | undefined,
): Look {
  const principal = useMemo(() => (plane ? projectionOf(plane) : RANDOM), [plane]);
  const contours = useMemo((): Contours | null => {
    if (contour === null) return null;
    const { x, y, z } = contour;
    const { map } = contour;
    return { grid: { x, y, z }, plane: map && { random: 0, map, offset: [0, 0] } };
  }, [contour]);
  return useMemo(() => {
    if (seen === "around") {
      const own = contour?.directions === "filter" && contour.run === centre;
      const words = "left out: the loss around one of them, along two random directions";
      return { plane: principal, contours: own ? contours : null, around: centre ?? null, words };
    }
    if (seen === "random" || plane === null) {
      const words = "projected on two fixed random directions";
      return { plane: RANDOM, contours: null, around: null, words };
    }
    const words = `in the plane that holds ${variance(plane)} of their variance`;
    const here = contours?.plane ? contours : null;
    return { plane: principal, contours: here, around: null, words };
  }, [seen, plane, principal, contour, contours, centre]);
}

function projectionOf({ map, offset }: PlaneView): Projection {
  return { random: 0, map, offset };
}

const variance = (plane: PlaneView): string =>
  formatPercent(plane.explained[0] + plane.explained[1]);

function headerWords(seen: Seen, plane: PlaneView | null, centre: string): string {
  if (seen === "around") return `${centre}, random directions`;
  if (seen === "random" || plane === null) return "2 fixed random directions";
  return `2 components, ${variance(plane)} of the variance`;
}

interface FootProps {
  session: Session;
  seen: Seen;
  /** The contours that are drawn. */
  shown: ContourView | null;
  ask: () => void;
}

/** What the contours are of, how far new ones are, and the button that asks for them. */
function Foot({ session, seen, shown, ask }: FootProps) {
  const progress = session.pictures.progress.value;
  const failed = session.pictures.failures.value.contour;
  const noPlane = seen !== "around" && session.pictures.plane.value === null;
  const why =
    seen === "random"
      ? "Contours are computed for the principal plane."
      : whyDisabled(session) || (noPlane ? "The plane comes after the first steps." : "");
  const words =
    progress !== null && why === ""
      ? `computing the loss: ${Math.round(progress * 100)} %`
      : failed
        ? `The loss could not be computed: ${failed.error}`
        : shown
          ? `loss at step ${formatStep(shown.step)}`
          : "";
  return (
    <>
      <span data-testid="contour-words" role="status">
        {words}
      </span>
      <button
        type="button"
        class="link"
        data-testid="loss-contour"
        disabled={why !== ""}
        title={why || "compute the loss over this plane, in the background"}
        onClick={ask}
      >
        {shown ? "compute anew" : "loss contour"}
      </button>
    </>
  );
}
