/**
 * The mask of one tensor at the step looked at: the update itself where the job sends it, else
 * computed here from the same hash as the optimizer's.
 */

import { formatPercent, formatStep, formatValue } from "../look/format.ts";
import { runStyle, TOKENS, tokenVariables } from "../look/palette.ts";
import { type CoinUnit, coinPosition, coinTensor } from "../state/coins.ts";
import { isKept, maskKey, maskThreshold } from "../state/mask_bits.ts";
import { CanvasStack } from "./canvas_stack.ts";
import type { DrawnTable, Exported } from "./figure.ts";
import { flatStack, type Layers } from "./flat_stack.ts";
import { groundOf } from "./ground.ts";
import { type MaskLayout, maskLayout } from "./mask_layout.ts";
import type { Chart, RunView, Scene } from "./types.ts";
import { paintUpdate, type UpdatePicture } from "./update_picture.ts";

/** An update as it was sent. */
export interface SentUpdate extends UpdatePicture {
  step: number;
  keepRate: number;
  /** Largest update. */
  scale: number;
  shown: string;
}

export interface MaskTarget {
  run: RunView;
  /** The run's mask seed; a bigint where it may exceed 2⁵³. */
  seed: number | bigint;
  /** Position of the tensor among all parameter tensors, from 0. */
  tensorIndex: number;
  shape: readonly number[];
  name: string;
  /** What shares a coin; where the run's policy has none, why its mask is not drawn. */
  coin: { unit: CoinUnit; of: "update" | "gradient" } | { undrawn: string };
  /** The drop rate that the given step used. */
  dropRateAt: (step: number) => number;
  /** Of the newest step; null where there is none, or an earlier step is looked at. */
  sent: SentUpdate | null;
}

const NOTE_HEIGHT = 20;

export class MaskPicture implements Chart {
  private stack: Layers;
  private readonly note = document.createElement("div");
  private readonly words = document.createTextNode("");
  private target: MaskTarget | null = null;
  private scene: Scene | null = null;
  private drawn = "";
  private drawnLook = "";
  private drawnUpdate: SentUpdate | null = null;

  constructor(host: HTMLElement) {
    this.stack = new CanvasStack(host, 1, () => this.draw(true));
    this.stack.root.classList.add("chart", "mask");
    this.stack.root.setAttribute("role", "img");
    this.stack.root.setAttribute("aria-label", "mask");
    this.note.className = "picture-note";
    this.note.append(this.words);
    this.stack.root.append(this.note);
  }

  /** What to show; null shows nothing. Cheap when nothing but the drop rate's source is new. */
  setTarget(target: MaskTarget | null): void {
    this.target = target;
    this.draw(false);
  }

  update(scene: Scene): void {
    if (this.scene?.theme !== scene.theme) {
      this.stack.root.style.cssText = tokenVariables(scene.theme);
    }
    this.scene = scene;
    this.draw(false);
  }

  destroy(): void {
    this.stack.destroy();
  }

  exported(): Exported | null {
    const { scene, target, stack } = this;
    if (scene === null || target === null || stack.width === 0) return null;
    const step = target.sent?.step ?? this.stepShown(scene);
    return {
      figure: {
        title: `Mask of ${target.name}, step ${formatStep(step)}`,
        note: this.note.textContent ?? "",
        width: stack.width,
        height: stack.height - NOTE_HEIGHT,
        theme: scene.theme,
        ground: groundOf(stack.root, TOKENS[scene.theme].page),
        runs: [target.run],
        paint: (context) => {
          this.stack = flatStack(stack, context);
          try {
            this.draw(true);
          } finally {
            this.stack = stack;
          }
        },
      },
      data: { kind: "drawn", first: step, last: step, table: () => this.table(step) },
    };
  }

  /** Row, column and whether it was kept, of every coordinate; where it was sent, the shade too. */
  private table(step: number): DrawnTable {
    const { target } = this;
    const found = { row: [] as number[], column: [] as number[], kept: [] as number[] };
    if (target === null) return found;
    const { sent, coin } = target;
    if (sent !== null) {
      const shade = [...sent.pixels];
      shade.forEach((byte, i) => {
        found.row.push(Math.floor(i / sent.columns));
        found.column.push(i % sent.columns);
        found.kept.push(byte === 0 ? 0 : 1);
      });
      return { ...found, shade };
    }
    if ("undrawn" in coin) return found;
    const key = maskKey(target.seed, step, coinTensor(coin.unit, target.tensorIndex));
    const at = coinPosition(coin.unit, target.shape);
    const threshold = maskThreshold(1 - target.dropRateAt(step));
    const columns = target.shape.length > 1 ? target.shape.slice(1).reduce((a, b) => a * b, 1) : 1;
    const total = target.shape.reduce((a, b) => a * b, 1);
    for (let i = 0; i < total; i++) {
      found.row.push(Math.floor(i / columns));
      found.column.push(i % columns);
      found.kept.push(isKept(key, at(i), threshold) ? 1 : 0);
    }
    return found;
  }

  private draw(always: boolean): void {
    const { scene, target, stack } = this;
    stack.refit();
    if (scene === null || stack.width === 0) return;
    const step = this.stepShown(scene);
    const rate = target?.dropRateAt(step) ?? 0;
    const size = `${stack.width}×${stack.height}@${stack.ratio}`;
    const what = target && [target.run.id, target.run.slot, target.seed, target.tensorIndex];
    const coin = JSON.stringify(target?.coin);
    const where = `${target?.name} ${target?.shape} ${coin}`;
    const sent = target?.sent ?? null;
    const key = `${scene.theme}|${step}|${rate}|${size}|${what}|${where}|${sent !== null}`;
    const look = `${scene.theme}|${size}|${target?.run.slot}`;
    const same = sent === null ? key === this.drawn : sent === this.drawnUpdate;
    if (!always && same && look === this.drawnLook) return;
    this.drawnLook = look;
    this.drawnUpdate = sent;
    this.drawn = key;
    const context = stack.clear(0);
    if (target === null || step < 1) {
      this.say(target === null ? "no run chosen" : "no step yet", "");
      return;
    }
    if (target.sent !== null) {
      this.paintSent(context, scene, target, target.sent);
      return;
    }
    if ("undrawn" in target.coin) {
      this.say(target.coin.undrawn, target.name);
      return;
    }
    this.paint(context, scene, target, target.coin, step, 1 - rate);
  }

  /** A diverged run draws no masks after its last step. */
  private stepShown(scene: Scene): number {
    const step = scene.cursor ?? scene.head;
    const end = this.target?.run.divergedStep ?? null;
    return end === null ? step : Math.min(step, end);
  }

  private paint(
    context: CanvasRenderingContext2D,
    scene: Scene,
    target: MaskTarget,
    coin: { unit: CoinUnit; of: "update" | "gradient" },
    step: number,
    keep: number,
  ): void {
    const { width, height } = this.stack;
    const layout = maskLayout(target.shape, width, height - NOTE_HEIGHT);
    const { rows, columns, pitch, stride } = layout;
    const key = maskKey(target.seed, step, coinTensor(coin.unit, target.tensorIndex));
    const coinAt = coinPosition(coin.unit, target.shape);
    const threshold = maskThreshold(keep);
    const kept = new Path2D();
    const dropped = new Path2D();
    const size = pitch >= 5 ? pitch - 1 : pitch - 0.5;
    let count = 0;
    let shown = 0;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const position = r * stride + c;
        if (position >= layout.total) break;
        const keeps = isKept(key, coinAt(position), threshold);
        shown += 1;
        if (keeps) count += 1;
        (keeps ? kept : dropped).rect(c * pitch, r * pitch, size, size);
      }
    }
    context.fillStyle = TOKENS[scene.theme].hairline;
    context.fill(dropped);
    context.fillStyle = runStyle(target.run.slot, scene.theme).color;
    context.fill(kept);
    const part = shown < layout.total ? ` · ${layout.words}` : "";
    const what = coin.of === "gradient" ? "gradient kept" : "kept";
    this.say(`${what} ${formatPercent(count / shown)} at this step${part}`, target.name);
  }

  private paintSent(
    context: CanvasRenderingContext2D,
    scene: Scene,
    target: MaskTarget,
    sent: SentUpdate,
  ): void {
    const { width, height } = this.stack;
    const color = runStyle(target.run.slot, scene.theme).color;
    const leftOut = TOKENS[scene.theme].hairline;
    const layout = paintUpdate(context, sent, width, height - NOTE_HEIGHT, color, leftOut);
    const part = partWords(sent, layout, target.shape);
    const kept = `kept ${formatPercent(sent.keepRate)}${part ? ` · ${part}` : ""}`;
    const most = `step ${formatStep(sent.step)}, largest update ${formatValue(sent.scale)}`;
    this.say(`${kept} · shade: size of the update`, target.name, most);
  }

  private say(text: string, tensor: string, more = ""): void {
    if (this.note.title !== more) this.note.title = more;
    if (this.words.data === text) return;
    // Another text node would make the browser style what is around it.
    this.words.data = text;
    const whose = this.target === null ? "" : `, ${this.target.run.name}`;
    const label = tensor ? `Mask of ${tensor}${whose}: ${text}` : text;
    this.stack.root.setAttribute("aria-label", label);
  }
}

/** Which part of a tensor is drawn; empty where it is all of it. */
function partWords(sent: SentUpdate, layout: MaskLayout, shape: readonly number[]): string {
  const whole = shape.reduce((product, n) => product * n, 1);
  const drawn = layout.rows * layout.columns;
  if (drawn >= whole) return "";
  if (drawn >= layout.total) return sent.shown;
  const rows = shape[0] ?? 1;
  const complete = layout.columns * rows === whole && shape.length > 1;
  return complete ? `first ${layout.rows} of ${rows} rows` : layout.words;
}
