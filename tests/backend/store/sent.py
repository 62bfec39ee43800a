"""A job that sends frames and remembers every value, and what must be read of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sqlalchemy import create_engine, func, select

from backend.store import Store
from backend.store.frames import pack
from backend.store.reading import BucketColumn, RawColumn
from lrd_core.engine.frames import Block, Frame, decode, encode, packed


def block(run: str, first: int, count: int, every: int = 1, seed: int = 0) -> Block:
    """Rows as a job sends them, with every kind of value that there is."""
    rng = np.random.default_rng([seed, first, every])
    loss = rng.normal(size=count).astype(np.float32).astype(np.float64)
    loss[rng.random(count) < 0.01] = rng.choice([np.nan, np.inf, -np.inf, -0.0, 1e300])
    if every > 1:
        columns = {"test_loss": loss, "test_accuracy": np.round(rng.random(count), 2)}
    else:
        columns = {"loss": loss, "lr": np.full(count, 0.1), "x": rng.normal(size=count)}
    return Block(run, first, every, count, packed(columns))


class Job:
    """Sends frames; remembers every value."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.seq = 0
        self.blocks: list[tuple[int, Block]] = []

    async def send(self, *blocks: Block) -> None:
        self.seq += 1
        frame = Frame(1, self.seq, list(blocks))
        self.blocks += [(self.seq, one) for one in blocks]
        assert await self.store.append_frame("e1", pack(frame, encode(frame)))

    def expected(self, run: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values of a column."""
        of = [b for _, b in self.blocks if b.run == run and name in b.columns]
        steps = [np.arange(b.first, b.last + 1, b.every) for b in of]
        return np.concatenate(steps), np.concatenate([b.column(name) for b in of])


@contextmanager
def fresh_store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/lrd.sqlite3")
        try:
            yield store
        finally:
            store.close()


def bits(values: Any) -> bytes:
    return np.asarray(values).tobytes()


def by_column(data: list[bytes]) -> dict[tuple[str, int, str], tuple[bytes, bytes]]:
    """Steps and values of every column in frames; no row may come twice."""
    parts: dict[tuple[str, int, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for one in data:
        for made in decode(one).blocks:
            steps = np.arange(made.first, made.last + 1, made.every)
            for name in made.columns:
                column = (steps, made.column(name))
                parts.setdefault((made.run, made.every, name), []).append(column)
    found = {}
    for key, columns in parts.items():
        steps, values = (np.concatenate(part) for part in zip(*columns, strict=True))
        assert (np.diff(steps) > 0).all()
        found[key] = (bits(steps), bits(values))
    return found


async def check_everything(job: Job, cursors: list[int]) -> None:
    assert await job.store.newest("e1") == job.seq
    names = {(b.run, name) for _, b in job.blocks for name in b.columns}
    for run, name in names:
        steps, values = job.expected(run, name)
        found = (await job.store.read("e1", run, {name}))[name]
        assert isinstance(found, RawColumn)
        assert found.steps.tolist() == steps.tolist()
        assert found.values.dtype == values.dtype
        assert bits(found.values) == bits(values)
        for width in (3, 30) if "loss" in name else ():
            await check_buckets(job, run, name, 1, int(steps[-1]), width)
        low, high = sorted((int(steps[len(steps) // 3]), int(steps[-len(steps) // 4])))
        await check_buckets(job, run, name, low, high, 10)
    for cursor in cursors:
        pieces = [piece async for piece in job.store.history("e1", cursor)]
        assert [seq for seq, _ in pieces] == [decode(data).seq for _, data in pieces]
        expected = [encode(Frame(1, seq, [b])) for seq, b in job.blocks if seq > cursor]
        assert by_column([data for _, data in pieces]) == by_column(expected)
    loss = {run: int(job.expected(run, "loss")[0][-1]) for run, name in names if name == "loss"}
    assert await job.store.last_steps("e1", ["r1", "r2"]) == loss


async def check_buckets(job: Job, run: str, name: str, low: int, high: int, width: int) -> None:
    """Buckets hold what the rows between their first and last step hold."""
    all_steps, all_values = job.expected(run, name)
    found = (await job.store.read("e1", run, {name}, low, high, width)).get(name)
    inside = (all_steps >= low) & (all_steps <= high)
    if isinstance(found, RawColumn):
        assert inside.sum() <= 4 * width
        assert found.steps.tolist() == all_steps[inside].tolist()
        assert bits(found.values) == bits(all_values[inside])
        return
    assert isinstance(found, BucketColumn)
    got = found.buckets
    assert 1 <= len(got) <= width + 1
    assert found.first[0] <= all_steps[inside][0]
    assert found.last[-1] >= all_steps[inside][-1]
    assert (found.first[1:] > found.last[:-1]).all()
    for i in range(len(got)):
        values = all_values[(all_steps >= found.first[i]) & (all_steps <= found.last[i])]
        finite = values[np.isfinite(values)]
        assert got.count[i] == len(values)
        assert got.bad[i] == len(values) - len(finite)
        assert bits(got.last[i]) == bits(values[-1])
        if len(finite):
            assert (got.low[i], got.high[i]) == (finite.min(), finite.max())
        else:
            assert np.isnan(got.low[i])
            assert np.isnan(got.high[i])
    assert got.count.sum() == ((all_steps >= found.first[0]) & (all_steps <= found.last[-1])).sum()


def counted(store: Store, table: Any) -> int:
    engine = create_engine(store._engine.url)
    with engine.connect() as connection:
        found = connection.execute(select(func.count()).select_from(table)).scalar()
    engine.dispose()
    return found or 0
