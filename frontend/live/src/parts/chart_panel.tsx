import type { ComponentChildren } from "preact";
import { createPortal } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Chart } from "../charts/types.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";

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
  const { session, make, remake } = props;
  useEffect(() => {
    if (!host.current) return;
    const chart = make(host.current);
    if (chart.aside) {
      const place = document.createElement("span");
      place.className = "chart-slot";
      chart.aside.append(place);
      setSlot(place);
    }
    const remove = app.loop.add(() => {
      before.current?.(chart);
      chart.update(app.scene(session));
    });
    return () => {
      remove();
      chart.destroy();
      setSlot(null);
    };
  }, [session, remake, app.lecture.value]);
  useEffect(() => app.loop.ask());
  return (
    <div class={`chart-panel ${props.class ?? ""}`} data-testid="chart" data-chart={props.name}>
      {props.title && (
        <header class="chart-header">
          <span class="chart-title">{props.title}</span>
          <span class="chart-aside">{props.aside}</span>
        </header>
      )}
      <div class="canvas" ref={host} data-testid={props.testId} />
      {props.foot && <div class="chart-foot">{props.foot}</div>}
      {slot && props.aside && createPortal(props.aside, slot)}
    </div>
  );
}
