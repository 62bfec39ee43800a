"""Is all that is stored whole? Every checksum, every frame, every row in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from backend.store.chunks import Key, Line, laid_out, lines, opened, opened_buckets
from backend.store.database import StoreError
from backend.store.history import opened as opened_span
from backend.store.pyramid import SIZES, Buckets, bucketed, chained
from backend.store.tables import chunks, experiments, frames, spans
from lrd_core.engine.frames import FrameError, decode


@dataclass
class Findings:
    """What was looked at, and a sentence for everything that is wrong."""

    experiments: int = 0
    frames: int = 0
    chunks: int = 0
    values: int = 0
    bad: list[str] = field(default_factory=list)

    def add(self, experiment: str, what: object) -> None:
        self.bad.append(f"experiment {experiment}: {what}")


def verify(connection: Connection) -> Findings:
    """Look at everything; `connection` is one of a snapshot, so that a server may go on."""
    found = Findings()
    try:
        ids = select(experiments.c.id).order_by(experiments.c.id)
        for id in connection.execute(ids).scalars().all():
            found.experiments += 1
            listed = _frames(connection, id, found)
            for line in lines(connection, id):
                _line(connection, id, line, listed, found)
    except DBAPIError as error:
        found.bad.append(f"the database itself: {error.orig}; nothing after it was looked at")
    return found


#: Rows that the lists of spans name, by run, interval, phase, column and dtype.
Listed = dict[Key, int]


def _frames(connection: Connection, id: str, found: Findings) -> Listed:
    """Look at an experiment's frames and at the lists of those that are in chunks."""
    listed: Listed = {}
    seq = 0
    query = select(spans).where(spans.c.experiment_id == id).order_by(spans.c.last_seq)
    for span in connection.execute(query):
        if span.first_seq != seq + 1:
            found.add(id, f"frames {seq + 1} to {span.first_seq - 1} are missing")
        seq = span.last_seq
        try:
            for rows in (rows for frame in opened_span(span) for rows in frame):
                shape = rows.shape
                for name, dtype in shape.columns:
                    key = Key(shape.run, name, shape.every, rows.first % shape.every, dtype)
                    listed[key] = listed.get(key, 0) + rows.count
        except StoreError as error:
            found.add(id, error)
    row = frames.c
    tail = select(row.seq, row.bytes).where(row.experiment_id == id).order_by(row.seq)
    for number, data in connection.execution_options(yield_per=64).execute(tail):
        found.frames += 1
        if number != seq + 1:
            found.add(id, f"frames {seq + 1} to {number - 1} are missing")
        seq = number
        try:
            frame = decode(data)
        except FrameError as error:
            found.add(id, f"frame {number}: {error}")
            continue
        if frame.seq != number:
            found.add(id, f"frame {number} says that it is frame {frame.seq}")
        found.values += sum(block.rows * len(block.columns) for block in frame.blocks)
    return listed


def _line(connection: Connection, id: str, line: Line, listed: Listed, found: Findings) -> None:
    """Look at the chunks of one series: each by itself, then the pyramid against the rows."""
    name = f"{line.key.run} {line.key.name}"
    pieces, whole = [], True
    row = chunks.c
    query = select(chunks).where(row.series_id == line.id).order_by(row.level, row.first)
    summed: dict[int, list[Buckets]] = {}
    for chunk in connection.execution_options(yield_per=64).execute(query):
        found.chunks += 1
        try:
            if chunk.level == 0:
                pieces.append((chunk.first, opened(line, chunk)))
            else:
                summed.setdefault(chunk.level, []).append(opened_buckets(line, chunk))
        except StoreError as error:
            whole = False
            found.add(id, error)
    index, values = laid_out(pieces, line.key.dtype)
    found.values += len(values)
    if not whole:
        return
    if len(index) != listed.get(line.key, 0):
        found.add(id, f"{name}: {len(index)} rows in chunks, {listed.get(line.key, 0)} listed")
    if len(index) and (index[0], index[-1] + 1) != (line.start, line.stop):
        found.add(id, f"{name}: its rows are not those from {line.start} to {line.stop - 1}")
    if (np.diff(index) < 1).any():
        found.add(id, f"{name}: rows are there twice")
    gaps = np.flatnonzero(np.diff(index) > 1)
    if line.key.name == "loss" and len(gaps):
        after, before = index[gaps[0]], index[gaps[0] + 1]
        found.add(id, f"{name}: no rows between steps {line.step(after)} and {line.step(before)}")
    upto = int(np.searchsorted(index, line.covered))
    for level, size in enumerate(SIZES, 1):
        expected = bucketed(index[:upto], values[:upto], size)
        got = chained(summed[level]) if level in summed else bucketed(index[:0], values[:0], size)
        if not _same(expected, got):
            found.add(id, f"{name}: its buckets of {size} rows are not those of its rows")


def _same(one: Buckets, other: Buckets) -> bool:
    pairs: Iterator[tuple[np.ndarray, np.ndarray]] = zip(
        one.parts[:-1], other.parts[:-1], strict=True
    )
    if not all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs):
        return False
    # A mean may have been rounded on the way, and older chunks have none.
    kept = ~np.isnan(other.mean)
    return np.allclose(one.mean[kept], other.mean[kept], rtol=1e-5, atol=1e-6)
