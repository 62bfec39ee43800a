import type { ComponentChildren } from "preact";
import type { Look } from "../state/looks.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { LayersPanel } from "./layers_panel.tsx";
import { MaskPanel } from "./mask_panel.tsx";
import { SamplesPanel } from "./samples_panel.tsx";

const LOOKS: Record<Look, string> = { mask: "Mask", layers: "Layers", samples: "Samples" };

/** One run from close by: its masks, its tensors, or what it says of held-out samples. */
export function LookPanel({ session, class: extra }: { session: Session; class?: string }) {
  const app = useApp();
  const parts = { session, class: extra ?? "", tabs: <LookTabs /> };
  if (app.look.value === "layers") return <LayersPanel {...parts} />;
  if (app.look.value === "samples") return <SamplesPanel {...parts} />;
  return <MaskPanel {...parts} />;
}

function LookTabs() {
  const app = useApp();
  return (
    <fieldset class="look-tabs" aria-label="look at">
      {Object.entries(LOOKS).map(([look, label]) => (
        <button
          key={look}
          type="button"
          aria-pressed={app.look.value === look}
          data-testid={`look-${look}`}
          onClick={() => {
            app.look.value = look as Look;
          }}
        >
          {label}
        </button>
      ))}
    </fieldset>
  );
}

interface FrameProps {
  name: Look;
  class: string;
  tabs: ComponentChildren;
  aside: ComponentChildren;
  foot: ComponentChildren;
  children: ComponentChildren;
}

/** The frame of a picture that is no chart: the same title line and foot. */
export function LookFrame({ name, class: extra, tabs, aside, foot, children }: FrameProps) {
  return (
    <div class={`chart-panel ${extra}`} data-testid="chart" data-chart={name}>
      <header class="chart-header">
        <span class="chart-title">{tabs}</span>
        <span class="chart-aside">{aside}</span>
      </header>
      {children}
      <div class="chart-foot">{foot}</div>
    </div>
  );
}

/** Makes the sixth picture as wide as the page for a while. */
export function Widen() {
  const app = useApp();
  const wide = app.wide.value;
  return (
    <button
      type="button"
      class="widen"
      aria-pressed={wide}
      aria-label="wide"
      title={wide ? "back to its place" : "over the whole row"}
      data-testid="widen"
      onClick={() => {
        app.wide.value = !wide;
      }}
    >
      <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
        {wide ? (
          <path d="M5 3.5v7M9 3.5v7M1 7h4M13 7H9" />
        ) : (
          <path d="M1.5 3.5v7M12.5 3.5v7M4 7h6M4 7l2-2M4 7l2 2M10 7L8 5M10 7L8 9" />
        )}
      </svg>
    </button>
  );
}
