"""What a viewer missed: all rows after its cursor, from chunks and frames, as frames."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from backend.store import ledger
from backend.store.chunks import Line, laid_out, lines, read_rows
from backend.store.codec import CodecError
from backend.store.database import StoreError
from backend.store.ledger import Rows
from backend.store.tables import frames, spans
from lrd_core.engine.frames import ITEM_SIZES, VERSION, Block, Frame, decode, encode, merge

#: A catch-up piece holds about this many bytes.
PIECE_BYTES = 1_000_000


def newest(connection: Connection, experiment: str) -> int:
    """Sequence number of the newest stored frame, 0 if there is none."""
    last = select(func.max(frames.c.seq)).where(frames.c.experiment_id == experiment)
    found = connection.execute(last).scalar()
    if found is None:
        last = select(func.max(spans.c.last_seq)).where(spans.c.experiment_id == experiment)
        found = connection.execute(last).scalar()
    return found or 0


def piece(connection: Connection, experiment: str, after: int) -> tuple[int, bytes] | None:
    """The next frames after `after` merged into one of about `PIECE_BYTES`: its seq and bytes.

    Raises:
        StoreError: a chunk is damaged.
    """
    row = spans.c
    query = (
        select(spans)
        .where(row.experiment_id == experiment, row.last_seq > after)
        .order_by(row.last_seq)
        .limit(1)
    )
    span = connection.execute(query).first()
    if span is None:
        return _of_frames(connection, experiment, after)
    return _of_chunks(connection, experiment, after, span)


def _of_frames(connection: Connection, experiment: str, after: int) -> tuple[int, bytes] | None:
    query = (
        select(frames.c.bytes)
        .where(frames.c.experiment_id == experiment, frames.c.seq > after)
        .order_by(frames.c.seq)
    )
    total, found = 0, []
    with connection.execution_options(yield_per=64).execute(query) as result:
        for (data,) in result:
            found.append(data)
            total += len(data)
            if total >= PIECE_BYTES:
                break
    if not found:
        return None
    merged = merge(decode(data) for data in found)
    return merged.seq, encode(merged)


def _of_chunks(connection: Connection, experiment: str, after: int, span: Any) -> tuple[int, bytes]:
    total, seq, wanted = 0, max(after, span.first_seq - 1), list[Rows]()
    for rows in opened(span)[seq - span.first_seq + 1 :]:
        seq += 1
        wanted += rows
        total += sum(_size(part) for part in rows)
        if total >= PIECE_BYTES:
            break
    known: dict[tuple[str, int, int, str, str], Line] = {}
    for line in lines(connection, experiment):
        key = line.key
        known[key.run, key.every, key.phase, key.name, key.dtype] = line
    blocks = [_block(connection, known, rows) for rows in joined(wanted)]
    return seq, encode(Frame(VERSION, seq, blocks))


def opened(span: Any) -> list[list[Rows]]:
    """What each frame of a span held.

    Raises:
        StoreError: it is damaged.
    """
    name = f"frames {span.first_seq} to {span.last_seq} of experiment {span.experiment_id}"
    mend = "restore it from a backup; `lrd verify` lists all that is damaged"
    if zlib.crc32(span.bytes) != span.checksum:
        raise StoreError(f"{name}: the checksum of their list differs; {mend}")
    try:
        found = ledger.decode(span.bytes)
    except CodecError as error:
        raise StoreError(f"{name}: {error}; {mend}") from None
    if len(found) != span.last_seq - span.first_seq + 1:
        raise StoreError(f"{name}: their list holds {len(found)}; {mend}")
    return found


def _size(rows: Rows) -> int:
    return rows.count * sum(ITEM_SIZES[dtype] for _, dtype in rows.shape.columns)


def joined(wanted: Iterable[Rows]) -> list[Rows]:
    """Rows of a run that continue each other as one, in the order of `frames.merge`."""
    chains: dict[tuple[str, int], list[Rows]] = {}
    for rows in wanted:
        chain = chains.setdefault((rows.shape.run, rows.shape.every), [])
        before = chain[-1] if chain else None
        if (
            before is not None
            and before.shape == rows.shape
            and rows.first == before.last + rows.shape.every
        ):
            chain[-1] = Rows(rows.shape, before.first, before.count + rows.count)
        else:
            chain.append(rows)
    return [rows for chain in chains.values() for rows in chain]


def _block(
    connection: Connection, known: dict[tuple[str, int, int, str, str], Line], rows: Rows
) -> Block:
    shape = rows.shape
    index, phase = divmod(rows.first, shape.every)
    of = {name: known[shape.run, shape.every, phase, name, dtype] for name, dtype in shape.columns}
    found = read_rows(connection, list(of.values()), index, index + rows.count)
    columns = {}
    for name, dtype in shape.columns:
        _, values = laid_out(found[of[name].id], dtype)
        if len(values) != rows.count:
            raise StoreError(
                f"{shape.run} {name}: {len(values)} of {rows.count} rows from step {rows.first} "
                "are stored; restore them from a backup"
            )
        columns[name] = (dtype, values.tobytes())
    return Block(shape.run, rows.first, shape.every, rows.count, columns)
