"""Whoever has to wait is told the truth: for the end of a process, for a replay, for the queue."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI

from backend.errors import ApiError
from backend.jobs import launcher
from backend.jobs import socket as worker_socket
from backend.jobs.job import Job
from backend.jobs.manager import Manager
from backend.jobs.messages import WorkerApplied, WorkerStatus
from backend.protocol import ExperimentIn, ResumeIn
from backend.services import Services
from backend.settings import Settings
from backend.store import Store
from backend.stream.hub import Hub
from tests.backend.asgi import Wire, hello, wire
from tests.backend.server import Server, running_server, until

TOKEN = {"Authorization": "Bearer token"}
GIVEN = ExperimentIn(problem="booth")
#: Seconds in which the servers here want a control answered.
LIMIT = 0.5


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits for nobody, and lets go at once of what is finished."""
    folder = tmp_path_factory.mktemp("hasty")
    with running_server(folder, control_limit=LIMIT, idle_limit=0.2) as server:
        yield server


def test_resume_is_refused_until_the_old_process_has_ended(hasty: Server) -> None:
    server = hasty
    id = server.create(problem="booth", steps=20, paused=True)["id"]
    [process] = server.workers()
    server.control(id, kind="speed", value=0)
    server.control(id, kind="play")
    server.state(id, "finished")
    process.suspend()  # it is asked to end, and cannot
    address = f"/api/experiments/{id}/resume"
    try:
        # Until it is asked to, it has not ended, and resuming changes nothing.
        refused = until(
            lambda: next(
                (a for a in [server.client.post(address, json={})] if a.status_code == 409), None
            ),
            seconds=20,
            what="the refusal",
        )
        error = refused.json()["error"]
        assert error["field"] == "state"
        assert f"its process {process.pid} has not ended within 0.5 s" in error["message"]
        assert server.client.post(address, json={}).status_code == 409
    finally:
        process.resume()
    until(lambda: server.client.post(address, json={}).status_code == 200, what="the new process")
    until(lambda: server.experiment(id)["connected"], what="its worker")
    assert [one.pid for one in server.workers()] != [process.pid]


def test_a_setting_that_waits_for_a_replay_is_answered_when_that_is_over(hasty: Server) -> None:
    server = hasty
    runs = [{"optimizer": "adam", "drop_rate": 0.5}]
    id = server.create(problem="digits", runs=runs, steps=10**6, speed=0)["id"]
    server.reach(id, 3000)
    server.control(id, kind="stop")
    made = server.state(id, "cancelled")["step"]
    until(lambda: not server.experiment(id)["connected"], what="the end of its worker")
    kept = server.folder / "checkpoints" / id
    shutil.rmtree(kept)
    (kept / "r1").mkdir(parents=True)
    broken = kept / "r1" / "000000000007.safetensors.77.part"
    broken.write_bytes(b"half")
    before = {one.pid for one in server.workers()}
    server.post(f"/api/experiments/{id}/resume")
    server.state(id, "paused")
    [process] = [one for one in server.workers() if one.pid not in before]
    process.suspend()
    given = {"kind": "set", "run": "r1", "setting": "drop_rate", "value": 0.25}
    with ThreadPoolExecutor() as threads:
        try:
            asked = threads.submit(server.control, id, **given)
            assert not wait([asked], 3 * LIMIT).done
        finally:
            process.resume()
        answer = asked.result(60)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["step"], answer.json()["changes"][0]["old"]) == (made + 1, 0.5)
    assert not broken.exists()
    assert server.experiment(id)["runs"][0]["replay"] == "equal"
    # Nothing is made again any more: who does not answer then does not answer.
    process.suspend()
    try:
        late = server.control(id, **given)
    finally:
        process.resume()
    assert late.status_code == 504
    server.control(id, kind="stop")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """A store and a manager that has no nursery: its workers are what the test plays."""
    settings = Settings(store=f"sqlite:///{tmp_path}/lrd.sqlite3", control_limit=30, max_jobs=1)
    store, hub = Store(settings.store), Hub()
    yield Services(settings, store, hub, Manager(settings, store, hub, "token"), "token")
    store.close()


async def trained(services: Services, link: Wire) -> Job:
    """A job whose worker the test plays at the other end of `link`."""
    made = await services.manager.create(GIVEN)
    [worker] = services.manager.crew.all()
    assert await link.next() is None  # accepted
    link.send(hello(worker.name, pid=0))
    assert json.loads(await link.next())["type"] == "assign"
    job = services.manager.job(made.id)
    assert job is not None
    return job


async def test_one_that_waits_to_be_resumed_holds_up_no_other(services: Services) -> None:
    app = FastAPI()
    app.include_router(worker_socket.router)
    app.state.services = services
    manager = services.manager
    async with wire(app, "/api/worker", TOKEN) as link:
        job = await trained(services, link)
        worker = job.worker
        assert worker is not None
        applied = {"id": "c", "step": 1, "received_step": 0, "changes": [], "run": None}
        stop = {"id": "c", "kind": "stop", "run": None, "setting": None, "value": None}
        said = WorkerApplied(applied=applied | {"error": None}, control=stop, who="", at=0.0)
        link.send(said.model_dump_json())
        assert json.loads(await link.next())["type"] == "stored"
        status = {"state": "cancelled", "step": 0, "steps": 100, "speed": 0.0, "runs": []}
        link.send(WorkerStatus(status=status).model_dump_json())
        other = await manager.create(GIVEN)
        waits = manager.job(other.id)
        assert waits is not None
        await manager._let_go(waits)

        first = asyncio.create_task(manager.resume(job.id, ResumeIn()))
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            resumed = await manager.resume(other.id, ResumeIn())
        assert resumed.state in ("queued", "starting")
        assert not first.done()
    await manager._exited(worker, "exit code 0")
    async with asyncio.timeout(10):
        assert (await first).state in ("queued", "starting")
    assert manager.job(job.id) is not job


async def stored_state(services: Services, id: str) -> str:
    stored = await services.store.experiment(id)
    assert stored is not None
    return stored.state


async def test_the_queue_goes_on_after_a_failure_and_leaves_no_process(
    services: Services, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "POLL_S", 0.02)
    manager = services.manager
    held, waits = [(await manager.create(GIVEN)).id for _ in range(2)]
    job = manager.job(held)
    assert job is not None
    await job.stopped()  # its place is free once somebody asks for it
    manager.launcher.start()
    path = services.settings.store.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON experiments BEGIN SELECT RAISE(FAIL, 'full'); END"
        )
        for _ in range(1000):
            if "it is tried again" in caplog.text:
                break
            await asyncio.sleep(0.02)
        assert "it is tried again" in caplog.text
        assert await stored_state(services, waits) == "queued"
        database.execute("DROP TRIGGER full")
    for _ in range(1000):
        if await stored_state(services, waits) == "starting":
            break
        await asyncio.sleep(0.02)
    assert await stored_state(services, waits) == "starting"
    started = [one for one in manager.crew.all() if one.experiment == waits]
    assert len(started) == 1
    await manager.launcher.close()


async def test_a_process_that_does_not_end_is_named_when_resuming_is_refused(
    services: Services,
) -> None:
    services.settings.control_limit = 0.05
    made = await services.manager.create(GIVEN)
    job = services.manager.job(made.id)
    assert job is not None
    await job.fail("training raised ValueError")
    [worker] = services.manager.crew.all()
    worker.pid = 4321
    with pytest.raises(ApiError, match="its process 4321 has not ended") as refused:
        await services.manager.resume(made.id, ResumeIn())
    assert (refused.value.status, refused.value.value) == (409, "failed")
