/**
 * A Parquet file of a small table: one row group, a page a column, PLAIN, not compressed. Numbers are
 * DOUBLE, words UTF8. (Apache Parquet 2.x: format/parquet.thrift; Thrift's compact protocol.)
 */

import type { DrawnTable } from "../charts/figure.ts";

const MAGIC = [0x50, 0x41, 0x52, 0x31];
const DOUBLE = 5;
const BYTE_ARRAY = 6;
const REQUIRED = 0;
const UTF8 = 0;
const PLAIN = 0;
const RLE = 3;
/** Kinds of Thrift's compact protocol. */
const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

type Field =
  | { kind: typeof I32; value: number }
  | { kind: typeof I64; value: number }
  | { kind: typeof BINARY; value: string }
  | { kind: typeof STRUCT; value: Fields }
  | { kind: typeof LIST; of: number; value: (number | string | Fields)[] };
type Fields = Record<number, Field>;

const i32 = (value: number): Field => ({ kind: I32, value });
const i64 = (value: number): Field => ({ kind: I64, value });
const words = (value: string): Field => ({ kind: BINARY, value });
const struct = (value: Fields): Field => ({ kind: STRUCT, value });
const list = (of: number, value: (number | string | Fields)[]): Field => ({
  kind: LIST,
  of,
  value,
});

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  while (left >= 128) {
    bytes.push((left % 128) | 128);
    left = Math.floor(left / 128);
  }
  bytes.push(left);
  return bytes;
}

const zigzag = (value: number): number[] => varint(value < 0 ? -2 * value - 1 : 2 * value);

function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...varint(bytes.length), ...bytes];
}

function encoded(fields: Fields): number[] {
  const bytes: number[] = [];
  let last = 0;
  for (const [name, field] of Object.entries(fields)) {
    const id = Number(name);
    bytes.push(((id - last) << 4) | field.kind, ...bytesOf(field));
    last = id;
  }
  return [...bytes, 0];
}

function bytesOf(field: Field): number[] {
  if (field.kind === I32 || field.kind === I64) return zigzag(field.value);
  if (field.kind === BINARY) return text(field.value);
  if (field.kind === STRUCT) return encoded(field.value);
  const { of, value } = field;
  const head =
    value.length < 15 ? [(value.length << 4) | of] : [0xf0 | of, ...varint(value.length)];
  return [...head, ...value.flatMap(itemOf)];
}

function itemOf(item: number | string | Fields): number[] {
  if (typeof item === "number") return zigzag(item);
  return typeof item === "string" ? text(item) : encoded(item);
}

function plain(column: DrawnTable[string]): Uint8Array<ArrayBuffer> {
  if (isWords(column)) {
    const parts = column.map((word) => new TextEncoder().encode(word));
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length + 4, 0));
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const part of parts) {
      view.setUint32(at, part.length, true);
      bytes.set(part, at + 4);
      at += part.length + 4;
    }
    return bytes;
  }
  const bytes = new Uint8Array(8 * column.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < column.length; i++) view.setFloat64(8 * i, column[i] as number, true);
  return bytes;
}

function isWords(column: DrawnTable[string]): column is readonly string[] {
  return typeof column[0] === "string";
}

export function parquetFile(table: DrawnTable): Blob {
  const names = Object.keys(table);
  const rows = table[names[0] ?? ""]?.length ?? 0;
  const parts: Uint8Array<ArrayBuffer>[] = [new Uint8Array(MAGIC)];
  let place = MAGIC.length;
  let size = 0;
  const chunks = names.map((name): Fields => {
    const column = table[name] as DrawnTable[string];
    const data = plain(column);
    const page = struct({ 1: i32(rows), 2: i32(PLAIN), 3: i32(RLE), 4: i32(RLE) });
    const header = encoded({ 1: i32(0), 2: i32(data.length), 3: i32(data.length), 5: page });
    parts.push(new Uint8Array(header), data);
    const length = header.length + data.length;
    const about = {
      1: i32(isWords(column) ? BYTE_ARRAY : DOUBLE),
      2: list(I32, [PLAIN, RLE]),
      3: list(BINARY, [name]),
      4: i32(0),
      5: i64(rows),
      6: i64(length),
      7: i64(length),
      9: i64(place),
    };
    const chunk = { 2: i64(place), 3: struct(about) };
    place += length;
    size += length;
    return chunk;
  });
  const columns = names.map((name): Fields => {
    const column = table[name] as DrawnTable[string];
    const named: Fields = { 3: i32(REQUIRED), 4: words(name) };
    if (!isWords(column)) return { 1: i32(DOUBLE), ...named };
    return { 1: i32(BYTE_ARRAY), ...named, 6: i32(UTF8) };
  });
  const footer = encoded({
    1: i32(1),
    2: list(STRUCT, [{ 4: words("table"), 5: i32(names.length) }, ...columns]),
    3: i64(rows),
    4: list(STRUCT, [{ 1: list(STRUCT, chunks), 2: i64(size), 3: i64(rows) }]),
    6: words("LRD Lab"),
  });
  const end = new Uint8Array(4);
  new DataView(end.buffer).setUint32(0, footer.length, true);
  parts.push(new Uint8Array(footer), end, new Uint8Array(MAGIC));
  return new Blob(parts, { type: "application/vnd.apache.parquet" });
}
