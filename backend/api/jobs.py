"""Jobs and devices: who trains where, who waits, and what it takes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends

from backend.jobs.job import Job
from backend.jobs.sites import elsewhere, info
from backend.jobs.usage import machine
from backend.protocol import DeviceInfo, JobInfo, NodeInfo
from backend.services import Services, services

router = APIRouter(tags=["jobs"])

At = Annotated[Services, Depends(services)]


@router.get("/jobs")
async def jobs(at: At) -> list[JobInfo]:
    """Experiments that train, the oldest first, then those that wait, in their order."""
    return [_info(job, at.manager.launcher.position(job)) for job in at.manager.busy()]


def _info(job: Job, position: int | None) -> JobInfo:
    experiment = job.experiment
    return JobInfo(
        experiment=experiment.id,
        name=experiment.name,
        problem=experiment.problem,
        state=experiment.state,
        step=experiment.step,
        steps=experiment.steps,
        device=experiment.device,
        node=experiment.node,
        threads=experiment.threads,
        position=position,
        viewers=job.viewers,
        usage=job.usage,
    )


@router.get("/devices")
async def devices(at: At) -> list[DeviceInfo]:
    """Where experiments can train, best first, and how busy it is."""
    busy = (job.experiment for job in at.manager.busy() if job.active)
    held = [experiment.device for experiment in busy if not experiment.node]
    return await asyncio.to_thread(machine, held, at.settings.jobs_per_gpu)


@router.get("/nodes")
async def nodes(at: At) -> list[NodeInfo]:
    """The other machines that train for this server, by name."""
    return [info(site, at.manager.all()) for site in elsewhere(at.manager.crew.nodes)]
