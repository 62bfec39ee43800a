import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  label: ComponentChildren;
  /** The label is a sign without words: the title is its name. */
  sign?: boolean;
  /** What it opens, in words. */
  title: string;
  children: (close: () => void) => ComponentChildren;
  class?: string;
  testId?: string;
  disabled?: boolean;
  side?: "left" | "right";
  /** Whether it is open, where others than the button open it too. */
  open?: Signal<boolean>;
  style?: Record<string, string>;
}

/** A button that opens a panel beside it; Escape or a press elsewhere closes it. */
export function Popover(props: Props) {
  const own = useSignal(false);
  const state = props.open ?? own;
  const open = state.value;
  const setOpen = (next: boolean) => {
    state.value = next;
  };
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };

  const key = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };

  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (root.current && !event.composedPath().includes(root.current)) setOpen(false);
    };
    root.current?.addEventListener("keydown", key);
    addEventListener("pointerdown", outside, true);
    panel.current?.querySelector<HTMLElement>("[data-first], input, button")?.focus();
    const { current } = root;
    return () => {
      current?.removeEventListener("keydown", key);
      removeEventListener("pointerdown", outside, true);
    };
  }, [open]);

  useLayoutEffect(() => {
    // In the top layer nothing clips the panel; it stays inside the window.
    const { current: box } = panel;
    const { current: opener } = button;
    if (!open || !box || !opener) return;
    box.showPopover();
    // A message that appears inside makes it taller.
    const sizes = new ResizeObserver(() => place(box, opener, props.side ?? "left"));
    sizes.observe(box);
    place(box, opener, props.side ?? "left");
    return () => sizes.disconnect();
  }, [open]);

  return (
    <div class="popover" ref={root}>
      <button
        ref={button}
        type="button"
        class={props.class ?? "chip"}
        aria-expanded={open}
        aria-controls={id}
        aria-label={props.sign ? props.title : undefined}
        title={props.title}
        disabled={props.disabled}
        style={props.style}
        data-testid={props.testId}
        onClick={() => setOpen(!open)}
      >
        {props.label}
      </button>
      {open && (
        <div
          class="panel"
          popover="manual"
          id={id}
          ref={panel}
          role="dialog"
          aria-label={props.title}
        >
          {props.children(close)}
        </div>
      )}
    </div>
  );
}

const MARGIN = 8;

/** Below the button, else above it, else as near to that as the window allows. */
function place(panel: HTMLElement, button: HTMLElement, side: "left" | "right"): void {
  const at = button.getBoundingClientRect();
  const { width, height } = panel.getBoundingClientRect();
  const left = side === "left" ? at.left : at.right - width;
  const right = Math.max(MARGIN, innerWidth - width - MARGIN);
  const bottom = Math.max(MARGIN, innerHeight - height - MARGIN);
  panel.style.left = `${Math.min(Math.max(left, MARGIN), right)}px`;
  const above = at.top - 4 - height;
  const below = at.bottom + 4;
  panel.style.top = `${below > bottom && above >= MARGIN ? above : Math.min(below, bottom)}px`;
}
