"""What every control does to an experiment in training."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from lrd_core.engine.background import Background
from lrd_core.engine.controls import Applied, Change, Control, Sink, State
from lrd_core.engine.experiment import CURVATURE_EVERY, STEPS, check_speed
from lrd_core.engine.keeping import Keeper
from lrd_core.engine.roster import Roster
from lrd_core.engine.trainer import Trainer
from lrd_core.settings import SettingError

#: Controls that name a run; the others are for the whole experiment.
TO_RUNS = ("set", "remove_run", "restore_run", "fork", "watch", "contour")
#: States in which nothing is left to train.
OVER = ("finished", "diverged")


class Answers(ABC):
    """Applies controls between two steps of a loop, which is built on this; each is answered."""

    _sink: Sink
    _runs: Roster
    _keeper: Keeper
    _background: Background
    _state: State
    _step: int
    _steps: int
    _speed: float
    #: When the next step is due.
    _due: float
    #: Steps until a pause; 0 where none was asked for.
    _single: int
    #: Answers that are given once a step is made.
    _unanswered: list[Applied]
    #: Controls that wait for a run that makes recorded steps again.
    _held: list[Control]
    _kinds: dict[str, Callable[[Control], Applied | None]]

    @abstractmethod
    def _become(self, state: State) -> None: ...

    @abstractmethod
    def _tell(self) -> None: ...

    @abstractmethod
    def _send_rows(self) -> None: ...

    @abstractmethod
    def _arrived(self, trainer: Trainer) -> None: ...

    def _by_kind(self) -> dict[str, Callable[[Control], Applied | None]]:
        return {
            "set": self._set,
            "play": self._play,
            "pause": self._pause,
            "step": self._single_step,
            "stop": self._stop,
            "speed": self._set_speed,
            "extend": self._extend,
            "add_run": self._add_run,
            "remove_run": self._remove_run,
            "restore_run": self._restore_run,
            "fork": self._fork,
            "checkpoint": self._checkpoint,
            "resume": lambda control: self._applied(control, []),
            "watch": self._watch,
            "contour": self._contour,
            "curvature": self._curvature,
        }

    def _answer(self, controls: Iterable[Control]) -> None:
        for control in controls:
            self._apply(control)

    def _apply(self, control: Control) -> None:
        """Apply one control between two steps, and answer it; a refused one changes nothing."""
        try:
            if control.kind not in TO_RUNS and control.run is not None:
                raise SettingError("run", control.run, f"no run: {control.kind} is for all of them")
            if control.kind == "set" and self._runs.replaying(control.run):
                self._held.append(control)
                return
            applied = self._kinds[control.kind](control)
        except SettingError as error:
            detail = {"field": error.field, "value": error.value, "allowed": error.allowed}
            applied = Applied(control.id, self._step + 1, self._step, error=detail)
        if applied is not None:
            # Rows first: a change that is recorded never follows steps that are not.
            self._send_rows()
            self._sink.applied(applied)

    def _answer_held(self) -> None:
        """What waited for a run that made recorded steps again."""
        held, self._held = self._held, []
        self._answer(held)

    def _applied(
        self, control: Control, changes: list[Change], done: int | None = None, **more: Any
    ) -> Applied:
        after = self._step if done is None else done
        return Applied(control.id, after + 1, after, changes, **more)

    def _set(self, control: Control) -> Applied:
        changed = self._runs.all() if control.run is None else [self._runs.get(control.run)]
        self._keeper.keep((t for t in changed if t.active), pinned=True)
        changes = self._runs.set(control.run, control.setting, control.value)
        done = None if control.run is None else self._own_step(self._runs.get(control.run))
        return self._applied(control, changes, done)

    def _own_step(self, trainer: Trainer) -> int:
        """Steps a run has made: those of the experiment unless it catches up."""
        return trainer.step if trainer.step < self._step else self._step

    def _play(self, control: Control) -> Applied:
        self._refuse_if_finished(control)
        self._single = 0
        self._become("running")
        return self._applied(control, [])

    def _pause(self, control: Control) -> Applied:
        self._drop_unanswered(control)
        if self._state == "running":
            self._single = 0
            self._become("paused")
        return self._applied(control, [])

    def _single_step(self, control: Control) -> None:
        """Train `value` steps, then pause; answered once the first of them is done."""
        self._refuse_if_finished(control)
        self._single = int(STEPS.check(1 if control.value is None else control.value, "value"))
        self._unanswered.append(self._applied(control, []))
        self._become("running")

    def _drop_unanswered(self, control: Control) -> None:
        """A step that is called off before it was made must not be waited for."""
        for applied in self._unanswered:
            allowed = f"a step that is not called off at once by {control.kind}"
            detail = {"field": "kind", "value": "step", "allowed": allowed}
            self._sink.applied(replace(applied, error=detail))
        self._unanswered = []

    def _refuse_if_finished(self, control: Control) -> None:
        if self._state in OVER:
            mend = f"extend first: all {self._steps} steps are done"
            if self._step < self._steps:
                mend = "add a run first: none is left that trains"
            raise SettingError("kind", control.kind, mend)

    def _stop(self, control: Control) -> Applied:
        self._drop_unanswered(control)
        self._become("cancelled")
        return self._applied(control, [])

    def _set_speed(self, control: Control) -> Applied:
        new = check_speed(control.value, "value")
        old, self._speed = self._speed, new
        self._due = time.monotonic()
        self._tell()
        return self._applied(control, [Change(None, "speed", old, new, self._step + 1)])

    def _extend(self, control: Control) -> Applied:
        more = int(STEPS.check(control.value, "value"))
        old, new = self._steps, int(STEPS.check(self._steps + more, "value"))
        self._steps = new
        self._runs.go_on()
        self._wake()
        self._tell()
        return self._applied(control, [Change(None, "steps", old, new, self._step + 1)])

    def _wake(self) -> None:
        """Finished because nothing was left to do; now there is."""
        if self._state in OVER and self._step < self._steps and self._runs.any_active():
            self._become("paused")

    def _add_run(self, control: Control) -> Applied:
        trainer = self._runs.add(control.spec or {})
        self._wake()
        change = Change(trainer.spec.id, "run", None, trainer.spec.optimizer, 1)
        told = self._runs.told(trainer)
        return Applied(control.id, 1, self._step, [change], run=told)

    def _remove_run(self, control: Control) -> Applied:
        trainer = self._runs.remove(control.run)
        self._tell()
        self._answer_held()
        done = self._own_step(trainer)
        change = Change(control.run, "run", trainer.spec.optimizer, None, done + 1)
        return self._applied(control, [change], done)

    def _restore_run(self, control: Control) -> Applied:
        trainer = self._runs.restore(control.run, self._steps)
        self._wake()
        self._tell()
        done = self._own_step(trainer)
        change = Change(control.run, "run", None, trainer.spec.optimizer, done + 1)
        return self._applied(control, [change], done, run=self._runs.told(trainer))

    def _fork(self, control: Control) -> Applied:
        trainer = self._runs.fork(control.run, control.value, control.spec or {})
        if not trainer.replays:
            self._arrived(trainer)
        if trainer.step >= self._steps and not trainer.replays:
            trainer.state = "finished"
        self._wake()
        run = trainer.identity
        change = Change(run.id, "run", None, run.optimizer, run.fork_step + 1)
        told = self._runs.told(trainer)
        return Applied(control.id, run.fork_step + 1, self._step, [change], run=told)

    def _checkpoint(self, control: Control) -> Applied:
        self._keeper.keep(self._runs.all(), pinned=True)
        return self._applied(control, [])

    def _watch(self, control: Control) -> Applied:
        self._background.watch(control.run, control.setting, control.value)
        return self._applied(control, [])

    def _contour(self, control: Control) -> Applied:
        self._background.contour(control.setting or "plane", control.run)
        return self._applied(control, [])

    def _curvature(self, control: Control) -> Applied:
        every = int(CURVATURE_EVERY.check(control.value, "value"))
        old = self._background.curvature_every
        self._background.curvature_every = every
        change = Change(None, "curvature_every", old, every, self._step + 1)
        return self._applied(control, [change])
