"""Frames in the store: appended once each, read back merged for catch-up or as series."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, insert, select, update

from backend.store.tables import experiments, frames
from lrd_core.engine.frames import Frame, decode, encode, merge

#: A catch-up piece holds stored frames of about this many bytes.
PIECE_BYTES = 1_000_000


class SequenceGapError(RuntimeError):
    """A frame came before the one it follows; nothing was stored."""

    def __init__(self, experiment: str, seq: int, newest: int) -> None:
        super().__init__(
            f"frame {seq} of experiment {experiment} came after frame {newest}; "
            f"send {newest + 1} first"
        )
        self.newest = newest


@dataclass(frozen=True)
class Packed:
    """A frame as it is stored: its bytes, and the steps it covers."""

    seq: int
    first_step: int
    last_step: int
    data: bytes


def pack(frame: Frame, data: bytes) -> Packed:
    """`frame`, whose bytes are `data`."""
    first = min((block.first for block in frame.blocks), default=0)
    last = max((block.last for block in frame.blocks), default=0)
    return Packed(frame.seq, first, last, data)


def newest(connection: Connection, experiment: str) -> int:
    """Sequence number of the newest stored frame, 0 if there is none."""
    query = select(func.max(frames.c.seq)).where(frames.c.experiment_id == experiment)
    return connection.execute(query).scalar() or 0


def append(connection: Connection, experiment: str, packed: Packed) -> bool:
    """Store one frame; False if it is there already.

    Raises:
        SequenceGapError: the frame before it is missing.
    """
    stored = newest(connection, experiment)
    if packed.seq <= stored:
        return False
    if packed.seq > stored + 1:
        raise SequenceGapError(experiment, packed.seq, stored)
    connection.execute(
        insert(frames).values(
            experiment_id=experiment,
            seq=packed.seq,
            first_step=packed.first_step,
            last_step=packed.last_step,
            bytes=packed.data,
        )
    )
    row = experiments.c
    connection.execute(
        update(experiments)
        .where(row.id == experiment, row.step < packed.last_step)
        .values(step=packed.last_step)
    )
    return True


def piece(connection: Connection, experiment: str, after: int) -> tuple[int, bytes] | None:
    """The next frames after `after` merged into one of about `PIECE_BYTES`: its seq and bytes."""
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
    """Rows of `run` from step `first` to `last` (both included; None is the newest)."""
    collected = Columns()
    for frame in _overlapping(connection, experiment, first, last):
        for block in frame.blocks:
            if block.run != run:
                continue
            low = max(0, -(-(first - block.first) // block.every))
            high = block.rows
            if last is not None:
                high = min(high, (last - block.first) // block.every + 1)
            if high <= low:
                continue
            steps = range(
                block.first + low * block.every, block.first + high * block.every, block.every
            )
            for name in block.columns:
                if wanted is None or name in wanted:
                    collected.steps.setdefault(name, []).extend(steps)
                    values = block.column(name)[low:high].tolist()
                    collected.values.setdefault(name, []).extend(values)
    return collected


def _overlapping(
    connection: Connection, experiment: str, first: int, last: int | None
) -> Iterator[Frame]:
    row = frames.c
    query = select(row.bytes).where(row.experiment_id == experiment, row.last_step >= first)
    if last is not None:
        query = query.where(row.first_step <= last)
    for (data,) in connection.execution_options(yield_per=256).execute(query.order_by(row.seq)):
        yield decode(data)


def last_steps(connection: Connection, experiment: str, runs: Collection[str]) -> dict[str, int]:
    """The newest step of each of `runs`, found from the end; those without rows are left out.

    Rows at an interval may come late: only those of a step itself, which have a loss, count.
    """
    row = frames.c
    query = select(row.bytes).where(row.experiment_id == experiment).order_by(row.seq.desc())
    found: dict[str, int] = {}
    with connection.execution_options(yield_per=64).execute(query) as result:
        for (data,) in result:
            frame = decode(data)
            of_steps = [block for block in frame.blocks if "loss" in block.columns]
            for run, step in newest_steps(Frame(frame.v, frame.seq, of_steps)).items():
                found.setdefault(run, step)
            if found.keys() >= set(runs):
                break
    return {run: step for run, step in found.items() if run in runs}


def newest_steps(frame: Frame) -> dict[str, int]:
    """The newest step of every run in `frame`."""
    steps: dict[str, int] = {}
    for block in frame.blocks:
        steps[block.run] = max(steps.get(block.run, 0), block.last)
    return steps
