"""Room for one more experiment: places, GPUs, CPU threads."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from backend.jobs.job import Job
from backend.jobs.sites import Site
from backend.protocol import Experiment
from lrd_core.engine.devices import devices
from lrd_core.engine.experiment import THREADS

#: From so many parameters on, more than one CPU thread is of use.
BIG = 200_000


@dataclass(frozen=True)
class Room:
    """What an experiment has to wait for: `leave` are to be asked to end first; `now` says that it
    can start at `site` without waiting until they are gone."""

    now: bool
    leave: list[Job]
    site: Site | None = None


def room_for(job: Job, jobs: Iterable[Job], sites: Iterable[Site], paused_limit: float) -> Room:
    """Room at the first site that has some without sending anybody away, else at the first that
    has some; `paused_limit` is `Settings.paused_limit`."""
    others = list(jobs)
    rooms = [_room_at(site, job, others, paused_limit) for site in sites]
    found = [room for room in rooms if room.now or room.leave]
    free = (room for room in found if room.now and not room.leave)
    return next(free, next(iter(found), Room(False, [])))


def _room_at(site: Site, job: Job, jobs: list[Job], paused_limit: float) -> Room:
    """Whether there is a place for `job` beside the others.

    Where there is none, ended experiments nobody watches go first, then paused ones nobody watches
    (they stop; not before `paused_limit`), then ended ones that are watched. One that `job`
    replaces leaves anyhow.
    """
    held = sorted(
        (other for other in site.jobs(jobs) if other is not job),
        key=lambda other: other.experiment.created_at,
    )
    held = [other for other in held if other.id != leaving(job.experiment)]
    staying = [other for other in held if not other.leaving]
    leave: list[Job] = []
    now = True
    device = job.experiment.device
    if device != "cpu":
        here = [other for other in staying if other.experiment.device == device]
        spare = _spare(here, len(here) - site.jobs_per_gpu + 1, paused_limit)
        if spare is None:
            return Room(False, [])
        leave += spare
        # Memory of a GPU is free only when those that held it are gone.
        gone = [o for o in held if o.experiment.device == device and o.leaving]
        now = not leave and len(here) + len(gone) < site.jobs_per_gpu
    rest = [other for other in staying if other not in leave]
    spare = _spare(rest, len(rest) - site.places + 1, paused_limit)
    if spare is None:
        return Room(False, [])
    return Room(now, [*leave, *spare], site)


def open_to_sweeps(sites: Iterable[Site], jobs: Iterable[Job]) -> list[Site]:
    """The sites where one more experiment of a sweep may train: at each as many as it has cores,
    so that a sweep ends soonest, and never in its last place, which is for whoever comes."""
    known, busy = list(jobs), ("starting", "running")

    def training(site: Site) -> int:
        here = (job.experiment for job in site.jobs(known))
        return sum(one.sweep != "" and one.state in busy for one in here)

    return [site for site in sites if training(site) < min(site.cores, max(1, site.places - 1))]


def leaving(experiment: Experiment) -> str | None:
    """Id of the experiment that this one replaces, as soon as it starts for the first time."""
    return None if experiment.tensors else experiment.replaces


def _spare(held: list[Job], excess: int, paused_limit: float) -> list[Job] | None:
    """`excess` of these that can do without a worker, the oldest first; None if too few can."""
    ended = [job for job in held if not job.active]
    before = time.monotonic() - paused_limit
    paused = [job for job in held if job.experiment.state == "paused" and not job.watched]
    paused = [job for job in paused if job.paused_at < before]
    spare = sorted(ended, key=lambda job: job.watched)
    quiet = sum(not job.watched for job in ended)
    spare[quiet:quiet] = paused
    return None if excess > len(spare) else spare[: max(excess, 0)]


def chosen_device(asked: str, jobs: Iterable[Job], kind: str) -> str:
    """``auto`` is the GPU with the fewest experiments, the CPU where there is none; a surface's
    steps are too short for a GPU."""
    if asked != "auto" or kind == "surface":
        return asked
    here = devices()
    if here[0] == "cpu":
        return asked
    busy = (job.experiment for job in jobs if job.active or job.queued)
    taken = [experiment.device for experiment in busy if not experiment.node]
    return min((name for name in here if name != "cpu"), key=taken.count)


def size_of(experiment: Experiment) -> int:
    """Parameters of its model; 0 before it has started for the first time."""
    return sum(prod(tensor.shape) for tensor in experiment.tensors)


def fair_threads(experiment: Experiment, size: int, jobs: Iterable[Job], cores: int) -> int:
    """CPU threads for a job that starts now; they stay, since its bits depend on them."""
    if not _big(experiment, size):
        return 1
    others = [job.experiment for job in jobs if job.active and job.id != experiment.id]
    rivals = sum(_big(other, size_of(other)) for other in others)
    return max(1, min(cores // (rivals + 1), int(THREADS.high or 1)))


def _big(experiment: Experiment, size: int) -> bool:
    return experiment.kind == "task" and experiment.device == "cpu" and size >= BIG
