"""Frames become chunks: planned on a snapshot beside all writers, then committed at once.

The rows of an experiment's oldest frames go on to its series, and the frames are deleted in the
same transaction. Rows are kept raw until their window of `WINDOW` indices is over, then compressed,
once; whole blocks of compressed rows go into the pyramid. Small raw chunks are joined when as many
rows follow, so that there are never more than a few of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from backend.store import codec, ledger
from backend.store.chunks import (
    WINDOW,
    Chunk,
    Key,
    Line,
    laid_out,
    lines,
    opened,
    opened_buckets,
    pack_buckets,
    read_rows,
    whole_blocks,
)
from backend.store.codec import Column
from backend.store.database import StoreError
from backend.store.pyramid import BLOCK, GROUP, SIZES, bucketed, chained
from backend.store.tables import chunks, frames, series, spans
from lrd_core.engine.frames import ITEM_SIZES, Frame, decode, merge

#: Bytes of frames that one transaction takes in, and of rows that it compresses: the next frame
#: that comes waits for it.
MOST_BYTES = 4_000_000
MOST_CLOSED = 8_000_000


class OverlapError(StoreError):
    """A frame has rows of steps that are stored already: it stays a frame."""


@dataclass(frozen=True)
class _Kept:
    """A raw chunk that is stored."""

    first: int
    rows: int


@dataclass
class _Piece:
    """Consecutive rows within one window; what they are made of."""

    first: int
    rows: int
    parts: list[_Kept | Column]

    @property
    def stored(self) -> bool:
        return len(self.parts) == 1 and isinstance(self.parts[0], _Kept)

    @property
    def window(self) -> int:
        return self.first // WINDOW

    def continues(self, before: _Piece) -> bool:
        return self.window == before.window and self.first == before.first + before.rows

    def after(self, before: _Piece) -> _Piece:
        """`before` and this as one."""
        return _Piece(before.first, before.rows + self.rows, [*before.parts, *self.parts])

    def values(self, kept: dict[int, Column]) -> Column:
        parts = [kept[p.first] if isinstance(p, _Kept) else p for p in self.parts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


@dataclass
class Plan:
    """What is to be written, and which frames it replaces."""

    experiment: str
    first_seq: int = 0
    last_seq: int = 0
    #: Bytes of the frames, and of rows that are compressed.
    size: int = 0
    closed: int = 0
    #: There is more to do after it.
    more: bool = False
    span: bytes = b""
    lines: list[Line] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    #: Chunks that others take the place of: series, level, first.
    replaced: list[tuple[int, int, int]] = field(default_factory=list)


def plan(connection: Connection, experiment: str, whole: bool = False) -> Plan | None:
    """What to do next with the oldest frames of an experiment.

    Args:
        connection: of a snapshot; nothing is written.
        whole: close the windows that are not over, too: no rows are expected soon.

    Returns:
        None if there is nothing to do.

    Raises:
        StoreError: a chunk is damaged.
        OverlapError: the frames cannot go on to chunks.
    """
    made = Plan(experiment)
    found = _oldest(connection, made)
    made.more = made.size >= MOST_BYTES
    whole = whole and not made.more
    known = {line.key: line for line in lines(connection, experiment)}
    fresh = _by_key(found, known)
    open_now = _open(connection, experiment)
    for key, line in known.items():
        new = fresh.get(key, [])
        stop = new[-1][0] + len(new[-1][1]) if new else line.stop
        over = _over(made, line, stop, whole)
        if new or over > line.closed:
            pieces = [_Piece(k.first, k.rows, [k]) for k in open_now.get(line.id, ())]
            pieces += [part for first, values in new for part in _split(first, values)]
            _line(connection, made, line, pieces, over)
    if found:
        made.span = ledger.encode(found)
    return made if found or made.lines else None


def _over(made: Plan, line: Line, stop: int, whole: bool) -> int:
    """Up to which index rows are to be compressed now."""
    over = max(line.closed, stop if whole else stop // WINDOW * WINDOW)
    size = (over - line.closed) * ITEM_SIZES[line.key.dtype]
    if size and made.closed and made.closed + size > MOST_CLOSED:
        made.more = True
        return line.closed
    made.closed += size
    return over


def _oldest(connection: Connection, made: Plan) -> list[Frame]:
    query = (
        select(frames.c.seq, frames.c.bytes)
        .where(frames.c.experiment_id == made.experiment)
        .order_by(frames.c.seq)
    )
    found = []
    with connection.execution_options(yield_per=64).execute(query) as result:
        for seq, data in result:
            found.append(decode(data))
            made.first_seq = made.first_seq or seq
            made.last_seq = seq
            made.size += len(data)
            if made.size >= MOST_BYTES:
                break
    return found


def _by_key(found: Sequence[Frame], known: dict[Key, Line]) -> dict[Key, list[tuple[int, Column]]]:
    """The rows of frames by series, as consecutive pieces; new series are added to `known`."""
    fresh: dict[Key, list[tuple[int, Column]]] = {}
    for block in merge(found).blocks if found else ():
        index, phase = divmod(block.first, block.every)
        for name, (dtype, _) in block.columns.items():
            key = Key(block.run, name, block.every, phase, dtype)
            line = known.get(key)
            if line is None:
                covered = index // BLOCK * BLOCK
                line = known[key] = Line(0, key, index, index, covered, index)
            pieces = fresh.setdefault(key, [])
            stop = pieces[-1][0] + len(pieces[-1][1]) if pieces else line.stop
            if index < stop:
                raise OverlapError(
                    f"{block.run} {name}: rows from step {block.first} are stored already; "
                    "its frames stay as they are"
                )
            pieces.append((index, block.column(name)))
    return fresh


def _open(connection: Connection, experiment: str) -> dict[int, list[_Kept]]:
    """The raw chunks of an experiment by id of the series."""
    query = (
        select(chunks.c.series_id, chunks.c.first, chunks.c.rows)
        .join_from(series, chunks)
        .where(series.c.experiment_id == experiment, chunks.c.level == 0)
        .where(chunks.c.first >= series.c.closed)
        .order_by(chunks.c.series_id, chunks.c.first)
    )
    found: dict[int, list[_Kept]] = {}
    for id, first, rows in connection.execute(query):
        found.setdefault(id, []).append(_Kept(first, rows))
    return found


def _split(first: int, values: Column) -> Iterable[_Piece]:
    """Rows cut at the borders of windows."""
    done = 0
    while done < len(values):
        start = first + done
        rows = min(len(values) - done, WINDOW - start % WINDOW)
        yield _Piece(start, rows, [values[done : done + rows]])
        done += rows


def _line(connection: Connection, made: Plan, line: Line, pieces: list[_Piece], over: int) -> None:
    """Plan the chunks of one series: compressed before index `over`, raw from there on."""
    stop = pieces[-1].first + pieces[-1].rows
    closing = _joined([p for p in pieces if p.first < over])
    opening = _merged([p for p in pieces if p.first >= over])
    written = [*closing, *(p for p in opening if not p.stored)]
    after = replace(line, stop=stop, closed=over)
    taken = [part for p in written for part in p.parts if isinstance(part, _Kept)]
    kept = _values(connection, line, taken)
    made.replaced += [(line.id, 0, k.first) for k in taken]
    final: list[tuple[int, Column]] = []
    for piece in written:
        values = piece.values(kept)
        if piece.first < over:
            final.append((piece.first, values))
            data = codec.encode(values)
        else:
            data = codec.encode_raw(values)
        made.chunks.append(Chunk(after, 0, piece.first, piece.rows, data))
    if whole_blocks(after) > line.covered:
        _sum_up(connection, made, after, final)
    made.lines.append(after)


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Pieces that follow each other in a window as one."""
    found: list[_Piece] = []
    for piece in pieces:
        found.append(piece.after(found.pop()) if found and piece.continues(found[-1]) else piece)
    return found


def _merged(pieces: list[_Piece]) -> list[_Piece]:
    """Each new piece takes in those before it that are no longer than itself."""
    found: list[_Piece] = []
    for piece in pieces:
        if not piece.stored:
            while found and piece.continues(found[-1]) and found[-1].rows <= piece.rows:
                piece = piece.after(found.pop())
        found.append(piece)
    return found


def _values(connection: Connection, line: Line, taken: list[_Kept]) -> dict[int, Column]:
    """The values of stored raw chunks by their first index."""
    if not taken:
        return {}
    row = chunks.c
    query = select(chunks).where(
        row.series_id == line.id, row.level == 0, row.first.in_([k.first for k in taken])
    )
    return {chunk.first: opened(line, chunk) for chunk in connection.execute(query)}


def _sum_up(
    connection: Connection, made: Plan, line: Line, final: list[tuple[int, Column]]
) -> None:
    """Put whole blocks of rows that are closed now into the pyramid."""
    begin, end = line.covered, whole_blocks(line)
    before: list[tuple[int, Column]] = []
    if line.id:
        first = final[0][0] if final else end
        before = read_rows(connection, [line], begin, min(first, end))[line.id]
    index, values = laid_out([*before, *final], line.key.dtype)
    low, high = np.searchsorted(index, [begin, end])
    for level, size in enumerate(SIZES, 1):
        buckets = bucketed(index[low:high], values[low:high], size)
        if not len(buckets):
            break
        base = int(buckets.number[0]) // GROUP * GROUP
        stored = _stored_group(connection, line, level, base)
        if stored is not None:
            made.replaced.append((line.id, level, base))
            buckets = chained([opened_buckets(line, stored), buckets])
        made.chunks += pack_buckets(line, level, buckets)
    line.covered = end


def _stored_group(connection: Connection, line: Line, level: int, base: int) -> Any:
    row = chunks.c
    query = select(chunks).where(row.series_id == line.id, row.level == level, row.first == base)
    return connection.execute(query).first() if line.id else None


# --- writing --------------------------------------------------------------------------------------


def apply(connection: Connection, made: Plan) -> None:
    """Write a plan and delete the frames that it replaces.

    Raises:
        StoreError: something else has changed them meanwhile; nothing is to be committed.
    """
    if made.span:
        _replace_frames(connection, made)
    ids = _write_lines(connection, made)
    if made.replaced:
        row = chunks.c
        this = (row.series_id == bindparam("s"), row.level == bindparam("l"))
        gone = delete(chunks).where(*this, row.first == bindparam("f"))
        keys = [{"s": id, "l": level, "f": first} for id, level, first in made.replaced]
        connection.execute(gone, keys)
    if made.chunks:
        values = [chunk.values(ids[chunk.line.key]) for chunk in made.chunks]
        connection.execute(insert(chunks), values)


def _write_lines(connection: Connection, made: Plan) -> dict[Key, int]:
    """Insert new series, update the ends of known ones; the ids of all in the plan."""
    fresh, known = [], []
    for line in made.lines:
        ends = {"closed": line.closed, "covered": line.covered, "stop": line.stop}
        if line.id:
            known.append({"of": line.id, **ends})
        else:
            about = {"experiment_id": made.experiment, "start": line.start}
            fresh.append({**about, **line.key._asdict(), **ends})
    if known:
        connection.execute(update(series).where(series.c.id == bindparam("of")), known)
    if fresh:
        connection.execute(insert(series), fresh)
        return {line.key: line.id for line in lines(connection, made.experiment)}
    return {line.key: line.id for line in made.lines}


def _replace_frames(connection: Connection, made: Plan) -> None:
    row = frames.c
    result = connection.execute(
        delete(frames).where(row.experiment_id == made.experiment, row.seq <= made.last_seq)
    )
    if result.rowcount != made.last_seq - made.first_seq + 1:
        raise StoreError(
            f"experiment {made.experiment}: its frames were changed by another process; "
            "use one server a store"
        )
    connection.execute(
        insert(spans).values(
            experiment_id=made.experiment,
            first_seq=made.first_seq,
            last_seq=made.last_seq,
            checksum=zlib.crc32(made.span),
            bytes=made.span,
        )
    )
