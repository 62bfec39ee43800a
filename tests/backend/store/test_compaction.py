"""Frames go on to chunks, and nothing that is read of them changes by a bit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.store import Store, StoreError, compaction, tables
from backend.store.chunks import WINDOW
from backend.store.frames import pack
from backend.store.pyramid import BLOCK
from backend.store.snapshot import snapshot
from lrd_core.engine.frames import Frame, decode, encode, rows
from tests.backend.store.sent import Job, block, by_column, check_everything, counted, fresh_store
from tests.backend.store.test_store import experiment

#: Rows in one frame: few at a time, or more than a window or a block of the pyramid.
COUNTS = st.sampled_from([1, 2, 7, 300, 9000, WINDOW, 40_000, BLOCK + 100])


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    yield opened
    opened.close()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
        assert by_column([data for _, data in found]) == by_column(expected)
        assert found[-1][0] == 40
    assert [p async for p in store.history("e1", 40)] == []


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
