"""Frames: consecutive rows of an experiment as columns of bytes, the one format from step to pixel.

A frame is a MessagePack map ``{"v": 1, "seq": int, "blocks": [block, …]}``; a block holds
consecutive rows of one run: ``{"run": str, "first": int, "every": int, "rows": int,
"columns": {name: [dtype, bytes]}}``. Row i belongs to step ``first + i * every``; dtype is ``"f4"``
or ``"f8"`` (IEEE 754, little-endian); ``len(bytes) == rows * itemsize``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

VERSION = 1
ITEM_SIZES = {"f4": 4, "f8": 8}

#: Columns kept as float64, because they are compared exactly; all others are float32.
EXACT = frozenset({"loss", "test_loss", "x", "y"})


class FrameError(ValueError):
    """Bytes that are not a frame; the message names the part and the mend."""


class Block(msgspec.Struct):
    """Consecutive rows of one run (see the module's docstring)."""

    run: str
    first: int
    every: int
    rows: int
    columns: dict[str, tuple[str, bytes]]

    @property
    def last(self) -> int:
        """Step of the last row."""
        return self.first + (self.rows - 1) * self.every

    def column(self, name: str) -> NDArray[np.floating]:
        """One column, shape (rows,), float32 or float64, read-only."""
        dtype, data = self.columns[name]
        return np.frombuffer(data, dtype=f"<{dtype}")


class Frame(msgspec.Struct):
    """What a job sends at one moment; `seq` counts from 1 without gaps within an experiment."""

    v: int
    seq: int
    blocks: list[Block]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """The frame's bytes."""
    return _encoder.encode(frame)


def decode(data: bytes) -> Frame:
    """The frame in `data`, every length checked.

    Raises:
        FrameError: not a frame of this version, or a column whose length contradicts its rows.
    """
    try:
        frame = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise FrameError(f"not a frame: {error}") from error
    if frame.v != VERSION:
        raise FrameError(f"v: {frame.v} is not known here; use frame version {VERSION}")
    if frame.seq < 1:
        raise FrameError(f"seq: {frame.seq} is not allowed; use a whole number from 1")
    for block in frame.blocks:
        _check(block)
    return frame


def _check(block: Block) -> None:
    if block.rows < 1 or block.first < 1 or block.every < 1:
        raise FrameError(f"block of {block.run}: rows, first and every must be at least 1")
    for name, (dtype, data) in block.columns.items():
        size = ITEM_SIZES.get(dtype)
        if size is None:
            raise FrameError(f"column {name}: dtype {dtype!r} is not allowed; use f4 or f8")
        if len(data) != size * block.rows:
            raise FrameError(f"column {name}: {len(data)} bytes for {block.rows} rows of {dtype}")


@dataclass
class _Open:
    """A block that still grows."""

    first: int
    every: int
    last: int
    columns: dict[str, list[float]] = field(default_factory=dict)
    rows: int = 0


class Source(Protocol):
    """Keeps rows of a run until they are asked for."""

    def take(self, run: str) -> list[Block]: ...


_Grown = dict[tuple[str, int], _Open]
_Closed = Sequence[tuple[str, _Open]]


class Taken:
    """Rows taken from a buffer, packed when they are asked for: whoever sends them can do that
    while training goes on."""

    def __init__(
        self, ready: list[Block], closed: _Closed = (), grown: _Grown | None = None
    ) -> None:
        self._ready = ready
        self._closed = closed
        self._grown = grown or {}

    def blocks(self) -> list[Block]:
        """The rows as blocks; those of one run in their order."""
        closed = [_packed_block(run, block) for run, block in self._closed]
        grown = [_packed_block(run, block) for (run, _), block in self._grown.items()]
        return self._ready + closed + grown


class ColumnBuffer:
    """Collects rows step by step and turns them into blocks."""

    def __init__(self) -> None:
        self._open: _Grown = {}
        self._closed: list[tuple[str, _Open]] = []
        self._sources: dict[str, Source] = {}

    def __bool__(self) -> bool:
        return bool(self._open or self._closed or self._sources)

    def wait_for(self, run: str, source: Source) -> None:
        """`source` holds rows of `run`, to be asked for when they are taken."""
        self._sources[run] = source

    def add(self, run: str, step: int, values: dict[str, float], every: int = 1) -> None:
        """Append one row; a gap in steps or another set of columns starts a new block."""
        block = self._open.get((run, every))
        if block is not None and (
            step != block.last + every or block.columns.keys() != values.keys()
        ):
            self._closed.append((run, block))
            block = None
        if block is None:
            block = _Open(step, every, step, {name: [] for name in values})
            self._open[run, every] = block
        for name, value in values.items():
            block.columns[name].append(value)
        block.last = step
        block.rows += 1

    def take(self) -> Taken:
        """All rows so far; the buffer is empty afterwards."""
        ready = [block for run, source in self._sources.items() for block in source.take(run)]
        # As it is: what is copied or let go of here is paid for by the training.
        taken = Taken(ready, self._closed, self._open)
        self._open, self._closed, self._sources = {}, [], {}
        return taken


def _packed_block(run: str, block: _Open) -> Block:
    return Block(run, block.first, block.every, block.rows, packed(block.columns))


Column = Sequence[float] | NDArray[np.floating]


def packed(columns: Mapping[str, Column]) -> dict[str, tuple[str, bytes]]:
    """Dtype and bytes of columns of one length; float32 of what is too large for it is infinite."""
    return {name: _packed(values, name in EXACT) for name, values in columns.items()}


def _packed(values: Column, exact: bool) -> tuple[str, bytes]:
    dtype, kind, code = _DOUBLE if exact else _SINGLE
    if isinstance(values, list | tuple):
        # In a fifth of the time that an array of NumPy's takes for a few numbers.
        try:
            return dtype, struct.pack(f"<{len(values)}{code}", *values)
        except OverflowError:
            pass
    with np.errstate(over="ignore"):
        return dtype, np.asarray(values, kind).tobytes()


_DOUBLE, _SINGLE = ("f8", np.dtype("<f8"), "d"), ("f4", np.dtype("<f4"), "f")


def merge(frames: Iterable[Frame]) -> Frame:
    """One frame with the rows of many, in order; its `seq` is the last one's.

    Blocks of a run that continue each other become one block.

    Raises:
        ValueError: no frames.
    """
    parts: dict[tuple[str, int], list[Block]] = {}
    seq = 0
    for frame in frames:
        seq = frame.seq
        for block in frame.blocks:
            parts.setdefault((block.run, block.every), []).append(block)
    if seq == 0:
        raise ValueError("merge needs at least one frame")
    return Frame(VERSION, seq, [block for blocks in parts.values() for block in joined(blocks)])


def joined(blocks: Iterable[Block]) -> list[Block]:
    """Blocks of one run in order, those that continue each other as one."""
    chains: list[list[Block]] = []
    for block in blocks:
        if chains and _continues(chains[-1][-1], block):
            chains[-1].append(block)
        else:
            chains.append([block])
    return [chain[0] if len(chain) == 1 else _joined(chain) for chain in chains]


def _continues(before: Block, block: Block) -> bool:
    return (
        block.first == before.last + before.every and block.columns.keys() == before.columns.keys()
    )


def _joined(chain: list[Block]) -> Block:
    head = chain[0]
    columns = {
        name: (dtype, b"".join(block.columns[name][1] for block in chain))
        for name, (dtype, _) in head.columns.items()
    }
    return Block(head.run, head.first, head.every, sum(b.rows for b in chain), columns)


def rows(frame: Frame) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Every row as (run, step, values): for tests, exports and the command line."""
    for block in frame.blocks:
        columns = {name: block.column(name) for name in block.columns}
        for i in range(block.rows):
            values = {name: float(column[i]) for name, column in columns.items()}
            yield block.run, block.first + i * block.every, values
