import type { ComponentChildren } from "preact";

/** The transport's signs; each stands beside or behind words for those who cannot see it. */
const PATHS = {
  play: "M5 3.2v9.6l8-4.8z",
  pause: "M4.2 3h2.6v10H4.2zM9.2 3h2.6v10H9.2z",
  step: "M3 3.2v9.6l7-4.8zM11 3h2v10h-2z",
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A small mark that something opens. */
export function Caret() {
  return (
    <svg
      class="caret"
      width="8"
      height="6"
      viewBox="0 0 8 6"
      fill="currentColor"
      aria-hidden="true"
    >
      <path d="M0 .5h8L4 5.5z" />
    </svg>
  );
}

interface OutlineProps {
  size: number;
  /** Of the line, in sixteenths of the size. */
  width: number;
  children: ComponentChildren;
}

/** A sign that is drawn by lines. */
function Outline({ size, width, children }: OutlineProps) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width={width}
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

/** Down onto a line: to a file. */
export function SaveIcon() {
  return (
    <Outline size={14} width={1.7}>
      <path d="M8 2v8M4.6 6.8 8 10.2l3.4-3.4M2.5 13.6h11" />
    </Outline>
  );
}

/** An arrow out of a box: to someone else. */
export function ShareIcon() {
  return (
    <Outline size={16} width={1.7}>
      <path d="M8 10V2M4.8 5 8 1.8 11.2 5M4.5 7.5h-1.7v6.2h10.4V7.5h-1.7" />
    </Outline>
  );
}

/** A turn to the left: back to the first step. */
export function ResetIcon() {
  return (
    <Outline size={16} width={1.9}>
      <path d="M4.2 5.2A5 5 0 1 1 3 8.6" />
      <path d="M8 1.6 4.2 4.4 8 7.2z" fill="currentColor" stroke="none" />
    </Outline>
  );
}
