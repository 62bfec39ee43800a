import { describe, expect, it } from "vitest";
import type { System } from "../../src/protocol.ts";
import { bytes, systemRows } from "../../src/state/system.ts";

const quiet: System = {
  frames_per_s: 0,
  frame_bytes_per_s: 0,
  sent_per_s: 0,
  sent_bytes_per_s: 0,
  jobs: 0,
  viewers: 1,
  behind: 0,
  falls: 0,
  queued: 0,
  queued_bytes: 0,
  lag: 0,
  store_ms: null,
  store_p99_ms: null,
  fan_out_ms: null,
  fan_out_p99_ms: null,
  memory_mb: 310.4,
};

function words(system: System): Record<string, string> {
  return Object.fromEntries(systemRows(system).map((row) => [row.name, row.words]));
}

describe("the system in words", () => {
  it("has nothing to say of a server that rests", () => {
    expect(words(quiet)).toEqual({
      in: "0 frames/s · 0 B/s",
      out: "0 messages/s · 0 B/s",
      viewers: "1",
      queue: "nothing",
      lag: "0 frames",
      store: "nothing yet",
      "fan-out": "nothing yet",
      memory: "310 MB",
    });
  });

  it("tells rates, what waits and how long things take", () => {
    const busy: System = {
      ...quiet,
      frames_per_s: 29.8,
      frame_bytes_per_s: 97_300,
      sent_per_s: 8940,
      sent_bytes_per_s: 29_200_000,
      viewers: 1200,
      behind: 2,
      queued: 1,
      queued_bytes: 640,
      lag: 1,
      store_ms: 1.234,
      store_p99_ms: 12.34,
      fan_out_ms: 0.0456,
      fan_out_p99_ms: 2,
    };
    expect(words(busy)).toMatchObject({
      in: "30 frames/s · 97.3 kB/s",
      out: "8\u202f940 messages/s · 29.2 MB/s",
      viewers: "1\u202f200 · 2 catching up",
      queue: "1 message · 640 B",
      lag: "1 frame",
      store: "1.23 ms · p99 12.3 ms",
      "fan-out": "0.0456 ms · p99 2.00 ms",
    });
    expect(words({ ...busy, frames_per_s: 0.4 }).in).toBe("0.400 frames/s · 97.3 kB/s");
    expect(words({ ...busy, queued: 12 }).queue).toBe("12 messages · 640 B");
  });

  it("says bytes with three digits", () => {
    expect([0, 999, 1000, 999_000, 1_200_000].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1.00 kB",
      "999 kB",
      "1.20 MB",
    ]);
  });
});
