"""Chunks in the database: written once, never changed, checked whenever they are read."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import Connection, Row, bindparam, select

from backend.store import codec
from backend.store.codec import CodecError, Column
from backend.store.database import StoreError
from backend.store.pyramid import BLOCK, GROUP, Buckets, Ints
from backend.store.tables import chunks, series

#: Rows of a chunk at most; a chunk never reaches over a multiple of it.
WINDOW = 16_384


class Key(NamedTuple):
    """A column of a run whose rows lie at ``index * every + phase``; one dtype."""

    run: str
    name: str
    every: int
    phase: int
    dtype: str


@dataclass
class Line:
    """A row of `tables.series`; `id` 0 is one that is not stored yet."""

    id: int
    key: Key
    start: int
    closed: int
    covered: int
    stop: int

    def step(self, index: Any) -> Any:
        """The step of a row's index."""
        return index * self.key.every + self.key.phase

    def indices(self, first: int, last: int) -> tuple[int, int]:
        """The half-open range of indices of the rows from step `first` to `last`."""
        low = -(-(first - self.key.phase) // self.key.every)
        return max(low, 0), (last - self.key.phase) // self.key.every + 1


@dataclass(frozen=True)
class Chunk:
    """A chunk to be written; of `line`, whose id may not be known yet."""

    line: Line
    level: int
    first: int
    rows: int
    bytes: bytes

    def values(self, series_id: int) -> dict[str, Any]:
        """The row of `tables.chunks`."""
        return {
            "series_id": series_id,
            "level": self.level,
            "first": self.first,
            "rows": self.rows,
            "checksum": checksum(self.line.key, self.level, self.first, self.rows, self.bytes),
            "bytes": self.bytes,
        }


def checksum(key: Key, level: int, first: int, rows: int, data: bytes) -> int:
    """CRC-32 of a chunk's bytes and of what it says it is."""
    about = "\n".join(map(str, (*key, level, first, rows)))
    return zlib.crc32(data, zlib.crc32(about.encode()))


def lines(
    connection: Connection,
    experiment: str,
    run: str | None = None,
    names: Collection[str] | None = None,
) -> list[Line]:
    """All columns of an experiment that have chunks, or those of a run, with these names."""
    query = select(series).where(series.c.experiment_id == experiment).order_by(series.c.id)
    if run is not None:
        query = query.where(series.c.run == run)
    if names is not None:
        query = query.where(series.c.name.in_(names))
    return [
        Line(
            row.id,
            Key(row.run, row.name, row.every, row.phase, row.dtype),
            row.start,
            row.closed,
            row.covered,
            row.stop,
        )
        for row in connection.execute(query)
    ]


def broken(line: Line, level: int, first: int, why: object) -> StoreError:
    """The error that names a chunk."""
    name = f"{line.key.run} {line.key.name}, level {level}, from {first}"
    return StoreError(
        f"chunk of series {line.id} ({name}): {why}; "
        "restore it from a backup; `lrd verify` lists all that is damaged"
    )


def opened(line: Line, row: Row[Any] | Any) -> Column:
    """The values of a chunk of level 0, (rows,).

    Raises:
        StoreError: it is damaged.
    """
    checked(line, row)
    try:
        return codec.decode(row.bytes, line.key.dtype, row.rows)
    except CodecError as error:
        raise broken(line, row.level, row.first, error) from None


def checked(line: Line, row: Row[Any] | Any) -> None:
    """Compare a chunk with its checksum.

    Raises:
        StoreError: it is not what was written.
    """
    if checksum(line.key, row.level, row.first, row.rows, row.bytes) != row.checksum:
        raise broken(line, row.level, row.first, "its checksum differs")


#: Chunks of some series on one level. Built once: a page of charts makes hundreds of these reads.
_BETWEEN = (
    select(chunks)
    .where(chunks.c.series_id.in_(bindparam("of", expanding=True)))
    .where(chunks.c.level == bindparam("at"))
    .where(chunks.c.first >= bindparam("low"), chunks.c.first < bindparam("high"))
    .order_by(chunks.c.series_id, chunks.c.first)
)


def read_rows(
    connection: Connection, of: Sequence[Line], first: int, stop: int
) -> dict[int, list[tuple[int, Column]]]:
    """By id of the series its rows with indices from `first` to `stop` - 1, as consecutive pieces:
    index of the first one and values.

    Raises:
        StoreError: a chunk is damaged.
    """
    by_id = {line.id: line for line in of}
    wanted = {"of": list(by_id), "low": first // WINDOW * WINDOW, "high": stop, "at": 0}
    found: dict[int, list[tuple[int, Column]]] = {id: [] for id in by_id}
    for chunk in connection.execute(_BETWEEN, wanted):
        low, high = max(first, chunk.first), min(stop, chunk.first + chunk.rows)
        if low < high:
            values = opened(by_id[chunk.series_id], chunk)
            part = values[low - chunk.first : high - chunk.first]
            found[chunk.series_id].append((low, part))
    return found


def laid_out(pieces: Iterable[tuple[int, Column]], dtype: str) -> tuple[Ints, Column]:
    """Index and value of every row of consecutive pieces."""
    found = list(pieces)
    if not found:
        return np.empty(0, np.int64), np.empty(0, f"<{dtype}")
    index = [np.arange(first, first + len(values)) for first, values in found]
    return np.concatenate(index), np.concatenate([values for _, values in found])


# --- pyramid --------------------------------------------------------------------------------------

_packed = msgspec.msgpack.Encoder()
_unpacked = msgspec.msgpack.Decoder(list[bytes])


def pack_buckets(line: Line, level: int, buckets: Buckets) -> list[Chunk]:
    """Chunks of `GROUP` buckets; those without rows in between count as empty."""
    made = []
    groups = buckets.number // GROUP
    for group in np.unique(groups).tolist():
        base = group * GROUP
        part = buckets.between(base, base + GROUP)
        rows = int(part.number[-1]) - base + 1
        place = part.number - base
        columns = []
        for values in part.parts[1:]:
            whole = values.dtype.kind == "i"
            dtype = "<u4" if whole else values.dtype
            column = np.full(rows, 0 if whole else np.nan, dtype)
            column[place] = values
            columns.append(codec.encode(column))
        made.append(Chunk(line, level, base, rows, _packed.encode(columns)))
    return made


def opened_buckets(line: Line, row: Row[Any] | Any) -> Buckets:
    """The buckets of a chunk of a level above 0, those that hold rows.

    Raises:
        StoreError: it is damaged.
    """
    checked(line, row)
    try:
        parts = _unpacked.decode(row.bytes)
        dtypes = ("u4", "u4", *[line.key.dtype] * 3, "f4")[: max(5, len(parts))]
        columns = [codec.decode(p, d, row.rows) for p, d in zip(parts, dtypes, strict=True)]
    except (ValueError, msgspec.MsgspecError) as error:
        raise broken(line, row.level, row.first, error) from None
    count, bad, low, high, last = columns[:5]
    # Chunks that were written before means were kept have none.
    mean = columns[5] if len(columns) > 5 else np.full(row.rows, np.nan, np.float32)
    here = np.flatnonzero(count)
    if len(here) == len(count):
        here = slice(None)  # type: ignore[assignment]
    number = np.arange(row.first, row.first + row.rows)[here]
    counts = count[here].astype(np.int64), bad[here].astype(np.int64)
    return Buckets(number, *counts, low[here], high[here], last[here], mean[here])


def read_buckets(
    connection: Connection, line: Line, level: int, first: int, stop: int
) -> list[Buckets]:
    """Stored buckets with numbers from `first` to `stop` - 1, in pieces.

    Raises:
        StoreError: a chunk is damaged.
    """
    wanted = {"of": [line.id], "low": first // GROUP * GROUP, "high": stop, "at": level}
    found = (opened_buckets(line, chunk) for chunk in connection.execute(_BETWEEN, wanted))
    return [part for part in (buckets.between(first, stop) for buckets in found) if len(part)]


def whole_blocks(line: Line) -> int:
    """Up to which index the pyramid can go."""
    return line.closed // BLOCK * BLOCK
