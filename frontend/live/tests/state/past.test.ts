import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Column } from "../../src/charts/types.ts";
import { ApiError } from "../../src/state/api.ts";
import { History, isLong, meanAt, valueAt } from "../../src/state/history.ts";
import { Past, type Reader } from "../../src/state/past.ts";
import { block, frame } from "./blocks.ts";
import { FakeStore } from "./lines.ts";

const LAST = 100_000;
const ALL = { from: 0, to: LAST, width: 400 };
const loss = (step: number) => Math.sin(step / 1000) + (step % 7) / 10;

function rowsOf(column: Column | undefined): Map<number, number> {
  const steps = [...(column?.steps.subarray(0, column.n) ?? [])];
  return new Map(steps.map((step, i) => [step, column?.values[i] as number]));
}

describe("a long history", () => {
  let store: FakeStore;
  let history: History;
  let past: Past | undefined;
  const troubles: string[] = [];

  const make = (read: Reader) =>
    new Past(
      read,
      () => history.touch(),
      (words) => troubles.push(words),
    );
  const open = async (of: FakeStore, read: Reader = of.read) => {
    store = of;
    const made = make(read);
    past = made;
    history = new History(() => made);
    history.begin(made, await made.outline());
  };
  /** Until all that was asked for is there. */
  const settled = async (ask: () => void) => {
    for (let i = 0; i < 6; i++) {
      ask();
      await vi.runAllTimersAsync();
    }
  };
  const live = (seq: number, first: number, count: number, run = "r1") => {
    const values = Array.from({ length: count }, (_, i) => loss(first + i));
    history.ingest(frame(seq, [block(run, first, { loss: values })]));
  };

  beforeEach(() => {
    vi.useFakeTimers();
    troubles.length = 0;
  });

  afterEach(() => {
    past?.close();
    vi.useRealTimers();
  });

  it("is one of many rows, of one run or of all together", () => {
    expect([isLong(2000, 20), isLong(14_000, 4), isLong(14_001, 1), isLong(5000, 16)]).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(isLong(10_000, 4)).toBe(false);
  });

  it("is asked for once, in buckets whose extremes are those of its rows", async () => {
    await open(new FakeStore({ r1: { loss }, r2: { loss } }, LAST));
    const line = () => history.line("r1", "loss", ALL);
    expect(line()).toBeUndefined();
    await settled(() => {
      line();
      history.line("r2", "loss", ALL);
    });
    const column = line() as Column;
    expect(column.n).toBeLessThan(4 * 1024 + 1600);
    const { first, last, low, high, mean } = column.buckets as NonNullable<Column["buckets"]>;
    for (const b of [0, 500, first.length - 1]) {
      const [from, to] = [first[b] as number, last[b] as number];
      const rows = Array.from({ length: to - from + 1 }, (_, i) => loss(from + i));
      expect([low[b], high[b]]).toEqual([Math.min(...rows), Math.max(...rows)]);
      expect(mean[b]).toBeCloseTo(rows.reduce((a, v) => a + v, 0) / rows.length, 9);
    }
    const overviews = store.asks.filter(({ last: to, columns }) => to === null && columns.length);
    expect(overviews).toHaveLength(1);
    expect([history.head, history.last("r2"), history.seq]).toEqual([LAST, LAST, 1]);
  });

  it("comes row by row where a view is small, and its rows are those that were recorded", async () => {
    await open(new FakeStore({ r1: { loss } }, LAST));
    const near = { from: 40_000, to: 41_000, width: 400 };
    const line = () => history.line("r1", "loss", near);
    await settled(line);
    const rows = rowsOf(line());
    for (let step = 40_000; step <= 41_000; step++) expect(rows.get(step)).toBe(loss(step));
    const column = line() as Column;
    const exact = [...column.steps.subarray(0, column.n)].indexOf(40_500);
    expect(column.buckets?.of[exact]).toBe(-1);
    const asks = store.asks.length;
    line();
    await vi.runAllTimersAsync();
    expect(store.asks).toHaveLength(asks);
  });

  it("goes on with the rows that arrive, each once", async () => {
    await open(new FakeStore({ r1: { loss } }, LAST));
    const line = () => history.line("r1", "loss", ALL);
    await settled(line);
    store.last = LAST + 5;
    live(1, LAST - 3, 4);
    live(2, LAST + 1, 3);
    live(3, LAST + 4, 2);
    const column = line() as Column;
    const tail = [...column.steps.subarray(column.n - 6, column.n)];
    expect(tail).toEqual([LAST, LAST + 1, LAST + 2, LAST + 3, LAST + 4, LAST + 5]);
    expect(valueAt(history.column("r1", "loss"), LAST + 5)).toBe(loss(LAST + 5));
    expect(history.seq).toBe(3);
  });

  it("never tells a number of a step whose row is not there", async () => {
    await open(new FakeStore({ r1: { loss } }, LAST));
    const column = () => history.column("r1", "loss");
    await settled(column);
    expect(valueAt(column(), 50_123)).toBeNaN();
    expect(meanAt(column(), 50_123, 20)).toBeNaN();
    expect(valueAt(column(), LAST)).toBe(loss(LAST));
    expect(meanAt(column(), LAST, 2)).toBe((loss(LAST) + loss(LAST - 1)) / 2);
    history.focus(50_123);
    await settled(column);
    expect(valueAt(column(), 50_123)).toBe(loss(50_123));
    expect(meanAt(column(), 50_123, 2)).toBe((loss(50_123) + loss(50_122)) / 2);
    expect(valueAt(column(), 70_001)).toBeNaN();
  });

  it("is folded while it streams: what is held stays bounded, and nothing is lost", async () => {
    const made = make((ask) => store.read(ask));
    past = made;
    store = new FakeStore({ r1: { loss } }, 0);
    history = new History(() => made);
    const line = () => history.line("r1", "loss", { from: 0, to: 1e6, width: 400 });
    for (let i = 0; i < 40; i++) {
      store.last = (i + 1) * 1000;
      store.seq = i + 1;
      live(i + 1, i * 1000 + 1, 1000);
      line();
      await vi.runAllTimersAsync();
    }
    const column = line() as Column;
    expect(column.n).toBeLessThan(14_000 + 4 * 1024);
    const steps = [...column.steps.subarray(0, column.n)];
    expect(steps.every((step, i) => i === 0 || step >= (steps[i - 1] as number))).toBe(true);
    expect([steps[0], steps.at(-1)]).toEqual([1, 40_000]);
    const gap = Math.max(...steps.slice(1).map((step, i) => step - (steps[i] as number)));
    expect(gap).toBeLessThan(100);
    expect(valueAt(history.column("r1", "loss"), 39_000)).toBe(loss(39_000));
  });

  it("once begun gives its newest rows to the past now and then, not with every frame", async () => {
    await open(new FakeStore({ r1: { loss } }, LAST));
    const line = () => history.line("r1", "loss", ALL);
    await settled(line);
    const whole = (line() as Column).n;
    const before = store.asks.length;
    const names = Array.from({ length: 500 }, (_, i) => `c${i}`);
    const send = async (i: number) => {
      const first = LAST + i * 100 + 1;
      const steps = Array.from({ length: 100 }, (_, k) => first + k);
      const others = names.map((name) => [name, steps] as const);
      const columns = { loss: steps.map(loss), ...Object.fromEntries(others) };
      store.last = LAST + (i + 1) * 100;
      store.seq = i + 2;
      history.ingest(frame(i + 2, [block("r1", first, columns)]));
      line();
      await vi.runAllTimersAsync();
    };
    for (let i = 0; i < 5; i++) await send(i);
    expect((line() as Column).n).toBe(whole + 500);
    expect(store.asks).toHaveLength(before);
    await vi.advanceTimersByTimeAsync(20_000);
    await send(5);
    expect(store.asks.length).toBeGreaterThan(before);
    const column = line() as Column;
    expect(column.steps[column.n - 1]).toBe(LAST + 600);
    expect(valueAt(history.column("r1", "c7"), LAST + 600)).toBe(LAST + 600);
    const asks = store.asks.length;
    await send(6);
    expect(store.asks).toHaveLength(asks);
  });

  it("of a fork is its parent's up to where it left it, and nothing of what the parent did then", async () => {
    const other = (step: number) => 100 + loss(step);
    const fork = { id: "r2", parent: "r1", fork_step: 50_000 };
    store = new FakeStore({ r1: { loss }, r2: { loss: other } }, LAST, { r2: 50_001 });
    const made = make(store.read);
    past = made;
    history = new History(() => made);
    history.relate([{ id: "r1", parent: "", fork_step: 0 }, fork]);
    history.begin(made, await made.outline());
    const line = () => history.line("r2", "loss", ALL);
    await settled(line);
    const { first, last, low, high } = (line() as Column).buckets as NonNullable<Column["buckets"]>;
    first.forEach((from, b) => {
      const own = from > 50_000;
      expect((last[b] as number) <= 50_000 || own).toBe(true);
      expect((low[b] as number) > 50).toBe(own);
      expect((high[b] as number) > 50).toBe(own);
    });
    expect(first[0]).toBe(1);
    const column = line() as Column;
    expect(column.steps[column.n - 1]).toBe(LAST);
  });

  it("asks again when the server was away, and goes on without a column that it cannot read", async () => {
    let away = 2;
    const of = new FakeStore({ r1: { loss, keep: loss, broken: loss } }, LAST);
    await open(of, (ask) => {
      const detail = { field: "", value: null, allowed: "", message: "chunk is damaged" };
      if (ask.columns.length > 0 && away-- > 0) return Promise.reject(new ApiError(0, detail));
      if (ask.columns.includes("broken")) return Promise.reject(new ApiError(500, detail));
      return of.read(ask);
    });
    const ask = () => ["loss", "broken", "keep"].map((name) => history.line("r1", name, ALL)?.n);
    await settled(ask);
    const found = ask();
    expect([found[0] !== undefined, found[1], found[2] !== undefined]).toEqual([
      true,
      undefined,
      true,
    ]);
    expect(new Set(troubles)).toEqual(new Set(["chunk is damaged"]));
  });

  it("asks for no column that there is not, and knows those that there are", async () => {
    await open(new FakeStore({ r1: { loss } }, LAST));
    await settled(() => history.column("r1", "loss/mean"));
    expect(store.asks.flatMap(({ columns, samples }) => [...columns, ...samples])).toEqual([]);
    expect([history.has("r1", "loss"), history.has("r1", "loss/mean")]).toEqual([true, false]);
  });
});
