"""An experiment whose rows find no room: why it is paused, and what is said meanwhile."""

from __future__ import annotations

import logging
from dataclasses import asdict
from secrets import token_hex
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from backend.jobs.closing import Close
from backend.jobs.messages import WorkerControl
from backend.jobs.unstored import full_words, held_words, no_room
from backend.store.records import ACTIVE
from lrd_core.engine.controls import Control

if TYPE_CHECKING:
    from backend.jobs.job import Job

log = logging.getLogger(__name__)

#: Controls after which a paused experiment trains.
GOING_ON = ("play", "step")
ROOM_AGAIN = "paused: the disk was full and has room again; press play"


class Hold:
    """Of one job. `error` is set while the store takes nothing."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.error: OperationalError | None = None
        #: Why it is paused, if nobody asked for that; until somebody lets it go on.
        self.words = ""
        self._said = ""
        #: The pause that its worker is to be told of, until it answers.
        self._pause: WorkerControl | None = None

    async def begin(self, error: OperationalError) -> None:
        """The store takes nothing: say so; if its disk is full, training pauses."""
        job = self._job
        self.error = error
        words = self._said = held_words(error)
        log.error("experiment %s: %s", job.id, words)
        if not no_room(error) or job.experiment.state not in ACTIVE:
            job.say(message=words)
            return
        self.words = words
        self._pause = WorkerControl(control=asdict(Control(token_hex(6), "pause")), who="")
        job.say(state="paused", message=words)
        await job.tell(self._pause)

    async def end(self) -> None:
        """It takes what comes again: the worker is to send what it has kept."""
        if self.error is None:
            return
        self.error = None
        if self.words:
            self.words = ROOM_AGAIN
        worker = self._job.worker
        if worker is not None and worker.send is not None:
            # It is back in a moment; until then nobody could press play.
            await worker.hang_up(Close.AGAIN, "the store works again: send again")
        else:
            self._take_back()

    def _take_back(self) -> None:
        """What was said is not so any more."""
        said, self._said = self._said, ""
        if said and self._job.experiment.message == said:
            self._job.say(message=self.words)

    async def checkpoints_full(self, words: str) -> None:
        """Its worker pauses by itself: its disk has no room."""
        self.words = full_words(words)
        if self._job.experiment.state == "paused":
            await self._job.change(message=self.words)

    async def connected(self) -> None:
        """Its worker is there again: it may not have heard of the pause."""
        if self._pause is not None:
            await self._job.tell(self._pause)
        if self.error is None:
            self._take_back()

    def answered(self, id: str, kind: str) -> None:
        """Its worker has applied a control."""
        if kind in GOING_ON:
            self.words = ""
        if self._pause is not None and self._pause.control["id"] == id:
            self._pause = None

    def over(self) -> None:
        """The experiment has ended."""
        self.error = None
