/** The mask of one tensor at the step looked at, computed here from the same hash as the optimizer's. */

import { formatPercent } from "../look/format.ts";
import { runStyle, TOKENS, tokenVariables } from "../look/palette.ts";
import { type CoinUnit, coinPosition, coinTensor } from "../state/coins.ts";
import { isKept, maskKey, maskThreshold } from "../state/mask_bits.ts";
import { CanvasStack } from "./canvas_stack.ts";
import { maskLayout } from "./mask_layout.ts";
import type { Chart, RunView, Scene } from "./types.ts";

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
}

const NOTE_HEIGHT = 20;

export class MaskPicture implements Chart {
  private readonly stack: CanvasStack;
  private readonly note = document.createElement("div");
  private target: MaskTarget | null = null;
  private scene: Scene | null = null;
  private drawn = "";

  constructor(host: HTMLElement) {
    this.stack = new CanvasStack(host, 1, () => this.draw(true));
    this.stack.root.classList.add("chart", "mask");
    this.stack.root.setAttribute("role", "img");
    this.note.className = "picture-note";
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

  private draw(always: boolean): void {
    const { scene, target, stack } = this;
    stack.fit();
    if (scene === null || stack.width === 0) return;
    const step = this.stepShown(scene);
    const rate = target?.dropRateAt(step) ?? 0;
    const size = `${stack.width}×${stack.height}@${stack.ratio}`;
    const what = target && [target.run.id, target.run.slot, target.seed, target.tensorIndex];
    const coin = JSON.stringify(target?.coin);
    const where = `${target?.name} ${target?.shape} ${coin}`;
    const key = `${scene.theme}|${step}|${rate}|${size}|${what}|${where}`;
    if (!always && key === this.drawn) return;
    this.drawn = key;
    const context = stack.clear(0);
    if (target === null || step < 1) {
      this.say(target === null ? "no run chosen" : "no step yet", "");
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

  private say(text: string, tensor: string): void {
    if (this.note.textContent === text) return;
    this.note.textContent = text;
    this.stack.root.setAttribute("aria-label", tensor ? `Mask of ${tensor}: ${text}` : text);
  }
}
