"""The queue: every experiment waits for a place there, be it for no time at all, then starts."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from backend.jobs.crew import Crew
from backend.jobs.job import Job
from backend.jobs.messages import Assign, Shutdown, WorkerControl
from backend.jobs.past import beginning, record
from backend.jobs.process import Worker
from backend.jobs.room import Room, fair_threads, leaving, open_to_sweeps, room_for
from backend.jobs.sites import Site, sites_for
from backend.jobs.tasks import Tasks
from backend.protocol import Experiment, Limits, Queued
from backend.settings import Settings
from backend.store import Store
from lrd_core.engine.controls import Control
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError

log = logging.getLogger(__name__)

#: How often it is looked whether somebody has left a place that waits for nobody to watch.
POLL_S = 0.5


class Launcher:
    """Starts jobs in the order in which they came, as places become free.

    `jobs` is the manager's; `let_go` asks a job's worker to end, `cut` waits for a worker whose
    link was cut before it had its assignment.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        crew: Crew,
        jobs: dict[str, Job],
        let_go: Callable[[Job], Awaitable[None]],
        cut: Callable[[Job], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._store = store
        self._crew = crew
        self._jobs = jobs
        self._let_go = let_go
        self._cut = cut
        self._tasks = Tasks()
        self._lock = asyncio.Lock()
        self._closing = False

    def queue(self) -> list[Job]:
        """Those that wait, in their order: those of sweeps, which are many, after all others."""
        waiting = [job for job in self._jobs.values() if job.queued]
        return sorted(waiting, key=lambda job: (job.experiment.sweep != "", _since(job)))

    def position(self, job: Job) -> int | None:
        """Place in the queue, 1 is the next; None for one that does not wait."""
        return self.queue().index(job) + 1 if job.queued else None

    def start(self) -> None:
        """Look after the queue from now on."""
        self._tasks.start(self._poll())

    async def close(self) -> None:
        """Start nobody any more; those that wait go on waiting in the store."""
        self._closing = True
        await self._tasks.close()

    async def submit(
        self, job: Job, paused: bool, who: str = "", limits: Limits | None = None
    ) -> None:
        """Queue a job that the manager knows; it starts at once if there is a place."""
        await job.change(
            state="queued",
            queue=Queued(at=self._moment(), paused=paused, who=who),
            message="waits for a place",
            limits=job.experiment.limits if limits is None else limits,
        )
        await self.pump()

    async def begin_again(self, job: Job) -> None:
        """Queue a job whose process is gone before it trained."""
        queued = job.experiment.queue or Queued(at=0.0, paused=False)
        job.spawned = job.worker = None
        await self.submit(job, queued.paused, queued.who)

    def _moment(self) -> float:
        """Now, and later than whoever waits already: the order outlives a clock set back."""
        return max([time.time(), *(_since(job) + 1e-3 for job in self.queue())])

    def stir(self) -> None:
        """A place may have become free."""
        if not self._closing and any(job.queued for job in self._jobs.values()):
            self._tasks.start(self.pump())

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                if any(job.queued for job in self._jobs.values()):
                    await self.pump()
            except Exception:
                log.exception("the queue could not be looked after; it is tried again")

    async def pump(self) -> None:
        """Start all for whom there is a place."""
        async with self._lock:
            for job in self.queue():
                if self._closing:
                    return
                sites = sites_for(job.experiment, self._settings, self._crew.nodes)
                if job.experiment.sweep:
                    sites = open_to_sweeps(sites, self._jobs.values())
                limit = self._settings.paused_limit
                room = room_for(job, self._jobs.values(), sites, limit)
                await self._make(room)
                if room.now and job.queued and room.site is not None:
                    await self._begin(job, room.site)
            await self._number()

    async def _make(self, room: Room) -> None:
        for other in room.leave:
            if other.active:
                other.stop_words = "stopped at step {step} to make room"
            await self._let_go(other)

    async def _number(self) -> None:
        for before, job in enumerate(self.queue()):
            words = f"waits for a place: {before} before it" if before else "waits for a place"
            if not before:
                words += self._where(job.experiment)
            if job.experiment.message != words:
                await job.change(message=words)

    def _where(self, experiment: Experiment) -> str:
        """What it waits for, where that is a certain machine or device; follows ``a place``."""
        device = f" on {experiment.device}" if experiment.device != "cpu" else ""
        if not experiment.node:
            return device
        node = experiment.node
        away = "" if self._crew.nodes.find(node) else ", which is not connected"
        return f"{device} on {node}{away}"

    async def _begin(self, job: Job, site: Site) -> None:
        """A place is free."""
        experiment = job.experiment
        queued = experiment.queue or Queued(at=0.0, paused=False)
        threads = experiment.threads
        if not experiment.tensors:  # it starts for the first time
            size = await self._size(experiment)
            threads = fair_threads(experiment, size, site.jobs(self._jobs.values()), site.cores)
        worker = self._crew.spawn(site.node)
        worker.experiment = job.id
        job.spawned = worker
        try:
            # How it was asked for is kept: if this server dies now, it is started again.
            started = {"state": "starting", "queue": queued, "message": "", "node": site.name}
            await job.change(**started, threads=threads)
        except Exception:
            # Not stored: it goes on waiting, and the process is sent away when it connects.
            self._crew.forget(worker)
            job.experiment, job.spawned = experiment, None
            raise
        self._tasks.start(self._assign(job, worker, queued))

    async def _size(self, experiment: Experiment) -> int:
        """Parameters of a model that was not built yet."""
        if experiment.kind == "surface":
            return 0

        def count() -> int:
            instance = get_problem(experiment.problem).build(experiment.settings, experiment.seed)
            return sum(parameter.numel() for parameter in instance.parameters)

        try:
            return await asyncio.to_thread(count)
        except SettingError:  # its data went away meanwhile: the worker will say so
            return 0
        except Exception:
            # The worker will say so; whoever waits behind it must not.
            log.exception("the size of experiment %s is not known", experiment.id)
            return 0

    async def _assign(self, job: Job, worker: Worker, queued: Queued) -> None:
        replaced = leaving(job.experiment)
        try:
            await asyncio.wait_for(worker.connected.wait(), self._settings.start_limit)
        except TimeoutError:
            worker.kill()
            self._crew.forget(worker)
            if job.active:
                await job.fail("its worker process did not come up")
                await self._let_go(job)
            return
        try:
            assignment = await self._assignment(job, queued)
        except Exception as error:
            log.exception("experiment %s cannot be started", job.id)
            worker.kill()
            await job.fail(f"it could not be started ({type(error).__name__}: {error})")
            return
        if not job.active:  # it was stopped or replaced meanwhile
            await worker.tell(Shutdown())
            return
        job.assignment, job.worker = assignment, worker
        if await worker.tell(job.assignment):
            await job.connect(worker)
        else:  # the link was cut; the worker is told when it has come back
            self._tasks.start(self._cut(job))
        if replaced is not None:
            await self._replace(replaced, job.id)

    async def _assignment(self, job: Job, queued: Queued) -> Assign:
        experiment = job.experiment
        spec = await beginning(self._store, experiment)
        made = Assign(
            experiment=job.id,
            spec=asdict(spec),
            paused=queued.paused,
            checkpoints=str(self._settings.checkpoints / job.id),
            limits=experiment.limits,
            away_limit=self._settings.away_limit,
            unsent_bytes=self._settings.unsent_bytes,
            spill_bytes=self._settings.spill_bytes,
        )
        if not experiment.tensors:
            return made
        first = asdict(Control(secrets.token_hex(6), "resume"))
        return made.model_copy(
            update={
                "resume": asdict(await record(self._store, experiment, spec)),
                "seq": await self._store.newest(job.id),
                "first": WorkerControl(control=first, who=queued.who),
            }
        )

    async def _replace(self, id: str, by: str) -> None:
        """Another experiment has taken the place of this one."""
        other = self._jobs.get(id)
        if other is not None:
            words = "continued as another experiment after step {step}; every step is kept"
            other.stop_words = words
            await other.change(replaced_by=by)
            await self._let_go(other)
            return
        replaced = await self._store.experiment(id)
        if replaced is not None:
            await self._store.save(replaced.model_copy(update={"replaced_by": by}))


def _since(job: Job) -> float:
    """Since when it waits, Unix seconds."""
    return job.experiment.queue.at if job.experiment.queue else 0.0
