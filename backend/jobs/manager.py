"""Starts experiments, carries controls to them, and tells when one has ended and why."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import asdict
from weakref import WeakValueDictionary

from backend.errors import ApiError, unknown_experiment
from backend.jobs.asking import ask, stop_row
from backend.jobs.audience import Audience
from backend.jobs.checked import checked
from backend.jobs.crew import Crew
from backend.jobs.fresh import new_experiment
from backend.jobs.job import Job
from backend.jobs.launcher import Launcher
from backend.jobs.memory import ADVICE
from backend.jobs.messages import Shutdown
from backend.jobs.nodes import Node
from backend.jobs.process import Send, Worker
from backend.jobs.returning import returned
from backend.jobs.tasks import Tasks
from backend.jobs.unanswered import no_worker
from backend.protocol import ControlIn, ControlOut, Experiment, ExperimentIn, Limits, ResumeIn
from backend.settings import Settings
from backend.store import Store
from lrd_core.engine.experiment import check_experiment
from lrd_core.problems import PROBLEMS

log = logging.getLogger(__name__)

CLOSE_S = 3.5
#: In which the link of a process that has ended must be closed, its last rows stored.
END_S = 3.0
#: In which the store must take the end of an experiment when the server is shut down.
STORE_S = 1.0
#: Controls that are not worth a new process.
NOT_FOR_ENDED = ("stop", "pause", "watch")


class Manager:
    """All jobs of this server. Everything runs on the event loop."""

    def __init__(self, settings: Settings, store: Store, audience: Audience, token: str) -> None:
        self._settings = settings
        self._store = store
        self._audience = audience
        self._jobs: dict[str, Job] = {}
        #: What goes on in the background until the server is shut down.
        self.tasks = Tasks()
        self._resuming: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._closing = False
        #: Another server trained these experiments: those whose workers stay away go on here.
        self.takes_over = False
        self.crew = Crew(settings.link_url(), token, self._exited)
        self.launcher = Launcher(
            settings, store, self.crew, self._jobs, self._let_go, self._await_return
        )

    async def start(self) -> None:
        """Wait for the workers of an earlier life of this server; start the nursery."""
        for id in [*await self._store.active(), *await self._store.queued()]:
            experiment = await self._store.experiment(id)
            if experiment is not None:
                job = self._jobs[id] = Job(experiment, self._store, self._audience)
                if job.active:
                    self.tasks.start(self._await_return(job))
        self.tasks.start(self._release_idle())
        await self.crew.start()
        self.launcher.start()
        self.tasks.start(self._warm_up())

    async def _warm_up(self) -> None:
        """Load what checking the first experiment on a task would wait for."""
        await self.crew.ready.wait()
        tasks = (name for name, p in PROBLEMS.items() if p.kind == "task" and not p.data)
        await asyncio.to_thread(check_experiment, {"problem": next(tasks)})

    async def close(self) -> None:
        """End every worker; their last rows are stored, their experiments become cancelled. Those
        that wait for a place go on waiting when the server is started again."""
        if self._closing:
            return
        self._closing = True
        await self.launcher.close()
        for job in self._jobs.values():
            if job.active:
                job.stop_words = "the server was shut down at step {step}; every step is kept"
        for worker in self.crew.all():
            await worker.tell(Shutdown())
        await self.crew.close(CLOSE_S)
        for job in list(self._jobs.values()):
            if job.active:
                # A store that takes nothing would be waited for without end.
                with suppress(TimeoutError):
                    await asyncio.wait_for(job.stopped(), STORE_S)
        await self.tasks.close()

    @property
    def count(self) -> int:
        """Experiments that train or wait to."""
        return len(self.busy())

    def busy(self) -> list[Job]:
        """Those that train, then those that wait for a place, in their order."""
        active = [job for job in self._jobs.values() if job.active]
        active.sort(key=lambda job: job.experiment.created_at)
        return [*active, *self.launcher.queue()]

    def all(self) -> list[Job]:
        """Those that hold a place, or wait for one."""
        return list(self._jobs.values())

    def job(self, id: str) -> Job | None:
        return self._jobs.get(id)

    async def experiment(self, id: str) -> Experiment:
        """The experiment as it stands now.

        Raises:
            ApiError: 404.
        """
        job = self._jobs.get(id)
        experiment = job.experiment if job else await self._store.experiment(id)
        if experiment is None:
            raise unknown_experiment(id)
        return experiment

    # --- start ------------------------------------------------------------------------------------

    async def create(self, given: ExperimentIn, sweep: str = "") -> Experiment:
        """Start an experiment, maybe for a sweep, or let it wait for a place.

        Raises:
            SettingError: a value that is not allowed.
            ApiError: nothing there to replace, or the server is being shut down.
        """
        self._refuse_if_closing()
        spec = await asyncio.to_thread(checked, given, self.all(), self.crew.nodes)
        await self._check_replaced(given.replaces)
        self._refuse_if_closing()
        experiment = new_experiment(given, spec, sweep)
        await self._store.create(experiment, asdict(spec))
        job = self._jobs[experiment.id] = Job(experiment, self._store, self._audience)
        await self.launcher.submit(job, given.paused)
        return job.experiment

    def node_leaves(self, node: Node) -> None:
        """A node was asked to end, and asks its workers to."""
        for worker in self.crew.nodes.on(node):
            job = self._jobs.get(worker.experiment or "")
            if job is not None and job.active:
                words = f"its worker on {node.name} was stopped at step {{step}}"
                job.stop_words = f"{words}; every step is kept"

    async def resume(self, id: str, given: ResumeIn) -> Experiment:
        """Let an ended experiment go on where its record ends, in a new process; one that has not
        ended stays as it is.

        Raises:
            ApiError: 404, 409 while its old process is still there, or the server is being shut
                down.
        """
        # Kept as long as somebody holds or waits for it.
        async with self._resuming.setdefault(id, asyncio.Lock()):
            self._refuse_if_closing()
            job = self._jobs.get(id)
            if job is not None and (job.ended or job.leaving):
                await self._end_of(job)
                job = self._jobs.get(id)
            if job is None:
                experiment = await self.experiment(id)
                job = self._jobs[id] = Job(experiment, self._store, self._audience)
                limits = None if given.limits is None else Limits(**given.limits.model_dump())
                await self.launcher.submit(job, given.paused, given.who, limits)
            return job.experiment

    async def _end_of(self, job: Job) -> None:
        """Wait until the process of a job is gone.

        Raises:
            ApiError: 409, it did not end in time.
        """
        limit = self._settings.control_limit
        try:
            await asyncio.wait_for(job.over.wait(), limit)
        except TimeoutError:
            worker = job.worker or job.spawned
            process = f"its process {worker.pid}" if worker and worker.pid else "its process"
            words = (
                f"state: {process} has not ended within {limit:g} s; resume it again in a moment, "
                "or end that process if it hangs"
            )
            allowed = "an experiment whose process has ended"
            raise ApiError(409, "state", job.experiment.state, allowed, words) from None

    def _refuse_if_closing(self) -> None:
        if self._closing:
            message = "server: it is being shut down; start it again first"
            raise ApiError(503, "server", None, "a server that goes on running", message)

    async def _check_replaced(self, id: str | None) -> None:
        if id is None:
            return
        try:
            await self.experiment(id)
        except ApiError:
            allowed = "the id of an experiment, or leave it out"
            message = f"replaces: there is no experiment {id!r}; use {allowed}"
            raise ApiError(422, "replaces", id, allowed, message) from None

    async def _let_go(self, job: Job) -> None:
        job.leaving = True
        if job.worker is None:
            if job.active or job.queued:
                await job.stopped()
            self._drop(job)
        elif not await job.worker.tell(Shutdown()):
            job.worker.terminate()

    def _drop(self, job: Job) -> None:
        """Its process is gone, and all of it is stored."""
        if self._jobs.get(job.id) is job:
            del self._jobs[job.id]
        job.over.set()
        self._audience.ended(job.id)
        self.launcher.stir()

    # --- controls ---------------------------------------------------------------------------------

    async def control(self, id: str, given: ControlIn) -> ControlOut:
        """Apply a control; returns once it has taken effect and is stored.

        Raises:
            ApiError: 404 unknown experiment, 409 no worker, 422 refused, 504 no answer.
        """
        if given.kind == "resume":
            words = f"kind: resume is not a control; use POST /api/experiments/{id}/resume"
            raise ApiError(422, "kind", given.kind, "another kind", words)
        job = await self._trained(id, given)
        if job.queued and given.kind == "stop":
            with job.stopping(given.who):
                out = await job.take_up(job.experiment, stop_row(job.experiment.step, given.who))
                await self._let_go(job)
            return out
        return await ask(job, given, self._settings.control_limit)

    async def _trained(self, id: str, given: ControlIn) -> Job:
        """The job that is to apply a control; an ended experiment is resumed for it, paused."""
        job = self._jobs.get(id)
        if job is None or job.ended:
            if given.kind in NOT_FOR_ENDED or self._closing:
                raise no_worker(await self.experiment(id))
            await self.resume(id, ResumeIn(who=given.who))
            job = self._jobs.get(id)
        if job is None:
            raise no_worker(await self.experiment(id))
        return job

    # --- workers come and go ----------------------------------------------------------------------

    async def welcome(
        self, name: str, pid: int, experiment: str | None, node: str = ""
    ) -> Worker | None:
        """A worker has connected, from this machine or from a node; None if it is to go away for
        good."""
        if self._closing:
            return None
        worker = self.crew.get(name) or self.crew.adopt(name, pid, node)
        if experiment is None:
            if worker.experiment is None:  # an earlier life of this server wanted it
                self._send_away(worker)
                return None
            return worker
        if experiment not in self._jobs:
            known = await self._store.experiment(experiment)
            if known is None:
                self._send_away(worker)
                return None
            self._jobs[experiment] = Job(known, self._store, self._audience)
        job = self._jobs[experiment]
        if (job.worker or job.spawned or worker) is not worker:
            self._send_away(worker)
            return None
        worker.experiment = experiment
        return worker

    async def joined(self, worker: Worker, assigned: bool) -> None:
        """A worker is connected, and can be sent to; `assigned` if it knows what to train."""
        job = self._jobs.get(worker.experiment or "")
        if job is None:
            return
        if not assigned:
            if job.worker is not worker or job.assignment is None:
                return  # its first hello: `_assign` waits for it
            if not await worker.tell(job.assignment):
                return  # cut again: `lost` follows
        await job.connect(worker)

    def _send_away(self, worker: Worker) -> None:
        if worker.send is None and (worker.place or not worker.ours):
            self.crew.forget(worker)

    async def lost(self, worker: Worker, send: Send) -> None:
        """A worker's link was cut: has it died, or will it come back?"""
        if worker.send is not send:
            return  # it has come back already, by another connection
        worker.detach()
        job = self._jobs.get(worker.experiment or "")
        if not worker.ours and not worker.alive():
            self.crew.forget(worker)
            await self._exited(worker, "no exit code is known")
        elif job is not None and job.worker is worker and not self._closing:
            self.tasks.start(self._await_return(job))
            job.disconnect()
        elif not worker.ours:
            self.crew.forget(worker)

    async def _await_return(self, job: Job) -> None:
        def wanted() -> bool:
            return self._jobs.get(job.id) is job

        lost = await returned(job, self.crew, self._settings, wanted)
        if lost is None:
            return
        if lost.died is not None:
            self.crew.forget(lost.died)
            await self._exited(lost.died, lost.cause)
            return
        if self._closing or not wanted():
            return
        if lost.begins:
            await self.launcher.begin_again(job)
            return
        if job.worker is not None:
            job.worker.kill()
        active, paused = job.active, job.experiment.state == "paused"
        try:
            if active:
                await job.fail(lost.cause)
        finally:
            self._drop(job)
        if active and self.takes_over:
            await self.resume(job.id, ResumeIn(paused=paused))

    async def _exited(self, worker: Worker, words: str) -> None:
        """A worker process has ended."""
        try:
            # What it had sent is still being stored.
            await asyncio.wait_for(worker.disconnected.wait(), END_S)
        except TimeoutError:
            worker.detach()
        job = self._jobs.get(worker.experiment or "")
        if job is None or (job.worker or job.spawned or worker) is not worker:
            return
        job.worker = None
        try:
            if job.active and (self._closing or job.leaving):
                await job.stopped()
            elif job.active:
                await job.fail(self._cause(worker, words))
            else:
                await job.gone()
        finally:
            self._drop(job)

    def _cause(self, worker: Worker, words: str) -> str:
        """Why a process has ended that nobody had asked to."""
        if worker.starved:
            return f"the system ended its process for want of memory; {ADVICE}; it ended"
        return f"its worker process ended unexpectedly ({words})"

    async def _release_idle(self) -> None:
        """Let the workers of experiments go that were finished long ago."""
        limit = self._settings.idle_limit
        while True:
            await asyncio.sleep(min(limit / 4, 15.0))
            now = time.monotonic()
            for job in list(self._jobs.values()):
                idle = job.finished_at is not None and now - job.finished_at > limit
                if not idle or job.leaving:
                    continue
                try:
                    await self._let_go(job)
                except Exception:
                    log.exception("the worker of experiment %s could not be let go", job.id)
