/** A drawing context that writes SVG: what paints on a canvas paints real vectors on it. */

type Matrix = [number, number, number, number, number, number];

const SPACE = "http://www.w3.org/2000/svg";
const num = (v: number): string => String(Number(v.toFixed(2)) + 0);
const escaped = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c,
  );

/** A path whose parts are kept, in its own units. */
class RecordedPath {
  readonly parts: [string, ...number[]][] = [];

  constructor(from?: RecordedPath) {
    if (from instanceof RecordedPath) this.parts.push(...from.parts);
  }
  moveTo(x: number, y: number): void {
    this.parts.push(["M", x, y]);
  }
  lineTo(x: number, y: number): void {
    this.parts.push([this.parts.length === 0 ? "M" : "L", x, y]);
  }
  bezierCurveTo(a: number, b: number, c: number, d: number, x: number, y: number): void {
    this.parts.push(["C", a, b, c, d, x, y]);
  }
  quadraticCurveTo(a: number, b: number, x: number, y: number): void {
    this.parts.push(["Q", a, b, x, y]);
  }
  rect(x: number, y: number, w: number, h: number): void {
    this.parts.push(["M", x, y], ["L", x + w, y], ["L", x + w, y + h], ["L", x, y + h], ["Z"]);
  }
  closePath(): void {
    this.parts.push(["Z"]);
  }
  /** As cubic curves of at most a quarter turn, so that any transformation may follow. */
  arc(x: number, y: number, r: number, from: number, to: number): void {
    const turn = Math.min(TURN, to - from);
    const count = Math.max(1, Math.ceil(Math.abs(turn) / (Math.PI / 2)));
    const each = turn / count;
    const k = (4 / 3) * Math.tan(each / 4) * r;
    for (let i = 0; i < count; i++) {
      const [a, b] = [from + i * each, from + (i + 1) * each];
      const [x0, y0] = [x + r * Math.cos(a), y + r * Math.sin(a)];
      const [x1, y1] = [x + r * Math.cos(b), y + r * Math.sin(b)];
      if (i === 0) this.lineOrMove(x0, y0);
      this.bezierCurveTo(
        x0 - k * Math.sin(a),
        y0 + k * Math.cos(a),
        x1 + k * Math.sin(b),
        y1 - k * Math.cos(b),
        x1,
        y1,
      );
    }
  }
  private lineOrMove(x: number, y: number): void {
    const last = this.parts.at(-1);
    const [lx, ly] = last ? (last.slice(-2) as [number, number]) : [Number.NaN, Number.NaN];
    if (last?.[0] !== "Z" && Math.hypot(lx - x, ly - y) < 1e-9) return;
    this.parts.push([last === undefined || last[0] === "Z" ? "M" : "L", x, y]);
  }
  addPath(other: RecordedPath): void {
    this.parts.push(...other.parts);
  }
  /** Path data after a transformation. */
  data(m: Matrix): string {
    let text = "";
    for (const [command, ...given] of this.parts) {
      text += command;
      for (let i = 0; i < given.length; i += 2) {
        const [x, y] = placed(m, given[i] as number, given[i + 1] as number);
        text += `${i > 0 ? " " : ""}${num(x)} ${num(y)}`;
      }
    }
    return text;
  }
}

const TURN = 2 * Math.PI;

function placed([a, b, c, d, e, f]: Matrix, x: number, y: number): [number, number] {
  return [a * x + c * y + e, b * x + d * y + f];
}

function product([a, b, c, d, e, f]: Matrix, [p, q, r, s, t, u]: Matrix): Matrix {
  return [
    a * p + c * q,
    b * p + d * q,
    a * r + c * s,
    b * r + d * s,
    a * t + c * u + e,
    b * t + d * u + f,
  ];
}

/** All that `save` keeps, under the names that a canvas has for them. */
const FRESH = {
  fillStyle: "#000" as string,
  strokeStyle: "#000" as string,
  lineWidth: 1,
  lineCap: "butt",
  lineJoin: "miter",
  lineDashOffset: 0,
  globalAlpha: 1,
  font: "10px sans-serif",
  textAlign: "start",
  textBaseline: "alphabetic",
  imageSmoothingEnabled: true,
};
type State = typeof FRESH & { dash: number[]; matrix: Matrix; clip: string };

const ANCHORS: Record<string, string> = { center: "middle", right: "end", end: "end" };
const BASELINES: Record<string, string> = { middle: "central", top: "hanging" };

class SvgContext {
  private readonly shapes: string[] = [];
  private readonly clips = new Map<string, string>();
  private readonly kept: State[] = [];
  private state: State = { ...FRESH, dash: [], matrix: [1, 0, 0, 1, 0, 0], clip: "" };
  private path = new RecordedPath();
  private readonly measure = document.createElement("canvas").getContext("2d");

  constructor(
    private readonly width: number,
    private readonly height: number,
  ) {
    for (const name of Object.keys(FRESH) as (keyof typeof FRESH)[]) {
      Object.defineProperty(this, name, {
        get: () => this.state[name],
        set: (value: never) => {
          this.state[name] = value;
        },
      });
    }
  }

  text(title: string): string {
    const clips = [...this.clips.values()].join("");
    const size = `width="${num(this.width)}" height="${num(this.height)}"`;
    const box = `viewBox="0 0 ${num(this.width)} ${num(this.height)}"`;
    return [
      `<svg xmlns="${SPACE}" ${size} ${box} role="img">`,
      `<title>${escaped(title)}</title>`,
      clips && `<defs>${clips}</defs>`,
      ...this.shapes,
      "</svg>\n",
    ]
      .filter(Boolean)
      .join("\n");
  }

  save(): void {
    this.kept.push({ ...this.state });
  }
  restore(): void {
    this.state = this.kept.pop() ?? this.state;
  }
  translate(x: number, y: number): void {
    this.transform(1, 0, 0, 1, x, y);
  }
  scale(x: number, y: number): void {
    this.transform(x, 0, 0, y, 0, 0);
  }
  rotate(angle: number): void {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    this.transform(c, s, -s, c, 0, 0);
  }
  transform(...by: Matrix): void {
    this.state.matrix = product(this.state.matrix, by);
  }
  setLineDash(dash: number[]): void {
    this.state.dash = [...dash];
  }
  getLineDash(): number[] {
    return this.state.dash;
  }

  beginPath(): void {
    this.path = new RecordedPath();
  }
  moveTo(x: number, y: number): void {
    this.path.moveTo(x, y);
  }
  lineTo(x: number, y: number): void {
    this.path.lineTo(x, y);
  }
  rect(x: number, y: number, w: number, h: number): void {
    this.path.rect(x, y, w, h);
  }
  arc(x: number, y: number, r: number, from: number, to: number): void {
    this.path.arc(x, y, r, from, to);
  }
  bezierCurveTo(a: number, b: number, c: number, d: number, x: number, y: number): void {
    this.path.bezierCurveTo(a, b, c, d, x, y);
  }
  quadraticCurveTo(a: number, b: number, x: number, y: number): void {
    this.path.quadraticCurveTo(a, b, x, y);
  }
  closePath(): void {
    this.path.closePath();
  }

  fill(path?: RecordedPath | string, rule?: string): void {
    const evenOdd = path === "evenodd" || rule === "evenodd" ? ' fill-rule="evenodd"' : "";
    this.draw(this.given(path), `${this.paint("fill", this.state.fillStyle)}${evenOdd}`);
  }
  stroke(path?: RecordedPath): void {
    this.draw(this.given(path), `fill="none" ${this.pen()}`);
  }
  clip(path?: RecordedPath): void {
    const data = this.given(path).data(this.state.matrix);
    const key = `${this.state.clip}|${data}`;
    const id = this.clips.has(key) ? [...this.clips.keys()].indexOf(key) : this.clips.size;
    if (!this.clips.has(key)) {
      const within = this.clipped();
      this.clips.set(key, `<clipPath id="c${id}"${within}><path d="${data}"/></clipPath>`);
    }
    this.state.clip = `c${id}`;
  }
  fillRect(x: number, y: number, w: number, h: number): void {
    const path = new RecordedPath();
    path.rect(x, y, w, h);
    this.fill(path);
  }
  strokeRect(x: number, y: number, w: number, h: number): void {
    const path = new RecordedPath();
    path.rect(x, y, w, h);
    this.stroke(path);
  }
  clearRect(): void {
    // Nothing lies below what is drawn here.
  }

  measureText(text: string): TextMetrics | { width: number } {
    if (this.measure === null) return { width: 7 * text.length };
    this.measure.font = this.state.font;
    return this.measure.measureText(text);
  }
  fillText(text: string, x: number, y: number): void {
    this.write(text, x, y, this.paint("fill", this.state.fillStyle));
  }
  strokeText(text: string, x: number, y: number): void {
    this.write(text, x, y, `fill="none" ${this.pen()}`);
  }

  drawImage(image: HTMLCanvasElement, x: number, y: number, w?: number, h?: number): void {
    const [a, b, c, d, e, f] = this.state.matrix;
    const sharp = this.state.imageSmoothingEnabled ? "" : ' style="image-rendering:pixelated"';
    const size = `width="${num(w ?? image.width)}" height="${num(h ?? image.height)}"`;
    const matrix = [a, b, c, d, e, f].map(num).join(" ");
    this.place(
      `<image x="${num(x)}" y="${num(y)}" ${size} preserveAspectRatio="none" transform="matrix(${matrix})" href="${image.toDataURL("image/png")}"${sharp}/>`,
    );
  }

  private given(path?: RecordedPath | string): RecordedPath {
    return path instanceof RecordedPath ? path : this.path;
  }
  private draw(path: RecordedPath, look: string): void {
    const data = path.data(this.state.matrix);
    if (data !== "") this.shapes.push(`<path d="${data}" ${look}${this.clipped()}/>`);
  }
  private write(text: string, x: number, y: number, look: string): void {
    const [a, b, c, d, e, f] = this.state.matrix;
    const { font, textAlign, textBaseline } = this.state;
    const parts = /^(?:(\S+) )?([\d.]+)px (.*)$/.exec(font);
    const [, weight, size = "10", family = "sans-serif"] = parts ?? [];
    const words = [
      `transform="matrix(${[a, b, c, d, e, f].map(num).join(" ")})" x="${num(x)}" y="${num(y)}"`,
      `font-family="${escaped(family)}" font-size="${size}"`,
      weight && weight !== "normal" ? `font-weight="${weight}"` : "",
      ANCHORS[textAlign] ? `text-anchor="${ANCHORS[textAlign]}"` : "",
      // Whoever lacks the font fits another one into its place.
      `textLength="${num(this.measureText(text).width)}" lengthAdjust="spacingAndGlyphs"`,
      BASELINES[textBaseline] ? `dominant-baseline="${BASELINES[textBaseline]}"` : "",
      look,
    ];
    this.place(`<text ${words.filter(Boolean).join(" ")}>${escaped(text)}</text>`);
  }
  /** What has a transformation of its own, inside of what is clipped without one. */
  private place(element: string): void {
    this.shapes.push(this.state.clip ? `<g${this.clipped()}>${element}</g>` : element);
  }
  private clipped(): string {
    return this.state.clip ? ` clip-path="url(#${this.state.clip})"` : "";
  }
  private paint(what: "fill" | "stroke", color: string): string {
    const found = /^rgba\(([^)]*), *([\d.]+)\)$/.exec(color);
    const alpha = this.state.globalAlpha * Number(found?.[2] ?? 1);
    const opacity = alpha < 1 ? ` ${what}-opacity="${num(alpha)}"` : "";
    return `${what}="${found ? `rgb(${found[1]})` : color}"${opacity}`;
  }
  private pen(): string {
    const { strokeStyle, lineWidth, lineCap, lineJoin, dash, lineDashOffset, matrix } = this.state;
    const scale = Math.sqrt(Math.abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]));
    return [
      this.paint("stroke", strokeStyle),
      `stroke-width="${num(lineWidth * scale)}"`,
      lineCap === "butt" ? "" : `stroke-linecap="${lineCap}"`,
      lineJoin === "miter" ? "" : `stroke-linejoin="${lineJoin}"`,
      dash.length > 0 ? `stroke-dasharray="${dash.map((v) => num(v * scale)).join(" ")}"` : "",
      dash.length > 0 && lineDashOffset ? `stroke-dashoffset="${num(lineDashOffset * scale)}"` : "",
    ]
      .filter(Boolean)
      .join(" ");
  }
}

/** The SVG of what `paint` draws. Paths that are made meanwhile are of the kind that is kept. */
export function svgOf(
  width: number,
  height: number,
  title: string,
  paint: (context: CanvasRenderingContext2D) => void,
): string {
  const context = new SvgContext(width, height);
  const own = globalThis.Path2D;
  globalThis.Path2D = RecordedPath as unknown as typeof Path2D;
  try {
    paint(context as unknown as CanvasRenderingContext2D);
  } finally {
    globalThis.Path2D = own;
  }
  return context.text(title);
}
