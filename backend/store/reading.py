"""Series as they are asked for: every row, or as many buckets as there are pixels."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from backend.store.chunks import Key, Line, laid_out, lines, read_buckets, read_rows
from backend.store.codec import Column
from backend.store.frames import tail
from backend.store.pyramid import SIZES, Buckets, Ints, bucketed, chained, coarser

#: Where there are at most this many rows a pixel, they come as they are.
ROWS_A_PIXEL = 4


@dataclass(frozen=True)
class RawColumn:
    """Every row of a column in a range: steps and values, both (rows,)."""

    steps: Ints
    values: NDArray[np.floating[Any]]


@dataclass(frozen=True)
class BucketColumn:
    """A column in buckets: the step each begins and ends with, and what is in it."""

    first: Ints
    last: Ints
    buckets: Buckets


Read = RawColumn | BucketColumn


@dataclass
class _Source:
    """A column of one dtype and interval: what is in chunks, and in the tail."""

    line: Line
    pieces: list[tuple[int, Column]] = field(default_factory=list)

    @property
    def start(self) -> int:
        return min([self.line.start, *(first for first, _ in self.pieces)])

    @property
    def stop(self) -> int:
        return max([self.line.stop, *(first + len(values) for first, values in self.pieces)])


def read(
    connection: Connection,
    experiment: str,
    run: str,
    wanted: Collection[str] | None,
    first: int = 1,
    last: int | None = None,
    width: int | None = None,
) -> dict[str, Read]:
    """Columns of `run` from step `first` to `last`, both included (None is the newest).

    Args:
        connection: of a snapshot.
        wanted: names; None is all that there are. One without rows in the range is left out.
        width: pixels. A column with more than `ROWS_A_PIXEL` rows a pixel comes in at most
            `width` + 1 buckets, whose edges are multiples of their size: the first and the last
            may reach beyond the range. None: all rows.

    Raises:
        StoreError: a chunk is damaged.
    """
    found: dict[str, Read] = {}
    for (_, name), sources in _sources(connection, experiment, run, wanted).items():
        column = _column(connection, sources, first, last, width)
        if column is not None:
            found[name] = column
    return found


@dataclass(frozen=True)
class RunLines:
    """What a chart of many runs needs of one: names of all its columns, its newest step (0 without
    rows), and the columns that were asked for."""

    names: list[str]
    last: int
    columns: dict[str, Read]


def read_runs(
    connection: Connection,
    experiment: str,
    wanted: Collection[str],
    first: int = 1,
    last: int | None = None,
    width: int | None = None,
) -> dict[str, RunLines]:
    """As `read`, of every run that has rows.

    Raises:
        StoreError: a chunk is damaged.
    """
    found: dict[str, RunLines] = {}
    for (run, name), sources in _sources(connection, experiment, None, None).items():
        lines_of = found.setdefault(run, RunLines([], 0, {}))
        lines_of.names.append(name)
        if name == "loss":
            newest = max(int(source.line.step(source.stop - 1)) for source in sources)
            found[run] = lines_of = RunLines(lines_of.names, newest, lines_of.columns)
        column = _column(connection, sources, first, last, width) if name in wanted else None
        if column is not None:
            lines_of.columns[name] = column
    return found


def _column(
    connection: Connection,
    sources: list[_Source],
    first: int,
    last: int | None,
    width: int | None,
) -> Read | None:
    parts = [_read(connection, source, first, last, width) for source in sources]
    return _combined([part for part in parts if part is not None])


def count(
    connection: Connection,
    experiment: str,
    run: str,
    wanted: Collection[str] | None,
    first: int = 1,
    last: int | None = None,
) -> int:
    """Rows of all these columns together, those in gaps included."""
    sources = _sources(connection, experiment, run, wanted).values()
    ranges = [_range(source, first, last) for of in sources for source in of]
    return sum(max(0, high - low) for low, high in ranges)


def names(connection: Connection, experiment: str, run: str) -> list[str]:
    """Names of all columns that a run has rows of."""
    return sorted(name for _, name in _sources(connection, experiment, run, None))


def _sources(
    connection: Connection, experiment: str, run: str | None, wanted: Collection[str] | None
) -> dict[tuple[str, str], list[_Source]]:
    """What there is of every column, by run and name; of all runs if `run` is None."""
    known = {line.key: _Source(line) for line in lines(connection, experiment, run, wanted)}
    for block in tail(connection, experiment, run):
        index, phase = divmod(block.first, block.every)
        for name, (dtype, _) in block.columns.items():
            if wanted is not None and name not in wanted:
                continue
            key = Key(block.run, name, block.every, phase, dtype)
            if key not in known:
                known[key] = _Source(Line(0, key, index, index, index, index))
            known[key].pieces.append((index, block.column(name)))
    found: dict[tuple[str, str], list[_Source]] = {}
    for key, source in known.items():
        found.setdefault((key.run, key.name), []).append(source)
    return found


def _read(
    connection: Connection, source: _Source, first: int, last: int | None, width: int | None
) -> Read | None:
    low, high = _range(source, first, last)
    if low >= high:
        return None
    if width is None or high - low <= ROWS_A_PIXEL * width:
        return _raw(connection, source, low, high)
    return _bucketed(connection, source, low, high, width)


def _range(source: _Source, first: int, last: int | None) -> tuple[int, int]:
    """Half-open, of indices; empty if the first is not smaller."""
    line = source.line
    low, high = line.indices(first, last if last is not None else line.step(source.stop - 1))
    return max(low, source.start), min(high, source.stop)


def _raw(connection: Connection, source: _Source, low: int, high: int) -> RawColumn | None:
    index, values = _rows(connection, source, low, high)
    return RawColumn(source.line.step(index), values) if len(index) else None


def _rows(connection: Connection, source: _Source, low: int, high: int) -> tuple[Ints, Column]:
    line = source.line
    pieces = read_rows(connection, [line], low, high)[line.id] if line.id else []
    for first, values in source.pieces:
        begin, end = max(low, first), min(high, first + len(values))
        if begin < end:
            pieces.append((begin, values[begin - first : end - first]))
    index, values = laid_out(pieces, line.key.dtype)
    if len(index) > 1 and not (index[1:] > index[:-1]).all():
        order = np.argsort(index, kind="stable")
        index, values = index[order], values[order]
    return index, values


def _bucketed(
    connection: Connection, source: _Source, low: int, high: int, width: int
) -> BucketColumn | None:
    line, rows = source.line, high - low
    # At least half a bucket a pixel: as many as come of rows, too, where they do not divide evenly.
    level = sum(size * width <= 2 * rows for size in SIZES)
    unit = SIZES[level - 1] if level else 1
    size = unit * -(-rows // (unit * width))
    begin, end = low // size * size, -(-high // size) * size
    parts = []
    covered = min(max(line.covered, begin), end) if level and line.id else begin
    if covered > begin:
        stored = read_buckets(connection, line, level, begin // unit, -(-covered // unit))
        parts = [coarser(part, size // unit) for part in stored]
    index, values = _rows(connection, source, covered, end)
    parts.append(bucketed(index, values, size))
    buckets = chained(parts)
    if not len(buckets):
        return None
    first = np.maximum(buckets.number * size, source.start)
    last = np.minimum((buckets.number + 1) * size, source.stop) - 1
    return BucketColumn(line.step(first), line.step(last), buckets)


def _combined(parts: list[Read]) -> Read | None:
    """What several sources have of one column, by step; rows if they all came as rows."""
    if len(parts) <= 1:
        return parts[0] if parts else None
    raw = [part for part in parts if isinstance(part, RawColumn)]
    if len(raw) == len(parts):
        steps = np.concatenate([part.steps for part in raw])
        order = np.argsort(steps, kind="stable")
        return RawColumn(steps[order], np.concatenate([part.values for part in raw])[order])
    made = [part if isinstance(part, BucketColumn) else _single(part) for part in parts]
    first = np.concatenate([part.first for part in made])
    order = np.argsort(first, kind="stable")
    last = np.concatenate([part.last for part in made])[order]
    columns = zip(*(part.buckets.parts for part in made), strict=True)
    buckets = Buckets(*(np.concatenate(column)[order] for column in columns))
    return BucketColumn(first[order], last, buckets)


def _single(raw: RawColumn) -> BucketColumn:
    """Rows as buckets of one row each."""
    return BucketColumn(raw.steps, raw.steps, bucketed(raw.steps, raw.values, 1))


@dataclass
class Columns:
    """Collected rows of one run by column: steps and values of equal length."""

    steps: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)


def series(
    connection: Connection,
    experiment: str,
    run: str,
    wanted: Collection[str] | None,
    first: int,
    last: int | None,
) -> Columns:
    """Every row of `run` from step `first` to `last`, as Python numbers."""
    collected = Columns()
    for name, column in _raw_columns(read(connection, experiment, run, wanted, first, last)):
        collected.steps[name] = column.steps.tolist()
        collected.values[name] = column.values.tolist()
    return collected


def _raw_columns(found: dict[str, Read]) -> Iterator[tuple[str, RawColumn]]:
    for name, column in found.items():
        if isinstance(column, RawColumn):
            yield name, column
