import type { ServerMessage } from "../protocol.ts";

/** `connecting` until the first message, `gone` if the server refuses: there is no such experiment, or the page is of another version. */
export type Phase = "connecting" | "live" | "lost" | "gone";

export interface Listener {
  message(message: ServerMessage): void;
  frame(data: ArrayBuffer): void;
  phase(phase: Phase, reason: string): void;
}

const FIRST_DELAY_MS = 250;
const LAST_DELAY_MS = 2000;
const PING_MS = 4000;
/** Silence after which a connection counts as dead although nobody closed it. */
const SILENCE_MS = 10000;
/** Close codes of what would be refused again; the reason is for a person. */
const REFUSED = [4400, 4499] as const;

/**
 * One experiment's stream: reconnects with growing pauses, always from the last frame seen, so that
 * a gap is filled and nothing comes twice.
 */
export class Connection {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pings: ReturnType<typeof setInterval> | undefined;
  private delay = FIRST_DELAY_MS;
  private heard = 0;
  private seen = false;
  private closed = false;
  private readonly wake = (): void => this.retryNow();

  constructor(
    private readonly url: () => string,
    private readonly listener: Listener,
    private readonly make: (url: string) => WebSocket = (address) => new WebSocket(address),
  ) {
    globalThis.addEventListener?.("online", this.wake);
    globalThis.document?.addEventListener("visibilitychange", this.wake);
    this.open();
  }

  close(): void {
    this.closed = true;
    globalThis.removeEventListener?.("online", this.wake);
    globalThis.document?.removeEventListener("visibilitychange", this.wake);
    this.drop();
  }

  /** Tries again at once if the connection is lost. */
  retryNow(): void {
    if (this.closed || this.socket || this.timer === undefined) return;
    this.delay = FIRST_DELAY_MS;
    this.open();
  }

  private open(): void {
    this.drop();
    const socket = this.make(this.url());
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heard = Date.now();
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.receive(event.data);
    socket.onclose = (event: CloseEvent) => this.ended(event.code, event.reason);
    this.pings = setInterval(() => this.ping(), PING_MS);
  }

  private receive(data: string | ArrayBuffer): void {
    this.heard = Date.now();
    if (typeof data !== "string") {
      this.listener.frame(data);
      return;
    }
    const message = JSON.parse(data) as ServerMessage;
    if (message.type === "hello") {
      this.delay = FIRST_DELAY_MS;
      this.seen = true;
      this.listener.message(message);
      this.listener.phase("live", "");
      return;
    }
    this.listener.message(message);
  }

  private ping(): void {
    if (Date.now() - this.heard > SILENCE_MS) this.ended(0, "");
    else if (this.socket?.readyState === 1) this.socket.send('{"type":"ping"}');
  }

  private ended(code: number, reason: string): void {
    this.drop();
    if (this.closed) return;
    if (code >= REFUSED[0] && code <= REFUSED[1]) {
      this.closed = true;
      this.listener.phase("gone", reason);
      return;
    }
    this.listener.phase(this.seen ? "lost" : "connecting", reason);
    this.timer = setTimeout(() => this.open(), this.delay);
    this.delay = Math.min(this.delay * 2, LAST_DELAY_MS);
  }

  private drop(): void {
    clearTimeout(this.timer);
    clearInterval(this.pings);
    this.timer = undefined;
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
