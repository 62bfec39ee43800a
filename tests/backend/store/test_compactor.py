"""Compaction in the background, bounded, and where the disk fills up half way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from backend.store import Store, compaction, tables
from backend.store.chunks import WINDOW, lines
from tests.backend.server import Server, everything, until
from tests.backend.store.sent import Job, block, check_everything, counted, fresh_store
from tests.backend.store.test_store import experiment


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    yield opened
    opened.close()


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


def test_a_job_that_has_ended_is_in_chunks_and_all_that_is_asked_of_it_is_there(
    server: Server,
) -> None:
    made = server.create(problem="booth", steps=300, speed=0, test_every=50)
    id, runs = made["id"], [run["id"] for run in made["runs"]]
    server.state(id, "finished")
    with closing(sqlite3.connect(server.folder / "lrd.sqlite3")) as database:

        def compacted() -> bool:
            left = "SELECT count(*) FROM frames WHERE experiment_id = ?"
            done = "SELECT count(*) FROM spans WHERE experiment_id = ?"
            counts = [database.execute(query, (id,)).fetchone()[0] for query in (left, done)]
            return counts[0] == 0 and counts[1] > 0

        until(compacted, what="compaction")
    viewer = everything(server, id)
    viewer.check_gapless(runs, 300)
    for run in runs:
        series = server.get(f"/api/experiments/{id}/series", run=run, columns="loss")
        loss = series["columns"]["loss"]
        assert loss["steps"] == list(range(1, 301))
        assert loss["values"] == [viewer.values[run, step]["loss"] for step in loss["steps"]]
