"""Frames go on to chunks, and nothing that is read of them changes by a bit."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, func, select
from sqlalchemy.exc import OperationalError

from backend.store import Store, StoreError, compaction, tables
from backend.store.chunks import WINDOW, lines
from backend.store.frames import pack
from backend.store.pyramid import BLOCK
from backend.store.reading import BucketColumn, RawColumn
from backend.store.snapshot import snapshot
from lrd_core.engine.frames import Block, Frame, decode, encode, packed, rows
from tests.backend.store.test_store import experiment

#: Rows in one frame: few at a time, or more than a window or a block of the pyramid.
COUNTS = st.sampled_from([1, 2, 7, 300, 9000, WINDOW, 40_000, BLOCK + 100])


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


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    yield opened
    opened.close()


def bits(values: Any) -> bytes:
    return np.asarray(values).tobytes()


def by_row(data: list[bytes]) -> dict[tuple[str, int, str], bytes]:
    found: dict[tuple[str, int, str], bytes] = {}
    for one in data:
        for made in decode(one).blocks:
            for name in made.columns:
                column = made.column(name)
                for i in range(made.rows):
                    key = (made.run, made.first + i * made.every, name)
                    assert key not in found
                    found[key] = bits(column[i])
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
        sent = {seq: one for seq, one in job.blocks if seq > cursor}
        if len(sent) > 40 or sum(b.rows for b in sent.values()) > 20_000:
            continue  # row by row is slow
        expected = [encode(Frame(1, seq, [b])) for seq, b in job.blocks if seq > cursor]
        assert by_row([data for _, data in pieces]) == by_row(expected)
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


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    moves=st.lists(
        st.tuples(
            COUNTS,
            st.integers(0, 3).map(lambda n: 0 if n else 50_000),
            st.sampled_from(["", "", "compact", "whole"]),
        ),
        min_size=1,
        max_size=6,
    ),
    first=st.sampled_from([1, 70_000]),
    seed=st.integers(0, 99),
)
def test_whatever_is_compacted_when_every_read_is_the_same_to_the_bit(
    moves: list[tuple[int, int, str]], first: int, seed: int
) -> None:
    async def story() -> None:
        with fresh_store() as store:
            await store.create(experiment(), {})
            job = Job(store)
            step, tested = first, 20
            for count, gap, then in moves:
                step += gap
                await job.send(
                    block("r1", step, count, seed=seed),
                    block("r2", step + 5, count, seed=seed + 1),
                    block("r1", tested, 3, every=10, seed=seed),
                )
                step, tested = step + count, tested + 30
                if then:
                    await store.compact("e1", whole=then == "whole")
            await check_everything(job, [0, job.seq - 1, job.seq])

    asyncio.run(story())


async def test_a_cursor_means_the_same_before_and_after(store: Store) -> None:
    await store.create(experiment(), {})
    job = Job(store)
    for turn in range(30):
        blocks = [block(run, 1 + 4 * turn, 4) for run in ("r1", "r2")]
        if turn % 5 == 4:
            blocks.append(block("r1", 10 * (turn // 5 + 1), 1, every=10))
        await job.send(*blocks)
    before = {cursor: [p async for p in store.history("e1", cursor)] for cursor in range(31)}
    await store.compact("e1")
    assert [p async for p in store.history("e1", 0)] == before[0]
    for turn in range(30, 40):
        await job.send(block("r1", 1 + 4 * turn, 4))
    await store.compact("e1", whole=True)
    for cursor in range(31):
        found = [p async for p in store.history("e1", cursor)]
        expected = [encode(Frame(1, seq, [b])) for seq, b in job.blocks if seq > cursor]
        assert by_row([data for _, data in found]) == by_row(expected)
        assert found[-1][0] == 40
    assert [p async for p in store.history("e1", 40)] == []


def counted(store: Store, table: Any) -> int:
    engine = create_engine(store._engine.url)
    with engine.connect() as connection:
        found = connection.execute(select(func.count()).select_from(table)).scalar()
    engine.dispose()
    return found or 0


async def test_sequence_numbers_go_on_after_all_frames_are_in_chunks(store: Store) -> None:
    await store.create(experiment(), {})
    job = Job(store)
    for turn in range(5):
        await job.send(block("r1", 1 + turn, 1))
    await store.compact("e1", whole=True)
    assert counted(store, tables.frames) == 0
    again = Frame(1, 5, [block("r1", 5, 1)])
    assert not await store.append_frame("e1", pack(again, encode(again)))
    with pytest.raises(Exception, match="send 6 first"):
        await store.append_frame("e1", pack(Frame(1, 7, []), b""))
    await job.send(block("r1", 6, 1))
    assert await store.newest("e1") == 6
    await check_everything(job, [0, 4, 5, 6])


async def test_small_chunks_are_joined_so_that_there_are_never_many(store: Store) -> None:
    await store.create(experiment(), {})
    job = Job(store)
    for turn in range(200):
        await job.send(block("r1", 1 + 3 * turn, 3))
        await store.compact("e1")
    assert counted(store, tables.chunks) <= 3 * 10
    await check_everything(job, [0, 57, 150])


async def test_rows_that_came_before_stay_and_their_frames_too(store: Store) -> None:
    await store.create(experiment(), {})
    job = Job(store)
    await job.send(block("r1", 1, 10))
    await store.compact("e1")
    again = Frame(1, 2, [block("r1", 8, 10)])
    await store.append_frame("e1", pack(again, encode(again)))
    with pytest.raises(StoreError, match=r"r1 loss: rows from step 8 are stored already"):
        await store.compact("e1")
    assert counted(store, tables.frames) == 1
    found = await store.series("e1", "r1", {"loss"}, 1, None)
    assert found.steps["loss"] == sorted([*range(1, 11), *range(8, 18)])
    [(seq, data)] = [p async for p in store.history("e1", 1)]
    assert (seq, len(list(rows(decode(data))))) == (2, 10)


async def test_a_plan_that_is_out_of_date_writes_nothing(store: Store) -> None:
    await store.create(experiment(), {})
    job = Job(store)
    await job.send(block("r1", 1, 10))
    with snapshot(store._engine) as connection:
        made = compaction.plan(connection, "e1")
    assert made is not None
    await store.compact("e1")
    with pytest.raises(StoreError, match="changed by another process"):
        await store._apply(made)
    await check_everything(job, [0])


async def test_whoever_reads_while_frames_go_on_to_chunks_gets_every_row_once(
    store: Store,
) -> None:
    await store.create(experiment(), {})
    job = Job(store)

    async def read(until: asyncio.Task[None]) -> int:
        turns = 0
        while not until.done() or turns < 3:
            least = 50 * await store.newest("e1")
            found = await store.series("e1", "r1", {"loss"}, 1, None)
            assert found.steps.get("loss", []) == list(
                range(1, 1 + len(found.steps.get("loss", [])))
            )
            assert len(found.steps.get("loss", [])) >= least
            steps = [
                step
                async for _, data in store.history("e1", 0)
                for _, step, _ in rows(decode(data))
            ]
            assert steps == list(range(1, 1 + len(steps)))
            turns += 1
        return turns

    async def write() -> None:
        for turn in range(150):
            await job.send(block("r1", 1 + 50 * turn, 50))
            if turn % 4 == 3:
                await store.compact("e1", whole=turn % 12 == 11)

    writing = asyncio.create_task(write())
    assert await read(writing) >= 3
    await writing


@pytest.mark.parametrize(
    "statement", ["DELETE FROM frames", "INSERT INTO spans", "INSERT INTO chunks"]
)
async def test_a_disk_that_fills_up_half_way_leaves_all_as_it_was(
    store: Store, statement: str
) -> None:
    await store.create(experiment(), {})
    job = Job(store)
    for turn in range(40):
        await job.send(block("r1", 1 + 500 * turn, 500))
    full = True

    @event.listens_for(store._engine, "before_cursor_execute")
    def fail(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if full and text.startswith(statement):
            raise OperationalError(text, None, Exception("database or disk is full"))

    with pytest.raises(OperationalError, match="full"):
        await store.compact("e1", whole=True)
    assert counted(store, tables.frames) == 40
    assert counted(store, tables.chunks) == counted(store, tables.series) == 0
    await check_everything(job, [0, 20])
    full = False
    await store.compact("e1", whole=True)
    assert counted(store, tables.frames) == 0
    await check_everything(job, [0, 20])


async def test_a_full_sqlite_store_has_room_to_compact() -> None:
    with fresh_store() as store:
        await store.create(experiment(), {})
        job = Job(store)
        for turn in range(40):
            await job.send(block("r1", 1 + 500 * turn, 500))

        @event.listens_for(store._engine, "checkout")
        def limit(connection: Any, *_: Any) -> None:
            connection.execute("PRAGMA max_page_count = 1").close()  # no more than it has

        async def send_on() -> None:
            for turn in range(40, 80):
                await job.send(block("r1", 1 + 500 * turn, 500))

        with pytest.raises(OperationalError, match="full"):
            await send_on()
        job.seq -= 1
        del job.blocks[-1]
        await store.compact("e1", whole=True)
        assert counted(store, tables.frames) == 0
        await check_everything(job, [0, 20])


async def test_what_grows_or_ends_is_compacted_in_the_background(store_url: str) -> None:
    store = Store(store_url)
    await store.create(experiment(), {})
    job = Job(store)
    for turn in range(20):
        await job.send(block("r1", 1 + turn, 1))
    store.close()

    async def frames_are(most: int) -> None:
        while counted(store, tables.frames) > most:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    store = job.store = Store(store_url)
    async with store.compacting():
        assert counted(store, tables.frames) == 20
        for turn in range(20, 520):
            await job.send(block("r1", 1 + turn, 1))
        await asyncio.wait_for(frames_are(8), 30)
        await job.send(block("r1", 521, 1))
        await store.save(experiment(state="finished"))
        await asyncio.wait_for(frames_are(0), 30)
        await job.send(block("r1", 522, 1))
        await asyncio.wait_for(frames_are(0), 30)
    await check_everything(job, [0, 100, 521])
    store.close()
    store = job.store = Store(store_url)
    async with store.compacting():
        await check_everything(job, [0])
    store.close()


async def test_much_work_is_done_in_several_transactions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "MOST_BYTES", 100_000)
    monkeypatch.setattr(compaction, "MOST_CLOSED", 200_000)
    await store.create(experiment(), {})
    job = Job(store)
    for turn in range(10):
        await job.send(*(block(run, 1 + 4000 * turn, 4000) for run in ("r1", "r2")))
    await store.compact("e1")
    assert counted(store, tables.frames) == 0
    assert counted(store, tables.spans) == 10
    assert {line.closed for line in await store._read(lambda c: lines(c, "e1"))} == {2 * WINDOW}
    await check_everything(job, [0, 5])
    await store.compact("e1", whole=True)
    assert {line.closed for line in await store._read(lambda c: lines(c, "e1"))} == {40_001}
    await check_everything(job, [0, 5])
