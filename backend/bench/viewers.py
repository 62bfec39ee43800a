"""The viewers of the stream benchmark: processes that hold many websockets each.

A lean client: it reads every message, answers pings, and keeps what every viewer got. Viewers of
one process share what they decode, since the same frame has the same bytes for all.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import math
import os
import struct
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.bench.source import SENT
from backend.limits import allow_connections
from lrd_core.engine.frames import Block, Frame, decode

CONNECTING = 50
CLOSE, PING, BINARY = 8, 9, 2
#: Values by run and column, as the store has them: row i belongs to step i + 1.
Expected = dict[str, dict[str, NDArray[np.floating]]]


@dataclass
class Seen:
    """A frame that came, decoded once."""

    frame: Frame
    sent: float


@dataclass
class Kept:
    """What all viewers of this process got."""

    decoded: dict[bytes, Seen] = field(default_factory=dict)
    latencies: array[float] = field(default_factory=lambda: array("d"))
    #: Frames that left before this are not measured.
    since: float = float("inf")

    def take(self, data: bytes, now: float) -> Seen:
        seen = self.decoded.get(data)
        if seen is None:
            frame = decode(data)
            stamps = [block.column(SENT)[0] for block in frame.blocks if SENT in block.columns]
            # Of a piece of several frames the one that waited longest counts.
            seen = self.decoded[data] = Seen(frame, float(min(stamps, default=-math.inf)))
        if seen.sent >= self.since:
            self.latencies.append(now - seen.sent)
        return seen


class ViewerProtocol(asyncio.Protocol):
    """One viewer's websocket (RFC 6455), client side."""

    def __init__(self, kept: Kept, host: str, path: str) -> None:
        self.frames: list[Seen] = []
        self.lost = False
        self.opened = asyncio.get_running_loop().create_future()
        self._kept = kept
        self._request = (host, path)
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        host, path = self._request
        self._write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("a viewer was not let in"))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        buffer = self._buffer + data if self._buffer else data
        start = 0
        if not self.opened.done():
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = buffer
                return
            if not buffer.startswith(b"HTTP/1.1 101"):
                self._close()
                return
            self.opened.set_result(None)
            start = end + 4
        while (found := _message(buffer, start)) is not None:
            opcode, begin, start = found
            if opcode == BINARY:
                self.frames.append(self._kept.take(buffer[begin:start], now))
            elif opcode == PING:
                self._pong(buffer[begin:start])
            elif opcode == CLOSE:
                self._close()
        self._buffer = buffer[start:]

    @property
    def seq(self) -> int:
        return self.frames[-1].frame.seq if self.frames else 0

    def _pong(self, payload: bytes) -> None:
        # Masked with zeros, which the protocol allows.
        self._write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _message(buffer: bytes, start: int) -> tuple[int, int, int] | None:
    """Opcode, begin and end of the unfragmented message at `start`; None if it is not whole."""
    if len(buffer) < start + 2:
        return None
    opcode, size, begin = buffer[start] & 15, buffer[start + 1], start + 2
    if size == 126:
        begin += 2
        if len(buffer) < begin:
            return None
        (size,) = struct.unpack_from("!H", buffer, start + 2)
    elif size == 127:
        begin += 8
        if len(buffer) < begin:
            return None
        (size,) = struct.unpack_from("!Q", buffer, start + 2)
    end = begin + size
    return (opcode, begin, end) if len(buffer) >= end else None


class Crowd:
    """All viewers of this process, of one experiment at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._kept = Kept()
        self._viewers: list[ViewerProtocol] = []

    async def connect(self, experiment: str, count: int) -> None:
        """`count` viewers, from the first frame on."""
        self._kept = Kept()
        path = f"/api/experiments/{experiment}/stream?after=0"
        host = f"127.0.0.1:{self._port}"
        loop = asyncio.get_running_loop()

        async def one() -> ViewerProtocol:
            _, viewer = await loop.create_connection(
                lambda: ViewerProtocol(self._kept, host, path), "127.0.0.1", self._port
            )
            await viewer.opened
            return viewer

        self._viewers = []
        while len(self._viewers) < count:
            batch = min(CONNECTING, count - len(self._viewers))
            self._viewers += await asyncio.gather(*(one() for _ in range(batch)))
        # What exists by now lives to the end; a collection would stop all viewers at once.
        gc.collect()
        gc.freeze()

    async def reach(self, seq: int, seconds: float) -> bool:
        """Wait until every viewer that is not lost has frame `seq`; whether all have."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if all(viewer.lost or viewer.seq >= seq for viewer in self._viewers):
                break
            await asyncio.sleep(0.02)
        return all(viewer.seq >= seq for viewer in self._viewers)

    def measure(self) -> None:
        """Latencies count from now on."""
        self._kept.latencies = array("d")
        self._kept.since = time.monotonic()

    def latencies(self) -> array[float]:
        """Seconds from a frame's start to its arrival, of all viewers; stops counting."""
        self._kept.since = float("inf")
        return self._kept.latencies

    def missing(self, expected: Expected) -> int:
        """As `missing`, of all viewers together."""
        return missing([viewer.frames for viewer in self._viewers], expected)

    def close(self) -> None:
        for viewer in self._viewers:
            viewer.abort()
        self._viewers = []
        self._kept = Kept()
        gc.unfreeze()


def missing(viewers: Sequence[Sequence[Seen]], expected: Expected) -> int:
    """Values that a viewer lacks or has otherwise than the store, and rows that came twice or after
    a gap; summed over all viewers."""
    every = {id(seen): seen for frames in viewers for seen in frames}
    right = {key: _right(seen.frame, expected) for key, seen in every.items()}
    values = sum(len(column) for columns in expected.values() for column in columns.values())
    lacking = sum(abs(values - sum(right[id(seen)] for seen in frames)) for frames in viewers)
    return lacking + sum(map(_out_of_order, viewers))


def _right(frame: Frame, expected: Expected) -> int:
    """How many values of `frame` are those of the store."""
    return sum(_equal(block, expected[block.run]) for block in frame.blocks)


def _equal(block: Block, columns: dict[str, NDArray[np.floating]]) -> int:
    count = 0
    for name in block.columns:
        if name not in columns:
            continue
        stored = columns[name][block.first - 1 : block.first - 1 + block.rows]
        got = block.column(name)
        if len(stored) == len(got):
            count += int(((stored == got) | (np.isnan(stored) & np.isnan(got))).sum())
    return count


def _out_of_order(frames: Sequence[Seen]) -> int:
    wrong, last = 0, dict[str, int]()
    for seen in frames:
        for block in seen.frame.blocks:
            wrong += abs(block.first - last.get(block.run, 0) - 1)
            last[block.run] = block.last
    return wrong


async def _serve(pipe: Connection, port: int) -> None:
    crowd, loop = Crowd(port), asyncio.get_running_loop()
    while True:
        word, *given = await loop.run_in_executor(None, pipe.recv)
        answer: Any = None
        if word == "quit":
            return
        if word in ("connect", "reach"):
            answer = await getattr(crowd, word)(*given)
        else:
            answer = getattr(crowd, word)(*given)
        pipe.send(answer)


def run(pipe: Connection, port: int) -> None:
    """The process: connects, measures and compares as it is told."""
    allow_connections()
    asyncio.run(_serve(pipe, port))
