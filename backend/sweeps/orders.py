"""What is done to a sweep as a whole: start, stop, go on."""

from __future__ import annotations

import asyncio
import secrets
import time

from backend.errors import ApiError
from backend.jobs.manager import Manager
from backend.protocol import ControlIn, ResumeIn, SweepIn
from backend.store import Store
from backend.store.records import ACTIVE, QUEUED
from backend.store.sweeps import StoredSweep
from backend.sweeps.plan import planned


async def start(given: SweepIn, store: Store, manager: Manager) -> StoredSweep:
    """Start the experiments of a sweep; they wait for places behind all other experiments.

    Raises:
        SettingError: a value that is not allowed; nothing was started.
        ApiError: the server is being shut down.
    """
    plan = await asyncio.to_thread(planned, given)
    id = secrets.token_hex(5)
    grid: list[list[str]] = []
    try:
        for row in plan.rows:
            grid.append([])
            for one in row:
                grid[-1].append((await manager.create(one, id)).id)
        made = StoredSweep(id, plan.given.name, time.time(), plan.given.model_dump(), grid)
        await store.create_sweep(made)
    except BaseException:
        started = [experiment for row in grid for experiment in row]
        await _each(started, manager)
        for experiment in started:
            await store.set_deleted(experiment, time.time())
        raise
    return made


async def stop(sweep: StoredSweep, manager: Manager) -> None:
    """End the training of all cells; every step stays."""
    await _each([id for row in sweep.grid for id in row], manager)


async def _each(ids: list[str], manager: Manager) -> None:
    # Those that wait first, or each that ends would let one of them begin.
    waiting = [id for id in ids if (job := manager.job(id)) is not None and job.queued]
    for id in [*waiting, *(id for id in ids if id not in waiting)]:
        job = manager.job(id)
        if job is not None and (job.active or job.queued):
            try:
                await manager.control(id, ControlIn(kind="stop"))
            except ApiError as error:
                if error.status not in (404, 409):  # it has not ended meanwhile
                    raise


async def go_on(sweep: StoredSweep, manager: Manager) -> None:
    """Let cells whose training was ended go on where they stand.

    Raises:
        ApiError: the server is being shut down.
    """
    for id in (id for row in sweep.grid for id in row):
        try:
            experiment = await manager.experiment(id)
        except ApiError:  # deleted for good
            continue
        if experiment.state in (*ACTIVE, QUEUED, "finished", "diverged"):
            continue
        await manager.resume(id, ResumeIn(paused=False))
