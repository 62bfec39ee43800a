"""A job ends at its limits, told why and what helps; want of memory is no crash either."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fastapi import FastAPI

from backend.jobs import socket as worker_socket
from backend.jobs.manager import Manager
from backend.jobs.memory import first_line, out_of_memory
from backend.jobs.messages import WorkerFailed
from backend.protocol import ExperimentIn
from backend.services import Services
from backend.settings import Settings
from backend.store import Store
from backend.stream.hub import Hub
from tests.backend.asgi import hello, wire
from tests.backend.server import Server, everything, until


def test_a_job_ends_at_its_limit_of_time_and_goes_on_with_a_larger_one(server: Server) -> None:
    parts = {"problem": "beale", "steps": 100_000, "speed": 100, "limits": {"seconds": 0.5}}
    id = server.create(**parts)["id"]
    ended = server.state(id, "cancelled")
    assert ended["message"] == (
        f"stopped at step {ended['step']}: its limit of wall time, limits.seconds=0.5, is used up; "
        "resume it with a larger limit, or with none"
    )
    assert 0 < ended["step"] < 100_000
    everything(server, id).check_gapless(["r1", "r2", "r3", "r4"], ended["step"])

    def last_is_kept() -> bool:
        kept = server.get(f"/api/experiments/{id}/checkpoints")
        return len(kept) == 4 and all(steps[-1:] == [ended["step"]] for steps in kept.values())

    # It is told that it ends before its last state is written.
    until(last_is_kept, what="the last checkpoints")
    resumed = server.post(f"/api/experiments/{id}/resume", limits={"seconds": 1000}, paused=False)
    assert resumed["limits"] == {"seconds": 1000, "memory_mb": None}
    server.reach(id, ended["step"] + 20)
    assert server.experiment(id)["state"] == "running"


def test_a_job_ends_at_its_limit_of_memory(server: Server) -> None:
    id = server.create(problem="booth", steps=100_000, speed=10, limits={"memory_mb": 5})["id"]
    ended = server.state(id, "cancelled")
    assert "more than limits.memory_mb=5; resume it with a larger limit" in ended["message"]


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"memory_mb": -1}, {"hours": 1}])
def test_a_limit_that_is_none_is_refused(server: Server, limits: dict[str, float]) -> None:
    error = server.post("/api/experiments", 422, problem="booth", limits=limits)["error"]
    assert error["field"] == f"limits.{next(iter(limits))}"


def test_want_of_memory_is_told_from_other_failures() -> None:
    with pytest.raises(RuntimeError) as failed:
        torch.empty(2**58)
    assert out_of_memory(failed.value)
    assert "\n" not in first_line(failed.value)
    assert out_of_memory(MemoryError())
    assert first_line(MemoryError()) == "MemoryError"
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not out_of_memory(RuntimeError("shapes do not fit"))
    assert not out_of_memory(ValueError("not enough memory"))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """A manager without a nursery: its workers are what the test plays."""
    settings = Settings(store=f"sqlite:///{tmp_path}/lrd.sqlite3", start_limit=30)
    store, hub = Store(settings.store), Hub()
    yield Services(settings, store, hub, Manager(settings, store, hub, "token"), "token")
    store.close()


async def test_a_job_without_memory_has_failed_and_is_given_advice(services: Services) -> None:
    app = FastAPI()
    app.include_router(worker_socket.router)
    app.state.services = services
    made = await services.manager.create(ExperimentIn(problem="booth"))
    [worker] = services.manager.crew.all()
    async with wire(app, "/api/worker", {"Authorization": "Bearer token"}) as link:
        assert await link.next() is None
        link.send(hello(worker.name))
        assert json.loads(str(await link.next()))["type"] == "assign"
        said = WorkerFailed(message="CUDA out of memory", out_of_memory=True)
        link.send(said.model_dump_json())
        job = services.manager.job(made.id)
        assert job is not None
        async with asyncio.timeout(30):
            await job.ready.wait()  # set as well when nothing will come any more
    assert (await services.manager.experiment(made.id)).message == (
        "there was not enough memory (CUDA out of memory): use a smaller batch, fewer runs or "
        "seeds, or another device; it ended before its first step"
    )


async def test_a_process_that_the_system_ended_for_want_of_memory_is_told(
    services: Services,
) -> None:
    manager = services.manager
    made = await manager.create(ExperimentIn(problem="booth"))
    [worker] = manager.crew.all()
    worker.starved = True
    await manager._exited(worker, "killed by signal 9")
    failed = await manager.experiment(made.id)
    assert failed.state == "failed"
    assert "for want of memory; use a smaller batch" in failed.message
