/** The small table of values beside the pointer. */

import { glyphSvg } from "../look/glyphs.ts";
import type { RunStyle } from "../look/palette.ts";
import type { XAxis } from "./x_axis.ts";

export interface HoverRow {
  style: RunStyle;
  name: string;
  values: string[];
  /** Steps of the rows that `values` are about, where these are more than one. */
  within?: { first: number; last: number } | undefined;
  /** Height of the line under the pointer, to choose rows where there is no room for all. */
  y: number;
}

export interface HoverContent {
  title: string;
  labels: string[];
  rows: HoverRow[];
  marks: string[];
}

const ROW = 16;
const FRAME = 12;
const AWAY = 14;

export class HoverTable {
  readonly element = document.createElement("div");

  constructor(private readonly host: HTMLElement) {
    this.element.className = "chart-hover";
    this.element.hidden = true;
    this.element.setAttribute("role", "status");
    host.append(this.element);
  }

  hide(): void {
    this.element.hidden = true;
  }

  /** Show beside (x, y), in the host's pixels: never over the pointer, never outside the host. */
  show(content: HoverContent, x: number, y: number): void {
    const room = this.host.clientHeight - FRAME - ROW * (1 + content.marks.length);
    const fitting = Math.max(1, Math.floor(room / ROW));
    const rows = nearest(content.rows, y, fitting);
    this.element.replaceChildren(
      ...content.marks.map(markLine),
      table(content, rows, content.rows.length - rows.length),
    );
    this.element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const spot = placeTable(x, y, width, height, this.host.clientWidth, this.host.clientHeight);
    this.element.style.transform = `translate(${spot.x}px, ${spot.y}px)`;
  }
}

/** Where a table of this size goes: right of the pointer, else left, else along the roomier edge. */
export function placeTable(
  x: number,
  y: number,
  width: number,
  height: number,
  hostWidth: number,
  hostHeight: number,
): { x: number; y: number } {
  let left = x + AWAY;
  if (left + width > hostWidth) left = x - AWAY - width;
  if (left < 0) left = x < hostWidth / 2 ? hostWidth - width : 0;
  const top = Math.min(Math.max(0, y - height / 2), Math.max(0, hostHeight - height));
  return { x: Math.round(Math.max(0, left)), y: Math.round(top) };
}

/** The rows nearest to the pointer, in their own order; one less where "+ n more" needs the room. */
export function nearest(rows: readonly HoverRow[], y: number, room: number): HoverRow[] {
  if (rows.length <= room) return [...rows];
  const chosen = new Set(
    [...rows].sort((a, b) => Math.abs(a.y - y) - Math.abs(b.y - y)).slice(0, Math.max(1, room - 1)),
  );
  return rows.filter((row) => chosen.has(row));
}

function markLine(text: string): HTMLElement {
  const line = document.createElement("div");
  line.className = "mark";
  line.textContent = text;
  return line;
}

function table(content: HoverContent, rows: readonly HoverRow[], more: number): HTMLElement {
  const element = document.createElement("table");
  const head = element.insertRow();
  cell(head, "td", content.title, "title").colSpan = 2 + (content.labels.length ? 0 : 1);
  for (const label of content.labels) cell(head, "th", label, "");
  for (const row of rows) {
    const line = element.insertRow();
    cell(line, "td", "", "glyph").append(glyphSvg(row.style, 11));
    cell(line, "td", row.name, "name");
    for (const value of row.values) cell(line, "td", value, "value");
  }
  if (more > 0) {
    const line = element.insertRow();
    cell(line, "td", `+ ${more} more`, "name").colSpan = 2;
  }
  return element;
}

function cell(
  row: HTMLTableRowElement,
  tag: "td" | "th",
  text: string,
  name: string,
): HTMLTableCellElement {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  row.append(element);
  return element;
}

/** Where the values are; where many rows are drawn as one, from which step to which. */
export function titleOf(step: number, rows: readonly HoverRow[], axis: XAxis): string {
  const within = rows.flatMap((row) => row.within ?? []);
  if (within.length === 0) return `${axis.name} ${axis.format(step)}`;
  const first = Math.min(...within.map((one) => one.first));
  const last = Math.max(...within.map((one) => one.last));
  return `${axis.name}s ${axis.format(first)}–${axis.format(last)}, min…max`;
}
