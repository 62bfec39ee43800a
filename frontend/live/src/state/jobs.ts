import { formatPercent, formatStep } from "../look/format.ts";
import type { DeviceInfo, JobInfo, Usage } from "../protocol.ts";
import { placeWords } from "./places.ts";

/** Megabytes as people say them: `310 MB`, `3.2 GB`. */
export function memory(mb: number): string {
  return mb < 1000 ? `${Math.round(mb)} MB` : `${(mb / 1000).toFixed(1)} GB`;
}

/** "running · step 320 of 900", "queued · 2 before it". */
export function progressOf(job: JobInfo): string {
  if (job.position !== null) {
    const before = job.position - 1;
    return `${job.state} · ${before === 0 ? "the next" : `${before} before it`}`;
  }
  return `${job.state} · step ${formatStep(job.step)} of ${formatStep(job.steps)}`;
}

/** "cpu on lab-2 · 1 thread · 96 % of a core · 310 MB". */
export function useOf({ device, node, threads, usage }: JobInfo): string {
  const words = [placeWords({ device, node }), threads === 1 ? "1 thread" : `${threads} threads`];
  return [...words, ...(usage ? used(usage) : [])].join(" · ");
}

function used({ cpu, memory_mb, gpu }: Usage): string[] {
  const words = [`${formatPercent(Math.round(cpu) / 100).replace(".0", "")} of a core`];
  words.push(memory(memory_mb));
  if (gpu) words.push(...busy(gpu.utilisation, gpu.memory_used_mb, gpu.memory_total_mb, "GPU "));
  return words;
}

/** "cpu · 2 cores · 38 % busy · 9.1 GB of 24.0 GB". */
export function deviceWords(device: DeviceInfo): string {
  const { name, label, cores, utilisation, memory_used_mb, memory_total_mb } = device;
  const words = [label && label.toLowerCase() !== name ? `${name}, ${label}` : name];
  if (cores !== null) words.push(cores === 1 ? "1 core" : `${cores} cores`);
  return [...words, ...busy(utilisation, memory_used_mb, memory_total_mb, "")].join(" · ");
}

function busy(
  share: number | null,
  usedMb: number | null,
  totalMb: number | null,
  what: string,
): string[] {
  const words: string[] = [];
  if (share !== null) words.push(`${what}${Math.round(share)}\u202f% busy`);
  if (usedMb !== null && totalMb !== null) words.push(`${memory(usedMb)} of ${memory(totalMb)}`);
  return words;
}
