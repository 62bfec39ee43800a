import { signal } from "@preact/signals";
import type { DataSetInfo, ProblemInfo } from "../protocol.ts";
import { type Api, messageOf } from "./api.ts";

const POLL_MS = 500;

/** Data sets as they stand on the server's machine; asked for when somebody looks. */
export class DataSets {
  /** Null until they are known. */
  readonly all = signal<DataSetInfo[] | null>(null);
  /** Why the last download could not be begun, by data set. */
  readonly refused = signal<Record<string, string>>({});
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly api: Pick<Api, "dataSets" | "download">) {}

  /** Asks how they stand, and again while one is on its way. */
  async load(): Promise<void> {
    clearTimeout(this.timer);
    let under = true;
    try {
      this.all.value = await this.api.dataSets();
      under = this.all.value.some((one) => one.state === "downloading");
    } catch {
      // What was known stays; while something is downloaded it is asked again.
      under = (this.all.peek() ?? []).some((one) => one.state === "downloading");
    }
    clearTimeout(this.timer);
    if (under) this.timer = setTimeout(() => void this.load(), POLL_MS);
  }

  /** Only ever called by a person's press. */
  async download(name: string): Promise<void> {
    this.refused.value = { ...this.refused.peek(), [name]: "" };
    try {
      const begun = await this.api.download(name);
      const known = this.all.peek() ?? [];
      this.all.value = known.map((one) => (one.name === name ? begun : one));
      await this.load();
    } catch (error) {
      this.refused.value = { ...this.refused.peek(), [name]: messageOf(error) };
    }
  }

  /** What a problem needs; undefined where it needs nothing, or that is not known yet. */
  of(problem: Pick<ProblemInfo, "data">): DataSetInfo | undefined {
    return this.all.value?.find((one) => one.name === problem.data);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

/** Bytes as a person says them: `170 MB`, `1.1 MB`. */
export function megabytes(bytes: number): string {
  const size = bytes / 1e6;
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} MB`;
}

/** What to be told before a task is chosen; empty where nothing is. */
export function warning(problem: ProblemInfo, devices: readonly string[]): string {
  const gpu = devices.some((name) => name !== "cpu");
  return /\bGPU\b/.test(problem.about) && !gpu ? "Slow here: seconds a step without a GPU." : "";
}
