"""The manager and its end of the worker link, with the test in the worker's place."""

from __future__ import annotations

import asyncio
import errno
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from backend.errors import ApiError
from backend.jobs import socket as worker_socket
from backend.jobs.closing import Close
from backend.jobs.manager import Manager
from backend.jobs.seal import sealed
from backend.jobs.unstored import no_room
from backend.protocol import ControlIn, ExperimentIn
from backend.services import Services
from backend.settings import Settings
from backend.store import Store
from backend.stream.hub import Hub
from lrd_core.engine.frames import ColumnBuffer, Frame, encode
from tests.backend.asgi import hello, wire
from tests.backend.server import until

TOKEN = {"Authorization": "Bearer token"}
GIVEN = ExperimentIn(problem="booth")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """A store and a manager that has no nursery: its workers are what the test plays."""
    settings = Settings(store=f"sqlite:///{tmp_path}/lrd.sqlite3", start_limit=30)
    store, hub = Store(settings.store), Hub()
    yield Services(settings, store, hub, Manager(settings, store, hub, "token"), "token")
    store.close()


async def test_an_assignment_lost_with_the_link_is_sent_again(services: Services) -> None:
    manager = services.manager
    made = await manager.create(GIVEN)
    [worker] = manager.crew.all()
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def cut(_: str) -> None:
        heard.put_nowait("lost")
        raise RuntimeError("the link was cut")

    async def hear(message: str) -> None:
        heard.put_nowait(message)

    assert await manager.welcome(worker.name, 1, None) is worker
    worker.attach(cut)
    await manager.joined(worker, assigned=False)
    assert await asyncio.wait_for(heard.get(), 10) == "lost"
    await manager.lost(worker, cut)
    assert await manager.welcome(worker.name, 1, None) is worker
    worker.attach(hear)
    await manager.joined(worker, assigned=False)
    assert f'"experiment":"{made.id}"' in await asyncio.wait_for(heard.get(), 10)
    assert (await manager.experiment(made.id)).connected


async def test_a_control_that_waits_for_the_start_is_told_why_there_is_none(
    services: Services,
) -> None:
    manager = services.manager
    made = await manager.create(GIVEN)
    waiting = asyncio.create_task(manager.control(made.id, ControlIn(kind="stop", who="ann")))
    await asyncio.sleep(0)
    job = manager.job(made.id)
    assert job is not None
    await job.fail("its worker process did not come up")
    with pytest.raises(ApiError, match="did not come up before its first step") as refused:
        await waiting
    assert refused.value.status == 409


async def test_a_stop_that_was_not_accepted_leaves_no_words(services: Services) -> None:
    manager = services.manager
    made = await manager.create(GIVEN)
    job = manager.job(made.id)
    assert job is not None
    job.ready.set()
    with pytest.raises(ApiError):
        await manager.control(made.id, ControlIn(kind="stop", who="ann"))
    await job.stopped()
    assert (await manager.experiment(made.id)).message == "stopped at step 0"


async def test_nothing_starts_while_the_server_shuts_down(services: Services) -> None:
    await services.manager.close()
    with pytest.raises(ApiError) as refused:
        await services.manager.create(GIVEN)
    assert refused.value.status == 503
    assert await services.store.experiments(10) == []


def frame(seq: int) -> bytes:
    buffer = ColumnBuffer()
    buffer.add("r1", seq, {"loss": 1.0})
    return sealed(encode(Frame(1, seq, buffer.take().blocks())))


async def test_a_store_that_fails_closes_the_link_and_takes_the_frame_later(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()
    app.include_router(worker_socket.router)
    app.state.services = services
    made = await services.manager.create(GIVEN)
    [worker] = services.manager.crew.all()

    with closing(sqlite3.connect(services.settings.store.removeprefix("sqlite:///"))) as database:
        async with wire(app, "/api/worker", TOKEN) as link:
            assert await link.next() is None  # accepted
            link.send(hello(worker.name))
            assert '"assign"' in await link.next()
            database.execute(
                "CREATE TRIGGER full BEFORE INSERT ON frames BEGIN SELECT RAISE(FAIL, 'full'); END"
            )
            link.send(frame(1))
            assert await link.next() == 1011
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert [record.getMessage() for record in errors] == [
            "worker link closed, the store failed: full"
        ]
        assert not any(record.exc_info for record in errors)
        database.execute("DROP TRIGGER full")
        async with wire(app, "/api/worker", TOKEN) as link:
            assert await link.next() is None
            link.send(hello(worker.name, made.id))
            assert json.loads(await link.next()) == {"type": "ack", "seq": 0}
            link.send(frame(1))
            assert json.loads(await link.next()) == {"type": "ack", "seq": 1}


async def test_a_worker_whose_link_is_cut_again_and_again_is_waited_for(tmp_path: Path) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path}/lrd.sqlite3", return_limit=2)
    store, hub = Store(settings.store), Hub()
    manager = Manager(settings, store, hub, "token")
    made = await manager.create(GIVEN)
    [worker] = manager.crew.all()

    async def send(_: str) -> None: ...

    for assigned in (False, *[True] * 30):
        assert await manager.welcome(worker.name, 1, made.id if assigned else None) is worker
        worker.attach(send)
        await manager.joined(worker, assigned)
        await manager.lost(worker, send)
        await asyncio.sleep(0.1)
    assert (await manager.experiment(made.id)).state == "starting"
    await manager.close()
    store.close()


async def test_the_order_of_the_queue_outlives_a_clock_that_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path}/lrd.sqlite3", max_jobs=1)
    store, hub = Store(settings.store), Hub()
    manager = Manager(settings, store, hub, "token")
    ids = []
    for hour in (9, 8, 7, 6):
        monkeypatch.setattr(time, "time", lambda now=hour * 3600.0: now)
        ids.append((await manager.create(GIVEN)).id)
    assert [job.id for job in manager.launcher.queue()] == ids[1:]
    assert await store.queued() == ids[1:]
    await manager.close()
    store.close()


async def test_a_store_that_is_locked_holds_what_comes_and_asks_for_the_rest_later(
    services: Services,
) -> None:
    manager = services.manager
    app = FastAPI()
    app.include_router(worker_socket.router)
    app.state.services = services
    made = await manager.create(GIVEN)
    [worker] = manager.crew.all()
    path = services.settings.store.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        async with wire(app, "/api/worker", TOKEN) as link:
            assert await link.next() is None  # accepted
            link.send(hello(worker.name))
            assert '"assign"' in await link.next()
            other.execute("BEGIN EXCLUSIVE")
            link.send(frame(1))
            job = manager.job(made.id)
            assert job is not None
            await asyncio.to_thread(until, lambda: job.experiment.message)
            locked = "the store takes nothing (database is locked)"
            assert job.experiment.message == f"{locked}; rows are kept until it does"
            assert job.experiment.state == "starting"  # and not paused
            with pytest.raises(ApiError, match="database is locked") as refused:
                await manager.control(made.id, ControlIn(kind="pause"))
            assert refused.value.status == 503
            link.send(frame(2))  # is not taken either
            other.execute("ROLLBACK")
            assert await link.next() == Close.AGAIN
        async with wire(app, "/api/worker", TOKEN) as link:
            assert await link.next() is None
            link.send(hello(worker.name, made.id))
            assert json.loads(await link.next()) == {"type": "ack", "seq": 1}
            assert job.experiment.message == ""
            link.send(frame(2))
            assert json.loads(await link.next()) == {"type": "ack", "seq": 2}
    await manager.tasks.close()


def test_a_full_disk_is_known_whoever_says_so() -> None:
    class FullError(Exception):
        sqlstate = "53100"

    assert no_room(OperationalError("INSERT", {}, FullError("could not extend file")))
    assert no_room(OSError(errno.ENOSPC, "No space left on device"))
    assert not no_room(OperationalError("INSERT", {}, Exception("connection refused")))
    assert not no_room(OSError(errno.EACCES, "Permission denied"))
