/** A chart's title line: title, small words, log · linear, reset zoom. Its height never changes. */

import type { Scale } from "./axis.ts";

interface HeaderOptions {
  title: string;
  note: string;
  onScale: ((scale: Scale) => void) | undefined;
  onReset: () => void;
}

export class ChartHeader {
  readonly aside = document.createElement("div");
  private readonly reset = button("reset zoom");
  private readonly note = document.createElement("span");
  private readonly choices: Partial<Record<Scale, HTMLButtonElement>> = {};

  constructor(host: HTMLElement, options: HeaderOptions) {
    const header = document.createElement("header");
    header.className = "chart-header";
    const title = document.createElement("span");
    title.className = "chart-title";
    title.textContent = options.title;
    this.aside.className = "chart-aside";
    this.reset.className = "chart-reset";
    this.reset.addEventListener("click", options.onReset);
    this.aside.append(this.reset);
    this.note.className = "chart-note";
    this.note.textContent = options.note;
    this.note.title = options.note;
    if (options.note) this.aside.append(this.note);
    if (options.onScale) this.aside.append(this.scaleChoice(options.onScale));
    header.append(title, this.aside);
    host.append(header);
  }

  show(scale: Scale, zoomed: boolean): void {
    this.reset.hidden = !zoomed;
    // One line holds either: the way back matters more.
    this.note.hidden = zoomed;
    for (const [name, choice] of Object.entries(this.choices)) {
      choice.setAttribute("aria-pressed", String(name === scale));
    }
  }

  private scaleChoice(onScale: (scale: Scale) => void): HTMLElement {
    const group = document.createElement("span");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "scale");
    (["log", "linear"] as const).forEach((scale, i) => {
      const choice = button(scale);
      choice.addEventListener("click", () => onScale(scale));
      this.choices[scale] = choice;
      if (i > 0) group.append(" · ");
      group.append(choice);
    });
    return group;
  }
}

function button(text: string): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  return element;
}
