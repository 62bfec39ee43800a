import type { ComponentChildren } from "preact";
import { createPortal } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Exported } from "../charts/figure.ts";
import { screenExport } from "../charts/screen_figure.ts";
import type { Chart, Scene } from "../charts/types.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { ExportMenu, sourceOf } from "./export_menu.tsx";

/** A line chart has a place for small controls at the right of its title. */
type Framed = Chart & { aside?: HTMLElement };

interface Props<T extends Framed> {
  session: Session;
  /** What the chart is called in tests. */
  name: string;
  make: (host: HTMLElement) => T;
  /** A change of this key makes the chart anew. */
  remake?: string;
  /** Title of a picture that has no title line of its own. */
  title?: ComponentChildren;
  /** Small words or controls at the right of the title. */
  aside?: ComponentChildren;
  /** Small words or controls below the picture. */
  foot?: ComponentChildren;
  class?: string;
  testId?: string;
  /** Called before every drawing, for charts that are told more than a scene. */
  before?: (chart: T) => void;
}

/** A place on the page where a chart draws itself, at most once an animation frame. */
export function ChartPanel<T extends Framed>(props: Props<T>) {
  const app = useApp();
  const host = useRef<HTMLDivElement>(null);
  const before = useRef(props.before);
  before.current = props.before;
  const [slot, setSlot] = useState<HTMLElement | null>(null);
  const [corner, setCorner] = useState<HTMLElement | null>(null);
  const made = useRef<T | null>(null);
  const { session, make, remake } = props;
  useEffect(() => {
    if (!host.current) return;
    const chart = make(host.current);
    made.current = chart;
    if (chart.aside) {
      const place = document.createElement("span");
      place.className = "chart-slot";
      chart.aside.append(place);
      setSlot(place);
      const beside = document.createElement("span");
      chart.aside.before(beside);
      setCorner(beside);
    }
    const remove = app.loop.add(() => {
      before.current?.(chart);
      const scene = app.scene(session);
      chart.update(scene);
      app.painted.set(props.name, scene.head);
    });
    return () => {
      remove();
      chart.destroy();
      made.current = null;
      setSlot(null);
      setCorner(null);
    };
  }, [session, remake, app.lecture.value]);
  useEffect(() => app.loop.ask());
  const menu = (place: string) => (
    <ExportMenu
      chart={props.name}
      class={place}
      source={() => sourceOf(session)}
      exported={() => exportedOf(made.current, host.current, app.scene(session), props)}
    />
  );
  return (
    <div class={`chart-panel ${props.class ?? ""}`} data-testid="chart" data-chart={props.name}>
      {props.title && (
        <header class="chart-header">
          <span class="chart-title">{props.title}</span>
          {menu("")}
          <span class="chart-aside">{props.aside}</span>
        </header>
      )}
      <div class="canvas" ref={host} data-testid={props.testId} />
      {props.foot && <div class="chart-foot">{props.foot}</div>}
      {slot && props.aside && createPortal(props.aside, slot)}
      {corner && createPortal(menu(""), corner)}
      {!corner && !props.title && menu("over")}
    </div>
  );
}

/** As the chart draws itself for paper, or else as it is on the screen. */
function exportedOf(
  chart: Framed | null,
  host: HTMLElement | null,
  scene: Scene,
  { title, name }: { title?: ComponentChildren; name: string },
): Exported | null {
  if (chart === null || host === null) return null;
  const words = typeof title === "string" ? title : name;
  return chart.exported ? chart.exported() : screenExport(host, scene, words);
}
