"""TensorBoard's event files, many records at once: its own writer is slow for millions of them.

A record is its length (uint64, little-endian), the masked CRC-32C of that, an `Event` message, and
the masked CRC-32C of that (tensorflow/core/lib/io/record_writer.h).
"""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
#: Steps from which a variable-length integer takes one byte more.
_LONGER = (1, 1 << 7, 1 << 14, 1 << 21, 1 << 28)
_MASK = np.uint32(0xA282EAD8)


def _table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1)
    return table.astype(np.uint32)


_CRC = _table()


def crc32c(rows: Bytes) -> NDArray[np.uint32]:
    """Castagnoli's checksum of each row, (rows, bytes) → (rows,)."""
    crc = np.full(len(rows), 0xFFFFFFFF, np.uint32)
    for column in rows.T:
        crc = _CRC[(crc ^ column) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return ~crc


def _masked(rows: Bytes) -> Bytes:
    crc = crc32c(rows)
    turned = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + _MASK
    return turned.astype("<u4").view(np.uint8).reshape(-1, 4)


def _framed(events: Bytes) -> bytes:
    size = np.frombuffer(struct.pack("<Q", events.shape[1]), np.uint8)[None]
    head = np.concatenate([size, _masked(size)], axis=1)
    heads = np.broadcast_to(head, (len(events), head.shape[1]))
    return np.concatenate([heads, events, _masked(events)], axis=1).tobytes()


def _varints(numbers: NDArray[np.int64], length: int) -> Bytes:
    parts = [
        (numbers >> (7 * at)) & 0x7F | (0x80 if at < length - 1 else 0) for at in range(length)
    ]
    return np.stack(parts, axis=1).astype(np.uint8)


def _constant(data: bytes, rows: int) -> Bytes:
    return np.broadcast_to(np.frombuffer(data, np.uint8), (rows, len(data)))


def events(steps: NDArray[np.int64], columns: dict[str, NDArray[np.float64]]) -> bytes:
    """Records of `steps`, in order, each with a simple value for every column, (steps,)."""
    parts = []
    for at, start in enumerate(_LONGER[:-1]):
        inside = (steps >= start) & (steps < _LONGER[at + 1])
        rows = int(inside.sum())
        if rows:
            parts.append(_framed(_messages(steps[inside], at + 1, columns, inside)))
    return b"".join(parts)


def _messages(
    steps: NDArray[np.int64],
    length: int,
    columns: dict[str, NDArray[np.float64]],
    inside: NDArray[np.bool_],
) -> Bytes:
    """`Event` messages of one size: wall_time = 1, step = 2, summary = 5 with value = 1, of which
    tag = 1 and simple_value = 2."""
    rows = len(steps)
    tags = {name: b"\x0a" + bytes([len(name)]) + name.encode() + b"\x15" for name in columns}
    summary = sum(2 + len(tag) + 4 for tag in tags.values())
    now = time.time() - rows
    wall = (now + np.arange(rows)).astype("<f8").view(np.uint8).reshape(-1, 8)
    parts = [_constant(b"\x09", rows), wall, _constant(b"\x10", rows), _varints(steps, length)]
    parts.append(_constant(b"\x2a" + bytes([summary]), rows))
    for name, tag in tags.items():
        values = columns[name][inside].astype("<f4").view(np.uint8).reshape(-1, 4)
        parts += [_constant(b"\x0a" + bytes([len(tag) + 4]) + tag, rows), values]
    return np.concatenate(parts, axis=1)


def write(folder: Path, steps: NDArray[np.int64], columns: dict[str, NDArray[np.float64]]) -> None:
    """An event file of one run."""
    folder.mkdir(parents=True)
    version = b"\x1a\x0dbrain.Event:2"
    first = b"\x09" + struct.pack("<d", time.time()) + version
    path = folder / f"events.out.tfevents.{int(time.time()) - 60}.bench.1.0"
    path.write_bytes(_framed(np.frombuffer(first, np.uint8)[None]) + events(steps, columns))
