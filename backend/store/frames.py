"""Frames as they come: appended once each, in order; the tail that is not in chunks yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, insert, select, update

from backend.store import times
from backend.store.database import StoreError
from backend.store.history import newest
from backend.store.notify import notify
from backend.store.records import ACTIVE, QUEUED
from backend.store.tables import experiments, frames, series
from lrd_core.engine.frames import Block, Frame, FrameError, decode


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
    """A frame as it is stored: its bytes, and the steps it covers.

    `reached` is the newest step of every run that has rows of every step in it.
    """

    seq: int
    first_step: int
    last_step: int
    data: bytes
    reached: Mapping[str, int] = field(default_factory=dict)


def pack(frame: Frame, data: bytes) -> Packed:
    """`frame`, whose bytes are `data`."""
    first = min((block.first for block in frame.blocks), default=0)
    last = max((block.last for block in frame.blocks), default=0)
    reached: dict[str, int] = {}
    for block in frame.blocks:
        if block.every == 1:
            reached[block.run] = max(block.last, reached.get(block.run, 0))
    return Packed(frame.seq, first, last, data, reached)


def append(
    connection: Connection, experiment: str, packed: Packed, at: float | None = None
) -> bool:
    """Store one frame; False if it is there already. `at` (Unix seconds) is noted with it.

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
    if at is not None:
        times.note(connection, experiment, packed.reached, at)
    notify(connection, "frame", experiment, packed.seq)
    return True


def tail(
    connection: Connection,
    experiment: str,
    run: str | None = None,
    first: int = 1,
    last: int | None = None,
) -> Iterator[Block]:
    """Blocks of `run` (None: of all) in the tail, with rows from step `first` to `last` (None is
    the newest).

    Raises:
        StoreError: a frame is damaged.
    """
    row = frames.c
    query = select(row.seq, row.bytes).where(
        row.experiment_id == experiment, row.last_step >= first
    )
    if last is not None:
        query = query.where(row.first_step <= last)
    for seq, data in connection.execution_options(yield_per=256).execute(query.order_by(row.seq)):
        for block in _opened(experiment, seq, data).blocks:
            inside = block.last >= first and (last is None or block.first <= last)
            if inside and (run is None or block.run == run):
                yield block


def _opened(experiment: str, seq: int, data: bytes) -> Frame:
    try:
        return decode(data)
    except FrameError as error:
        raise StoreError(
            f"frame {seq} of experiment {experiment}: {error}; restore it from a backup; "
            "`lrd verify` lists all that is damaged"
        ) from None


@dataclass(frozen=True)
class Tail:
    """Frames of an experiment that are not in chunks."""

    experiment: str
    ended: bool
    frames: int
    size: int


def tails(connection: Connection) -> list[Tail]:
    """Those of all experiments that have one."""
    row = frames.c
    size = func.sum(func.length(row.bytes))
    query = (
        select(row.experiment_id, experiments.c.state, func.count(), size)
        .join_from(frames, experiments)
        .group_by(row.experiment_id, experiments.c.state)
    )
    return [
        Tail(id, state not in (*ACTIVE, QUEUED), count, int(size))
        for id, state, count, size in connection.execute(query)
    ]


def last_steps(connection: Connection, experiment: str, runs: Collection[str]) -> dict[str, int]:
    """The newest step of each of `runs`; those without rows are left out.

    Rows at an interval may come late: only those of a step itself, which have a loss, count.
    """
    found = _chunked(connection, experiment)
    tail_runs: dict[str, int] = {}
    row = frames.c
    query = select(row.bytes).where(row.experiment_id == experiment).order_by(row.seq.desc())
    with connection.execution_options(yield_per=64).execute(query) as result:
        for (data,) in result:
            frame = decode(data)
            of_steps = [block for block in frame.blocks if "loss" in block.columns]
            for run, step in newest_steps(Frame(frame.v, frame.seq, of_steps)).items():
                tail_runs.setdefault(run, step)
            if tail_runs.keys() >= set(runs):
                break
    found |= tail_runs
    return {run: step for run, step in found.items() if run in runs}


def _chunked(connection: Connection, experiment: str) -> dict[str, int]:
    """The newest step with a loss, in chunks, of every run."""
    row = series.c
    step = func.max((row.stop - 1) * row.every + row.phase)
    query = (
        select(row.run, step)
        .where(row.experiment_id == experiment, row.name == "loss")
        .group_by(row.run)
    )
    return {run: int(last) for run, last in connection.execute(query)}


def newest_steps(frame: Frame) -> dict[str, int]:
    """The newest step of every run in `frame`."""
    steps: dict[str, int] = {}
    for block in frame.blocks:
        steps[block.run] = max(steps.get(block.run, 0), block.last)
    return steps


def stored(
    connection: Connection, experiment: str, after: int, limit: int
) -> list[tuple[int, bytes]]:
    """The stored frames after `after` as they came, at most `limit`: (seq, bytes) each."""
    row = frames.c
    query = (
        select(row.seq, row.bytes)
        .where(row.experiment_id == experiment, row.seq > after)
        .order_by(row.seq)
        .limit(limit)
    )
    return [(seq, bytes(data)) for seq, data in connection.execute(query)]
