"""Which rows came with which frame, of frames whose rows are in chunks.

With it a viewer's cursor means after compaction what it meant before: the frames after it can be
made again, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np

from backend.store import codec
from lrd_core.engine.frames import Block, Frame


class Shape(NamedTuple):
    """What blocks of a run have in common: name and dtype of every column, in order."""

    run: str
    every: int
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rows:
    """The rows of one block: `count` from step `first`."""

    shape: Shape
    first: int
    count: int

    @property
    def last(self) -> int:
        """Step of the last row."""
        return self.first + (self.count - 1) * self.shape.every


class _Stored(msgspec.Struct):
    shapes: list[Shape]
    frames: int
    rows: int
    #: Of each frame: blocks in it; of each block: shape, first step, rows.
    numbers: list[bytes]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)


def rows_of(block: Block) -> Rows:
    """What a block holds, without its values."""
    columns = tuple((name, dtype) for name, (dtype, _) in block.columns.items())
    return Rows(Shape(block.run, block.every, columns), block.first, block.rows)


def encode(frames: Sequence[Frame]) -> bytes:
    """What each of `frames` held."""
    shapes: dict[Shape, int] = {}
    table = []
    for frame in frames:
        for block in frame.blocks:
            rows = rows_of(block)
            table.append((shapes.setdefault(rows.shape, len(shapes)), rows.first, rows.count))
    numbers = np.array(table, "<u8").reshape(-1, 3).T
    blocks = np.array([len(frame.blocks) for frame in frames], "<u8")
    packed = [codec.encode(np.ascontiguousarray(part)) for part in (blocks, *numbers)]
    return _encoder.encode(_Stored(list(shapes), len(frames), len(table), packed))


def decode(data: bytes) -> list[list[Rows]]:
    """For each frame the rows of its blocks.

    Raises:
        CodecError: it is not that.
    """
    try:
        stored = _decoder.decode(data)
        blocks, *parts = stored.numbers
        shape, first, count = (codec.decode(part, "u8", stored.rows).tolist() for part in parts)
        rows = [Rows(stored.shapes[s], f, c) for s, f, c in zip(shape, first, count, strict=True)]
        ends = np.cumsum(codec.decode(blocks, "u8", stored.frames)).tolist()
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise codec.CodecError(str(error)) from None
    if (ends[-1] if ends else 0) != len(rows):
        raise codec.CodecError("its frames do not hold its rows")
    return [rows[start:end] for start, end in zip([0, *ends], ends, strict=False)]
