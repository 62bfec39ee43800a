import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Connection, type Phase } from "../../src/state/connection.ts";

/** A socket whose other end is the test. */
class FakeSocket {
  binaryType = "";
  readyState = 1;
  sent: string[] = [];
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(readonly url: string) {}

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 3;
  }
}

describe("connection", () => {
  let sockets: FakeSocket[];
  let phases: Phase[];
  let after: number;
  let connection: Connection;
  const newest = () => sockets[sockets.length - 1] as FakeSocket;
  const hello = () => newest().onmessage?.({ data: '{"type":"hello"}' });
  const drop = (code = 1006, reason = "") => newest().onclose?.({ code, reason });

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    phases = [];
    after = 0;
    connection = new Connection(
      () => `/stream?after=${after}`,
      { message: () => undefined, frame: () => undefined, phase: (phase) => phases.push(phase) },
      (url) => {
        const socket = new FakeSocket(url);
        sockets.push(socket);
        return socket as unknown as WebSocket;
      },
    );
  });

  afterEach(() => {
    connection.close();
    vi.useRealTimers();
  });

  it("is live after the first message, lost after a break, live again", () => {
    hello();
    drop();
    vi.advanceTimersByTime(250);
    hello();
    expect(phases).toEqual(["live", "lost", "live"]);
  });

  it("asks for what came after the last frame it saw", () => {
    hello();
    after = 41;
    drop();
    vi.advanceTimersByTime(250);
    expect(sockets.map((socket) => socket.url)).toEqual(["/stream?after=0", "/stream?after=41"]);
  });

  it("waits longer each time, at most 4 s, and starts over after a success", () => {
    hello();
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      const before = sockets.length;
      drop();
      let waited = 0;
      while (sockets.length === before) {
        vi.advanceTimersByTime(50);
        waited += 50;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 2000, 2000]);
    hello();
    drop();
    vi.advanceTimersByTime(250);
    expect(sockets).toHaveLength(8);
  });

  it("notices a connection that died without a word", () => {
    hello();
    vi.advanceTimersByTime(16_000);
    expect(phases).toEqual(["live", "lost"]);
    expect(sockets[0]?.sent[0]).toBe('{"type":"ping"}');
  });

  it.each([
    [4404, "no experiment x"],
    [4426, "v: 1 is not spoken here"],
  ])("gives up where it would be refused again: %i", (code, reason) => {
    drop(code, reason);
    vi.advanceTimersByTime(60_000);
    expect(phases).toEqual(["gone"]);
    expect(sockets).toHaveLength(1);
  });

  it("comes back after a close that says nothing against it", () => {
    hello();
    drop(4503, "not one of the refusals");
    vi.advanceTimersByTime(60_000);
    expect(sockets.length).toBeGreaterThan(1);
  });

  it("stays closed once closed", () => {
    hello();
    connection.close();
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
  });
});
