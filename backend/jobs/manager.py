"""Starts experiments, carries controls to them, and tells when one has ended and why."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from backend.errors import ApiError, unknown_experiment
from backend.jobs.crew import Crew, Worker
from backend.jobs.job import Audience, Job, no_worker
from backend.jobs.messages import Assign, Shutdown, WorkerControl
from backend.jobs.room import make_room
from backend.jobs.tasks import Tasks
from backend.protocol import ControlIn, ControlOut, Experiment, ExperimentIn
from backend.settings import Settings
from backend.store import Store
from backend.store.records import moment
from lrd_core.engine.experiment import ExperimentSpec, check_experiment
from lrd_core.problems import PROBLEMS, get_problem

log = logging.getLogger(__name__)

CLOSE_S = 3.5


class Manager:
    """All jobs of this server. Everything runs on the event loop."""

    def __init__(self, settings: Settings, store: Store, audience: Audience, token: str) -> None:
        self._settings = settings
        self._store = store
        self._audience = audience
        self._jobs: dict[str, Job] = {}
        self._tasks = Tasks()
        self._creating = asyncio.Lock()
        self._closing = False
        self.crew = Crew(settings.worker_url(), token, self._exited)

    async def start(self) -> None:
        """Wait for the workers of an earlier life of this server; start the nursery."""
        for id in await self._store.active():
            experiment = await self._store.experiment(id)
            if experiment is not None:
                self._jobs[id] = Job(experiment, self._store, self._audience)
                self._tasks.start(self._await_return(self._jobs[id]))
        self._tasks.start(self._release_idle())
        await self.crew.start()
        self._tasks.start(self._warm_up())

    async def _warm_up(self) -> None:
        """Load what checking the first experiment on a task would wait for."""
        await self.crew.ready.wait()
        for name, problem in PROBLEMS.items():
            if problem.kind == "task":
                await asyncio.to_thread(check_experiment, {"problem": name})

    async def close(self) -> None:
        """End every worker; their last rows are stored, their experiments become stopped."""
        if self._closing:
            return
        self._closing = True
        for job in self._jobs.values():
            if job.active:
                job.stop_words = "the server was shut down at step {step}; every step is kept"
        for worker in self.crew.all():
            await worker.tell(Shutdown())
        await self.crew.close(CLOSE_S)
        for job in list(self._jobs.values()):
            if job.active:
                await job.stopped()
        await self._tasks.close()

    @property
    def count(self) -> int:
        """Experiments that train or wait to."""
        return sum(job.active for job in self._jobs.values())

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

    async def create(self, given: ExperimentIn) -> Experiment:
        """Start an experiment.

        Raises:
            SettingError: a value that is not allowed.
            ApiError: too many experiments at once, nothing there to replace, or the server is
                being shut down.
        """
        self._refuse_if_closing()
        parts = given.model_dump(
            exclude={"name", "paused", "replaces", "limits"}, exclude_none=True
        )
        spec = await asyncio.to_thread(check_experiment, parts)
        async with self._creating:
            replaced = await self._replaced(given.replaces)
            await make_room(
                self._jobs.values(), self._settings.max_jobs, given.replaces, self._let_go
            )
            self._refuse_if_closing()
            experiment = _new_experiment(given, spec)
            await self._store.create(experiment, asdict(spec))
            job = self._jobs[experiment.id] = Job(experiment, self._store, self._audience)
            worker = self.crew.spawn()
            worker.experiment = job.id
        self._tasks.start(self._assign(job, worker, spec, given.paused, replaced))
        return job.experiment

    def _refuse_if_closing(self) -> None:
        if self._closing:
            message = "server: it is being shut down; start it again first"
            raise ApiError(503, "server", None, "a server that goes on running", message)

    async def _replaced(self, id: str | None) -> Experiment | None:
        if id is None:
            return None
        try:
            return await self.experiment(id)
        except ApiError:
            allowed = "the id of an experiment, or leave it out"
            message = f"replaces: there is no experiment {id!r}; use {allowed}"
            raise ApiError(422, "replaces", id, allowed, message) from None

    async def _assign(
        self,
        job: Job,
        worker: Worker,
        spec: ExperimentSpec,
        paused: bool,
        replaced: Experiment | None,
    ) -> None:
        try:
            await asyncio.wait_for(worker.connected.wait(), self._settings.start_limit)
        except TimeoutError:
            if job.active:
                worker.kill()
                await job.fail("its worker process did not come up")
            return
        if not job.active:  # it was replaced while it waited
            await worker.tell(Shutdown())
            return
        job.worker = worker
        job.assignment = Assign(
            experiment=job.id,
            spec=asdict(spec),
            paused=paused,
            checkpoints=str(self._settings.checkpoints / job.id),
        )
        if await worker.tell(job.assignment):
            await job.connect(worker)
        else:  # the link was cut; the worker is told when it has come back
            self._tasks.start(self._await_return(job))
        if replaced is not None:
            await self._replace(replaced, job.id)

    async def _replace(self, replaced: Experiment, by: str) -> None:
        job = self._jobs.get(replaced.id)
        if job is None:
            await self._store.save(replaced.model_copy(update={"replaced_by": by}))
            return
        job.stop_words = "continued as another experiment after step {step}; every step is kept"
        await job.change(replaced_by=by)
        await self._let_go(job)

    async def _let_go(self, job: Job) -> None:
        if job.worker is None:
            self._jobs.pop(job.id, None)
            if job.active:
                await job.stopped()
        elif not await job.worker.tell(Shutdown()):
            job.worker.terminate()

    # --- controls ---------------------------------------------------------------------------------

    async def control(self, id: str, given: ControlIn) -> ControlOut:
        """Apply a control; returns once it has taken effect and is stored.

        Raises:
            ApiError: 404 unknown experiment, 409 no worker, 422 refused, 504 no answer.
        """
        job = self._jobs.get(id)
        if job is None:
            raise no_worker(await self.experiment(id))
        limit = self._settings.control_limit
        control = secrets.token_hex(6)
        parts = given.model_dump(exclude={"who"}) | {"id": control}
        answer = job.expect(control)
        try:
            async with asyncio.timeout(limit):
                if job.experiment.state == "starting":
                    await job.ready.wait()
                if answer.done():
                    return await answer
                with job.stopping(given.who) if given.kind == "stop" else nullcontext():
                    message = WorkerControl(control=parts, who=given.who)
                    if job.worker is None or not await job.worker.tell(message):
                        raise job.no_worker()
                    return await answer
        except TimeoutError:
            allowed = f"an answer within {limit:g} s"
            words = f"kind: {given.kind} was not answered within {limit:g} s; look whether it came"
            raise ApiError(504, "kind", given.kind, allowed, words) from None
        finally:
            job.give_up(control)

    # --- workers come and go ----------------------------------------------------------------------

    async def welcome(self, name: str, pid: int, experiment: str | None) -> Worker | None:
        """A worker has connected; None if it is to go away for good."""
        if self._closing:
            return None
        worker = self.crew.get(name) or self.crew.adopt(name, pid)
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
        if job.worker is not None and job.worker is not worker:
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
        if not worker.ours:
            self.crew.forget(worker)

    async def lost(self, worker: Worker) -> None:
        """A worker's link was cut: has it died, or will it come back?"""
        worker.detach()
        job = self._jobs.get(worker.experiment or "")
        if not worker.ours and not worker.alive():
            self.crew.forget(worker)
            await self._exited(worker, "no exit code is known")
        elif job is not None and job.worker is worker and not self._closing:
            self._tasks.start(self._await_return(job))
            await job.disconnect()
        elif not worker.ours:
            self.crew.forget(worker)

    async def _await_return(self, job: Job) -> None:
        deadline = time.monotonic() + self._settings.return_limit
        while time.monotonic() < deadline:
            worker = job.worker
            if self._jobs.get(job.id) is not job or (worker is not None and worker.send):
                return
            if worker is not None and not worker.ours and not worker.alive():
                self.crew.forget(worker)
                await self._exited(worker, "no exit code is known")
                return
            await asyncio.sleep(0.1)
        if self._closing or self._jobs.get(job.id) is not job:
            return
        self._jobs.pop(job.id)
        if job.worker is not None:
            job.worker.kill()
            cause = "its worker process lost the connection and did not come back"
        else:
            cause = "the server was restarted and its worker process did not come back"
        if job.active:
            await job.fail(cause)

    async def _exited(self, worker: Worker, words: str) -> None:
        """A worker process has ended."""
        try:
            # What it had sent is still being stored.
            await asyncio.wait_for(worker.disconnected.wait(), 0.3)
        except TimeoutError:
            worker.detach()
        job = self._jobs.get(worker.experiment or "")
        if job is None or (job.worker is not None and job.worker is not worker):
            return
        job.worker = None
        self._jobs.pop(job.id, None)
        if job.active and self._closing:
            await job.stopped()
        elif job.active:
            await job.fail(f"its worker process ended unexpectedly ({words})")
        else:
            await job.gone()

    async def _release_idle(self) -> None:
        """Let the workers of experiments go that were finished long ago."""
        limit = self._settings.idle_limit
        while True:
            await asyncio.sleep(min(limit / 4, 15.0))
            now = time.monotonic()
            for job in list(self._jobs.values()):
                if job.finished_at is not None and now - job.finished_at > limit:
                    await self._let_go(job)


def _new_experiment(given: ExperimentIn, spec: ExperimentSpec) -> Experiment:
    runs: list[dict[str, Any]] = [
        asdict(run)
        | {
            "mask_seed": spec.mask_seed(run),
            "state": "running",
            "step": 0,
            "diverged_step": None,
            "message": "",
        }
        for run in spec.runs
    ]
    return Experiment.model_validate(
        {
            "id": secrets.token_hex(5),
            "name": given.name,
            "created_at": moment(time.time()),
            "problem": spec.problem,
            "kind": get_problem(spec.problem).kind,
            "settings": spec.settings,
            "seed": spec.seed,
            "steps": spec.steps,
            "speed": spec.speed,
            "shared_masks": spec.shared_masks,
            "test_every": spec.test_every,
            "seeds": spec.seeds,
            "device": spec.device,
            "threads": spec.threads,
            "curvature_every": spec.curvature_every,
            "limits": given.limits.model_dump(),
            "state": "starting",
            "message": "",
            "step": 0,
            "runs": runs,
            "tensors": [],
            "replaces": given.replaces,
            "replaced_by": None,
            "connected": False,
        }
    )
