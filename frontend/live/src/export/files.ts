/** Files that a chart becomes. */

import type { DrawnTable } from "../charts/figure.ts";
import { csvField } from "../look/csv.ts";
import type { Sheet } from "./sheet.ts";
import { svgOf } from "./svg_context.ts";

/** Pixels of a picture for one of the screen's. */
const SCALE = 2;

export function canvasOf(sheet: Sheet, scale: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(sheet.width * scale);
  canvas.height = Math.round(sheet.height * scale);
  return canvas;
}

export async function pngFile(sheet: Sheet): Promise<Blob> {
  const canvas = canvasOf(sheet, SCALE);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser gives no 2d canvas");
  context.scale(SCALE, SCALE);
  sheet.paint(context);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("the picture is too large for this browser");
  return blob;
}

export function svgFile(sheet: Sheet): Blob {
  const text = svgOf(sheet.width, sheet.height, sheet.title, (context) => sheet.paint(context));
  return new Blob([text], { type: "image/svg+xml" });
}

/** As the server writes it: NaN and infinities by their names, words in quotes where needed. */
export function csvText(table: DrawnTable): string {
  const names = Object.keys(table);
  const columns = Object.values(table);
  const lines = [names.map(csvField).join()];
  const rows = columns[0]?.length ?? 0;
  for (let i = 0; i < rows; i++) lines.push(columns.map((column) => cell(column[i])).join());
  return `${lines.join("\r\n")}\r\n`;
}

const cell = (value: number | string | undefined): string =>
  typeof value === "string" ? csvField(value) : String(value);

/** `digits-7fe0-loss-steps-1-640.png`: experiment, chart and steps. */
export function fileName(
  experiment: string,
  chart: string,
  first: number,
  last: number,
  ending: string,
): string {
  const plain = (text: string) => text.replace(/[^A-Za-z0-9.]+/g, "-").replace(/^-+|-+$/g, "");
  const steps = last > first ? `steps-${first}-${last}` : `step-${last}`;
  return `${plain(experiment)}-${plain(chart)}-${steps}.${ending}`;
}

/** Gives a file to the browser to keep. */
export function save(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
