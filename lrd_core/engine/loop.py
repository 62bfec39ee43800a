"""The loop: trains the runs of one experiment side by side and applies controls between steps."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable, Sequence

from lrd_core.engine.advance import Stepper
from lrd_core.engine.answers import OVER, Answers
from lrd_core.engine.background import Background
from lrd_core.engine.checkpoint import Vault
from lrd_core.engine.controls import Applied, Control, Sink, State, Status
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.frames import ColumnBuffer
from lrd_core.engine.keeping import Keeper
from lrd_core.engine.roster import Roster
from lrd_core.engine.timeline import Resume
from lrd_core.engine.trainer import Trainer

FLUSH_S = 1 / 30
STATUS_S = 1.0
#: Steps that runs which catch up may make between two steps of the others.
CATCH_UP = 8
#: Seconds of a step below which a few steps are made between two looks around, and how many.
QUICK_S, PLAIN = 0.0005, 7


class Loop(Answers):
    """One experiment in training.

    Every run makes the same steps in the same order; a run that was added later first catches up
    from step 1, between the others' steps, so that every curve starts at the same start.
    """

    def __init__(
        self,
        spec: ExperimentSpec,
        sink: Sink,
        paused: bool = False,
        scheduled: Iterable[tuple[int, Control]] = (),
        stay: bool = True,
        vault: Vault | None = None,
        resume: Resume | None = None,
    ) -> None:
        """`scheduled` controls take effect at the step named with them (`lrd run --at`).

        `stay`: wait for controls after the last step; otherwise `run` returns there. `vault` keeps
        checkpoints. `resume`: go on from what is recorded; the steps since the last checkpoints
        are made again, and their rows not sent.
        """
        self._spec = spec
        self._sink = sink
        self._stay = stay
        self._inbox: queue.SimpleQueue[Control] = queue.SimpleQueue()
        self._runs = Roster(spec, vault, resume)
        self._keeper = Keeper(vault)
        self._stepper = Stepper()
        self._buffer = ColumnBuffer()
        self._background = Background(spec, self._runs, sink, self._buffer.add)
        self._state: State = "paused" if paused else "running"
        self._step = resume.step if resume else 0
        self._diverged = 0
        self._changed = False
        self._steps = resume.steps if resume else spec.steps
        self._speed = resume.speed if resume else spec.speed
        if self._step >= self._steps or not self._runs.any_active():
            self._state = self._end()
        self._caught_up = 0
        self._single = 0
        self._unanswered: list[Applied] = []
        self._held: list[Control] = []
        self._scheduled: dict[int, list[Control]] = {}
        for step, control in scheduled:
            self._scheduled.setdefault(step, []).append(control)
        self._flushed = self._told = self._due = time.monotonic()
        self._kinds = self._by_kind()

    @property
    def tensors(self) -> list[tuple[str, list[int]]]:
        """Names and shapes of the parameter tensors, in mask order."""
        return self._runs.tensors

    def post(self, control: Control) -> None:
        """Hand over a control; safe from any thread. It is applied before the next step."""
        self._inbox.put(control)

    def run(self) -> State:
        """Train until stopped; gives the last state."""
        self._tell()
        while True:
            self._answer(self._wait())
            if self._over():
                break
            now = time.monotonic()
            due = self._state == "running" and now >= self._due
            behind = self._runs.behind(self._step)
            if behind and not (due and self._may_advance()):
                self._catch_up(behind)
            elif due:
                self._advance(now)
                if not self._speed:
                    self._hurry()
            if self._background.busy:
                idle = not due and not self._runs.behind(self._step)
                if idle or self._background.may():
                    self._background.turn(idle)
            self._flush()
        self._keeper.keep(self._runs.all())
        self._flush(now=True)
        self._tell()
        return self._state

    def _may_advance(self) -> bool:
        """Whether those that keep up need not wait for those that are behind."""
        return self._caught_up >= CATCH_UP and bool(self._runs.at(self._step))

    def _over(self) -> bool:
        if self._state in OVER and not self._stay:
            return not self._runs.behind(self._step) and not self._background.busy
        return self._state == "cancelled"

    # --- time -------------------------------------------------------------------------------------

    def _wait(self) -> list[Control]:
        """The controls that came; blocks while there is nothing else to do."""
        if self._state == "running" and not self._speed and self._inbox.empty():
            return []
        now = time.monotonic()
        timeout: float | None = None
        ends = self._state == "cancelled" or (self._state in OVER and not self._stay)
        if self._runs.behind(self._step) or ends or self._background.busy:
            timeout = 0.0
        elif self._state == "running":
            timeout = max(0.0, self._due - now)
        if self._buffer:
            until_flush = max(0.0, self._flushed + FLUSH_S - now)
            timeout = until_flush if timeout is None else min(timeout, until_flush)
        controls: list[Control] = []
        try:
            controls.append(self._inbox.get(timeout != 0.0, timeout))
            while True:
                controls.append(self._inbox.get_nowait())
        except queue.Empty:
            return controls

    def _advance(self, now: float) -> None:
        """One step of every run that keeps up."""
        # A late step doesn't make the ones after it hurry.
        self._due = max(self._due + 1 / self._speed, now) if self._speed else now
        self._caught_up = 0
        for control in self._scheduled.pop(self._step + 1, ()):
            self._apply(control)
        trainers = self._runs.at(self._step)
        self._step += 1
        self._make(trainers)
        for applied in self._unanswered:
            self._sink.applied(applied)
        self._unanswered = []
        if self._single:
            self._single -= 1
            if not self._single:
                self._become("paused")
        if self._step >= self._steps or not self._runs.any_active():
            self._single = 0
            self._become(self._end())

    def _hurry(self) -> None:
        """Steps at full speed until a frame is due or anything but a step is to be done: what is
        looked at around a step costs as much as a small model's part of it."""
        trainers = self._runs.at(self._step)
        now, until = time.monotonic(), self._flushed + FLUSH_S
        quick = False
        self._changed = self._state != "running" or bool(
            self._single or not trainers or self._runs.behind(self._step)
        )
        while not self._changed and now < until:
            if not self._inbox.empty() or self._background.busy:
                return
            first = self._step
            if quick:
                self._make_plain(trainers)
            if self._changed or not self._may_hurry():
                return
            self._step += 1
            self._make(trainers)
            before, now = now, time.monotonic()
            quick = now - before < QUICK_S * (self._step - first)

    def _may_hurry(self) -> bool:
        """Whether nothing else is to be done at the next step, and it is not the last."""
        return self._step + 1 < self._steps and self._step + 1 not in self._scheduled

    def _make_plain(self, trainers: list[Trainer]) -> None:
        """A few steps of which nothing but their rows is wanted."""
        last = self._step + PLAIN
        while self._step < last and not self._changed and self._may_hurry():
            if not self._background.passes(self._step + 1):
                return
            self._step += 1
            self._stepper.advance(trainers)
            for trainer in trainers:
                trainer.end()
                if trainer.state != "running":
                    self._follow(trainer, replayed=False)

    def _end(self) -> State:
        """What it is called that nothing is left to train."""
        self._runs.settle()
        runs = self._runs.all()
        return "diverged" if all(run.state == "diverged" for run in runs) else "finished"

    def _make(self, trainers: list[Trainer]) -> None:
        """The next step of these, which are all at the same."""
        self._background.before(trainers, self._step)
        self._stepper.advance(trainers)
        for trainer in trainers:
            self._record(trainer)
        self._background.stepped(trainers)

    def _record(self, trainer: Trainer) -> None:
        replayed = trainer.replays
        trainer.end()
        self._follow(trainer, replayed)

    def _follow(self, trainer: Trainer, replayed: bool) -> None:
        """What a step leads to; `replayed`: it was recorded before."""
        if trainer.rows:
            self._buffer.wait_for(trainer.identity.id, trainer.rows)
        if trainer.state == "running" and not replayed and trainer.step < self._steps:
            self._keeper.stepped(trainer)
            return
        self._changed = True
        if trainer.state == "diverged":
            self._tell()
        elif trainer.step >= self._steps and not trainer.replays:
            trainer.state = "finished"
        if replayed and not trainer.replays:
            self._arrived(trainer)
        elif trainer.state == "finished":
            self._keeper.keep([trainer])
        else:
            self._keeper.stepped(trainer)

    def _arrived(self, trainer: Trainer) -> None:
        """A run is back at a recorded state."""
        self._send_rows()  # what it is compared with comes first
        self._sink.replayed(trainer.identity.id, trainer.made_again() or [])
        self._keeper.keep([trainer], pinned=bool(trainer.spec.parent))
        self._tell()
        self._answer_held()

    def _catch_up(self, behind: Sequence[Trainer]) -> None:
        """One step of the run that is furthest behind; controls are looked at before each."""
        trainer = min(behind, key=lambda t: t.step)
        self._caught_up += 1
        self._make([trainer])
        if trainer.step >= self._step:
            self._tell()

    def _become(self, state: State) -> None:
        if state == "running":
            self._due = time.monotonic()
        if state != self._state:
            self._state = state
            if state != "running":
                self._background.rest()
            self._tell()

    # --- output ------------------------------------------------------------

    def _flush(self, now: bool = False) -> None:
        clock = time.monotonic()
        due = now or clock - self._flushed >= FLUSH_S
        if not due and self._state == "running":
            return
        behind = self._runs.behind(self._step)
        if not due and behind:
            return
        # A run that makes recorded steps again has no rows, but it gets on.
        news = bool(self._buffer) or bool(behind)
        self._send_rows()
        if news and (clock - self._told >= STATUS_S or self._runs.diverged() != self._diverged):
            self._tell()
            if self._state == "running" and not self._runs.any_active():
                self._become(self._end())

    def _tell(self) -> None:
        """Send the status; rows that led to it go first."""
        self._told = time.monotonic()
        self._send_rows()
        self._diverged = self._runs.diverged()
        runs = self._runs.status(self._stepper.how)
        self._sink.status(Status(self._state, self._step, self._steps, self._speed, runs))

    def _send_rows(self) -> None:
        if self._buffer:
            self._flushed = time.monotonic()
            self._runs.settle()
            self._sink.frame(self._buffer.take())
