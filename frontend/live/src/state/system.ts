import { formatStep, formatValue } from "../look/format.ts";
import type { System } from "../protocol.ts";
import { memory } from "./jobs.ts";

/** One line of the panel: its name, the figures, and what they are of. */
export interface SystemRow {
  name: string;
  words: string;
  what: string;
}

/** Bytes as people say them: `640 B`, `97.3 kB`, `1.20 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${Math.round(count)} B`;
  return count < 1e6 ? `${formatValue(count / 1e3)} kB` : `${formatValue(count / 1e6)} MB`;
}

function rate(count: number, what: string, size: number): string {
  const often = count < 10 ? formatValue(count) : formatStep(count);
  return `${often} ${what}/s · ${bytes(size)}/s`;
}

function took(median: number | null, most: number | null): string {
  if (median === null || most === null) return "nothing yet";
  return `${formatValue(median)} ms · p99 ${formatValue(most)} ms`;
}

function watching({ viewers, behind }: System): string {
  return behind > 0 ? `${formatStep(viewers)} · ${behind} catching up` : formatStep(viewers);
}

function waiting({ queued, queued_bytes }: System): string {
  if (queued === 0 && queued_bytes === 0) return "nothing";
  return `${formatStep(queued)} ${queued === 1 ? "message" : "messages"} · ${bytes(queued_bytes)}`;
}

/** The lines of the panel, in their order. */
export function systemRows(system: System): SystemRow[] {
  const { lag } = system;
  return [
    {
      name: "in",
      words: rate(system.frames_per_s, "frames", system.frame_bytes_per_s),
      what: "frames that jobs send, mean of the last seconds",
    },
    {
      name: "out",
      words: rate(system.sent_per_s, "messages", system.sent_bytes_per_s),
      what: "messages to all viewers, mean of the last seconds",
    },
    { name: "viewers", words: watching(system), what: "open dashboards and other readers" },
    { name: "queue", words: waiting(system), what: "what waits for viewers that are slow" },
    {
      name: "lag",
      words: `${formatStep(lag)} ${lag === 1 ? "frame" : "frames"}`,
      what: "what the slowest viewer has not been sent yet",
    },
    {
      name: "store",
      words: took(system.store_ms, system.store_p99_ms),
      what: "from a frame's arrival until it is committed",
    },
    {
      name: "fan-out",
      words: took(system.fan_out_ms, system.fan_out_p99_ms),
      what: "to hand news to all viewers",
    },
    { name: "memory", words: memory(system.memory_mb), what: "of the server's process" },
  ];
}
