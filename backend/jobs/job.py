"""One experiment in training, as the backend sees it: takes in what its worker tells."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel
from sqlalchemy.exc import OperationalError

from backend.errors import ApiError, refused
from backend.jobs.audience import Audience
from backend.jobs.changes import after_changes, followed, without_steps
from backend.jobs.closing import Close, RefusedError
from backend.jobs.compare import EQUAL, Comparison
from backend.jobs.hold import Hold
from backend.jobs.ledger import Ledger
from backend.jobs.memory import ADVICE
from backend.jobs.messages import (
    ENDING,
    FAILED,
    PAUSING,
    Ack,
    Assign,
    Stored,
    WorkerApplied,
    WorkerEnding,
    WorkerFailed,
    WorkerKept,
    WorkerPausing,
    WorkerReady,
    WorkerReplayed,
    WorkerStatus,
    WorkerView,
    replayed_name,
)
from backend.jobs.process import Worker
from backend.jobs.unanswered import no_worker
from backend.jobs.unstored import held_words, until_stored
from backend.protocol import ControlOut, Experiment, Usage
from backend.store import Store
from backend.store.frames import newest_steps, pack
from backend.store.records import ACTIVE, QUEUED, control_out
from lrd_core.engine.frames import decode
from lrd_core.settings import SettingError

log = logging.getLogger(__name__)

ENDED = ("cancelled", "failed")
#: Nothing is left to train, but a control can change that.
DONE = ("finished", "diverged")


class Job:
    """Keeps `experiment` true, the store complete and the audience informed."""

    def __init__(self, experiment: Experiment, store: Store, audience: Audience) -> None:
        self.experiment = experiment
        self.worker: Worker | None = None
        #: The process that was started for it, connected or not.
        self.spawned: Worker | None = None
        #: What its worker is to be told, again if the link is cut before it has heard it.
        self.assignment: Assign | None = None
        #: When it was seen to be finished (monotonic seconds).
        self.finished_at: float | None = None
        #: When it was seen to be paused.
        self.paused_at = float("-inf")
        #: Set once controls can be applied, or never will be.
        self.ready = asyncio.Event()
        #: Set once its process is gone and everything of it is stored.
        self.over = asyncio.Event()
        #: Its worker was asked to end.
        self.leaving = False
        #: What its process uses, as last told.
        self.usage: Usage | None = None
        #: Said when the experiment stops; ``{step}`` becomes the last stored step.
        self.stop_words = "stopped at step {step}"
        #: What it waits for while its rows find no room.
        self.hold = Hold(self)
        #: Its newest stored frame; None: not known yet.
        self._newest: int | None = None
        self._ledger = Ledger()
        #: How often it was changed, and how many of these changes are stored.
        self._changes = self._stored = 0
        self._store = store
        self._audience = audience
        self._answers: dict[str, asyncio.Future[ControlOut]] = {}
        #: Where its worker says that every run is, which makes recorded steps again.
        self._at: dict[str, int] = {}
        #: Of steps made again by a run, as far as they were told.
        self._comparisons: dict[str, Comparison] = {}

    @property
    def id(self) -> str:
        return self.experiment.id

    @property
    def active(self) -> bool:
        return self.experiment.state in ACTIVE

    @property
    def queued(self) -> bool:
        """It waits for a place."""
        return self.experiment.state == QUEUED

    @property
    def ended(self) -> bool:
        """It needs a new process to go on."""
        gone = self.worker is None or self.leaving
        return self.experiment.state in ENDED or (self.experiment.state in DONE and gone)

    def behind(self, run: str | None) -> bool:
        """Whether this run, or any, has steps to make before it is where the experiment is."""
        step = self.experiment.step
        chosen = [one for one in self.experiment.runs if run in (None, one.id)]
        return any(o.state == "running" and self._at.get(o.id, o.step) < step for o in chosen)

    async def tell(self, message: BaseModel) -> bool:
        """Send a message to its worker; False if there is none, or it is not connected."""
        return self.worker is not None and await self.worker.tell(message)

    @property
    def viewers(self) -> int:
        return self._audience.viewers(self.id)

    @property
    def watched(self) -> bool:
        return self.viewers > 0

    async def change(self, **fields: Any) -> None:
        """Change parts of the experiment: stored, then told."""
        self._changes += 1
        self.experiment = self.experiment.model_copy(update=fields)
        await self._save()
        self._audience.experiment(self.experiment)

    async def _save(self) -> None:
        number = self._changes
        await self._store.save(self.experiment)
        self._stored = max(self._stored, number)

    def say(self, **fields: Any) -> None:
        """Change parts of the experiment that can't be stored now; the next change stores them."""
        self._changes += 1
        self.experiment = self.experiment.model_copy(update=fields)
        self._audience.experiment(self.experiment)

    async def connect(self, worker: Worker) -> None:
        """`worker` trains this experiment (again)."""
        self.worker = worker
        worker.experiment = self.id
        self.say(connected=True)
        await self.hold.connected()

    def disconnect(self) -> None:
        """The link was cut."""
        if self.experiment.connected:
            self.say(connected=False)

    # --- what the worker tells --------------------------------------------------------------------

    async def on_frame(self, data: bytes) -> Ack:
        """Store a frame, hand it on; the acknowledgement to send.

        Raises:
            FrameError: bytes that are not a frame.
            SequenceGapError: the frame before it is missing.
            RefusedError: its rows do not follow those that are stored.
        """
        frame = decode(data)
        if self._newest is None:
            self._newest = await self._store.newest(self.id)
        if frame.seq <= self._newest:  # it is there: the worker did not hear of it
            return Ack(seq=frame.seq)
        newest = self._ledger.check(frame, [run.id for run in self.experiment.runs])
        fresh = await self._store.append_frame(self.id, pack(frame, data))
        if frame.seq > self._newest:  # the same frame may come by two connections at a time
            self._newest = frame.seq
            self._ledger.enter(newest)
        if fresh:
            steps = newest_steps(frame)
            for run in self.experiment.runs:
                run.step = max(run.step, steps.get(run.id, 0))
                self._at[run.id] = max(self._at.get(run.id, 0), steps.get(run.id, 0))
            last = max(steps.values(), default=0)
            self.experiment.step = max(self.experiment.step, last)
            self._audience.frame(self.id, frame.seq, data)
        return Ack(seq=frame.seq)

    async def on_ready(self, message: WorkerReady) -> None:
        if message.tensors != self.experiment.tensors:
            await self.change(tensors=message.tensors)
        self.ready.set()

    async def on_status(self, message: WorkerStatus) -> None:
        """Follow the loop's status; a mere step forward is not worth a message."""
        status = message.status
        before = self.experiment
        state = status["state"]
        if before.state in (*DONE, "failed") and state == "cancelled":
            state = before.state  # its worker was let go; that changes nothing about it
        if state == "running" and self.hold.words:
            state = "paused"  # it has not heard of the pause yet
        words = before.message if state in ENDED and before.state == state else ""
        if state == "paused":
            words = self.hold.words
        if state == "cancelled" and not words:
            words = self.stop_words.format(step=max(before.step, status["step"]))
        told = {run["id"]: run for run in status["runs"]}
        self._at = {id: run["step"] for id, run in told.items()}
        runs = [followed(run, told.get(run.id)) for run in before.runs]
        after = before.model_copy(
            update={
                "state": state,
                "message": words,
                "step": max(before.step, status["step"]),
                "steps": status["steps"],
                "speed": status["speed"],
                "queue": None,
                "runs": runs,
            }
        )
        self.experiment = after
        if state == "paused" and before.state != "paused":
            self.paused_at = time.monotonic()
        if state not in DONE:
            self.finished_at = None
        elif any(run.state == "running" for run in after.runs):
            self.finished_at = None  # one that was added or forked catches up
        elif self.finished_at is None:
            self.finished_at = time.monotonic()
        self._changes += without_steps(after) != without_steps(before)
        if self._changes > self._stored:
            await self._save()
            self._audience.experiment(self.experiment)

    async def on_applied(self, message: WorkerApplied) -> Stored:
        """Store a control that took effect, then answer whoever sent it."""
        applied, control = message.applied, message.control
        answer = self._answers.get(control["id"])
        if applied["error"] is not None:
            if answer is not None and not answer.done():
                answer.set_exception(refused(SettingError(**applied["error"])))
            return Stored(control=control["id"])
        after = after_changes(self.experiment, applied)
        row = {
            "id": control["id"],
            "kind": control["kind"],
            "run": (applied["run"] or {}).get("id", control["run"]),
            "setting": control["setting"],
            "value": control["value"],
            "spec": applied["run"],
            "step": applied["step"],
            "received_step": applied["received_step"],
            "changes": applied["changes"],
            "at": message.at,
            "who": message.who,
        }
        self.leaving = self.leaving or control["kind"] == "stop"
        self.hold.answered(control["id"], control["kind"])
        out = await self.take_up(after, row)
        if answer is not None and not answer.done():
            answer.set_result(out)
        return Stored(control=control["id"])

    async def take_up(self, after: Experiment, row: dict[str, Any]) -> ControlOut:
        """Store a control (a row of `tables.controls`) with the experiment after it; tell both."""
        out = control_out(row)
        self._changes += after != self.experiment
        self.experiment = after
        number, before = self._changes, self._stored
        if await self._store.add_control(after, row):
            self._stored = max(before, number)
            self._audience.control(self.id, out)
            if number > before:
                self._audience.experiment(after)
        return out

    async def on_replayed(self, message: WorkerReplayed) -> Stored | None:
        """Compare steps that were made again with the record; after the last of them the run tells
        what came of it, and the worker is answered."""
        if message.first:
            self._comparisons[message.run] = Comparison(self._store, self.id)
        comparison = self._comparisons.get(message.run)
        if comparison is None:
            raise RefusedError(
                Close.MESSAGE, f"replayed: the first part of {message.run} is missing"
            )
        await comparison.add(message.parts)
        if not message.last:
            return None
        words = self._comparisons.pop(message.run).words
        if words not in ("", EQUAL):
            log.warning("experiment %s, run %s: %s", self.id, message.run, words)
        runs = [
            run.model_copy(update={"replay": words}) if run.id == message.run else run
            for run in self.experiment.runs
        ]
        if runs != self.experiment.runs:
            await self.change(runs=runs)
        return Stored(control=replayed_name(message.run))

    def on_view(self, message: WorkerView) -> None:
        """Hand a picture on."""
        if message.name == "usage":
            self.usage = Usage.model_validate(message.content)
        self._audience.view(self.id, message.name, message.content)

    def on_ending(self, message: WorkerEnding) -> Stored:
        """The reason comes before the end."""
        self.stop_words = message.words
        return Stored(control=ENDING)

    async def on_pausing(self, message: WorkerPausing) -> Stored:
        """The reason comes before the pause."""
        await self.hold.checkpoints_full(message.words)
        return Stored(control=PAUSING)

    async def on_kept(self, message: WorkerKept) -> Stored:
        """Its checkpoints lie where its worker is: the store knows which there are."""
        await self._store.put_checkpoints(self.id, message.run, message.checkpoints)
        return Stored(control=message.name)

    async def on_failed(self, message: WorkerFailed) -> Stored:
        if message.out_of_memory:
            await self.fail(f"there was not enough memory ({message.message}): {ADVICE}; it ended")
        else:
            await self.fail(f"training {message.message}")
        return Stored(control=FAILED)

    # --- ends -------------------------------------------------------------------------------------

    async def fail(self, cause: str) -> None:
        """The experiment can't go on."""
        step = self.experiment.step
        where = (
            f"at step {step}; every step up to there is kept" if step else "before its first step"
        )
        await self._end("failed", f"{cause} {where}")

    async def stopped(self) -> None:
        """The worker is gone, as it was asked to."""
        await self._end("cancelled", self.stop_words.format(step=self.experiment.step))

    async def gone(self) -> None:
        """The worker of an experiment that had ended is gone."""
        await self._end(self.experiment.state, self.experiment.message)

    async def _end(self, state: str, message: str) -> None:
        self.worker = None
        self.hold.over()
        ended = {"state": state, "connected": False, "message": message, "queue": None}
        try:
            await self.change(**ended)
        except OperationalError as error:
            log.error("experiment %s: %s", self.id, held_words(error))
            self._audience.experiment(self.experiment)
            self.refuse_waiting()
            await until_stored(self._save)
        finally:
            # After the change, so that whoever waits is told the reason.
            self.refuse_waiting()

    def refuse_waiting(self) -> None:
        """Nobody will answer the controls that still wait."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self.no_worker())
        self._answers.clear()
        self.ready.set()

    @contextmanager
    def stopping(self, who: str) -> Iterator[None]:
        """A person asks for a stop; if it is refused, the words stay what they were."""
        before = self.stop_words
        name = who.replace("{", "{{").replace("}", "}}")
        self.stop_words = "stopped at step {step}" + (f" by {name}" if name else "")
        try:
            yield
        except ApiError:
            self.stop_words = before
            raise

    def expect(self, control: str) -> asyncio.Future[ControlOut]:
        """The answer to a control about to be sent."""
        answer: asyncio.Future[ControlOut] = asyncio.get_running_loop().create_future()
        self._answers[control] = answer
        return answer

    def give_up(self, control: str) -> None:
        self._answers.pop(control, None)

    def no_worker(self) -> ApiError:
        """Why a control can't be applied."""
        return no_worker(self.experiment)
