import { describe, expect, it } from "vitest";
import type { DeviceInfo, JobInfo } from "../../src/protocol.ts";
import { deviceWords, memory, progressOf, useOf } from "../../src/state/jobs.ts";

const job: JobInfo = {
  experiment: "e1",
  name: "",
  problem: "digits",
  state: "running",
  step: 1320,
  steps: 9000,
  device: "cpu",
  node: "",
  threads: 1,
  position: null,
  viewers: 1,
  usage: null,
};

const device: DeviceInfo = {
  name: "cpu",
  label: "CPU",
  kind: "cpu",
  cores: 2,
  memory_used_mb: 9100,
  memory_total_mb: 24000,
  utilisation: 37.6,
  jobs: 1,
  max_jobs: null,
};

describe("jobs in words", () => {
  it("tell how far they are, or how many are before them", () => {
    expect(progressOf(job)).toBe("running · step 1\u202f320 of 9\u202f000");
    expect(progressOf({ ...job, state: "queued", position: 1 })).toBe("queued · the next");
    expect(progressOf({ ...job, state: "queued", position: 3 })).toBe("queued · 2 before it");
  });

  it("tell what they use, as far as it is known", () => {
    expect(useOf(job)).toBe("cpu · 1 thread");
    expect(useOf({ ...job, node: "lab-2" })).toBe("cpu on lab-2 · 1 thread");
    const usage = { cpu: 95.6, memory_mb: 310.4, threads: 2, device: "cuda:0" };
    const gpu = { memory_used_mb: 3200, memory_total_mb: 80000, utilisation: null };
    const busy = { ...job, device: "cuda:0", threads: 2, usage: { ...usage, gpu } };
    expect(useOf(busy)).toBe(
      "cuda:0 · 2 threads · 96\u202f% of a core · 310 MB · 3.2 GB of 80.0 GB",
    );
  });

  it("tell how busy a device is", () => {
    expect(deviceWords(device)).toBe("cpu · 2 cores · 38\u202f% busy · 9.1 GB of 24.0 GB");
    const gpu = { ...device, name: "cuda:0", label: "NVIDIA H100", cores: null };
    const silent = { ...gpu, utilisation: null, memory_used_mb: null, memory_total_mb: null };
    expect(deviceWords(silent)).toBe("cuda:0, NVIDIA H100");
    expect(memory(999.4)).toBe("999 MB");
  });
});
