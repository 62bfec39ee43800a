"""The loop: trains the runs of one experiment side by side and applies controls between steps."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace

from lrd_core.engine.controls import Applied, Change, Control, Sink, State, Status
from lrd_core.engine.experiment import MAX_RUNS, SPEED, STEPS, ExperimentSpec, check_run
from lrd_core.engine.frames import ColumnBuffer
from lrd_core.engine.trainer import Trainer
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError

FLUSH_S = 1 / 30
STATUS_S = 1.0


class Loop:
    """One experiment in training.

    Every run makes the same steps in the same order; a run that was added later first catches up
    from step 1 at full speed, so that every curve starts at the same start.
    """

    def __init__(
        self,
        spec: ExperimentSpec,
        sink: Sink,
        paused: bool = False,
        scheduled: Iterable[tuple[int, Control]] = (),
        stay: bool = True,
    ) -> None:
        """`scheduled` controls take effect at the step named with them (`lrd run --at`).

        `stay`: wait for controls after the last step; otherwise `run` returns there.
        """
        self._spec = spec
        self._sink = sink
        self._stay = stay
        self._inbox: queue.SimpleQueue[Control] = queue.SimpleQueue()
        self._trainers = {run.id: Trainer(spec, run) for run in spec.runs}
        self._made = len(self._trainers)
        self._state: State = "paused" if paused else "running"
        self._step = 0
        self._steps = spec.steps
        self._speed = spec.speed
        self._single = 0
        self._unanswered: list[Applied] = []
        self._scheduled: dict[int, list[Control]] = {}
        for step, control in scheduled:
            self._scheduled.setdefault(step, []).append(control)
        self._buffer = ColumnBuffer()
        self._flushed = self._told = self._due = time.monotonic()
        self._kinds: dict[str, Callable[[Control], list[Change]]] = {
            "set": self._set,
            "play": self._play,
            "pause": self._pause,
            "stop": self._stop,
            "speed": self._set_speed,
            "extend": self._extend,
            "remove_run": self._remove_run,
            "restore_run": self._restore_run,
        }

    @property
    def tensors(self) -> list[tuple[str, list[int]]]:
        """Names and shapes of the parameter tensors, in mask order."""
        return next(iter(self._trainers.values())).shapes

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
            if self._behind():
                self._catch_up()
            elif self._state == "running" and time.monotonic() >= self._due:
                self._advance()
            self._flush()
        self._flush(now=True)
        self._tell()
        return self._state

    def _over(self) -> bool:
        done = self._state == "finished" and not self._stay and not self._behind()
        return done or self._state == "stopped"

    # --- time ------------------------------------------------------------

    def _wait(self) -> list[Control]:
        """The controls that came; blocks while there is nothing else to do."""
        now = time.monotonic()
        timeout: float | None = None
        if self._behind():
            timeout = 0.0
        elif self._state == "running":
            timeout = max(0.0, self._due - now)
        elif self._state == "finished" and not self._stay:
            timeout = 0.0
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

    def _advance(self) -> None:
        now = time.monotonic()
        # A late step doesn't make the ones after it hurry.
        self._due = max(self._due + 1 / self._speed, now) if self._speed else now
        self._step += 1
        for control in self._scheduled.pop(self._step, ()):
            self._apply(control, self._step - 1)
        for trainer in self._trainers.values():
            if trainer.state == "running":
                self._record(trainer)
        for applied in self._unanswered:
            self._sink.applied(applied)
        self._unanswered = []
        if self._single:
            self._single -= 1
            if not self._single:
                self._become("paused")
        if self._step >= self._steps or not any(t.active for t in self._trainers.values()):
            self._finish()

    def _record(self, trainer: Trainer) -> None:
        row, held_out = trainer.advance()
        self._buffer.add(trainer.spec.id, trainer.step, row)
        if held_out:
            every = self._spec.test_every
            self._buffer.add(trainer.spec.id, trainer.step, held_out, every)
        if trainer.state == "diverged":
            self._tell()
        elif trainer.step >= self._steps:
            trainer.state = "finished"

    def _behind(self) -> list[Trainer]:
        return [t for t in self._trainers.values() if t.state == "running" and t.step < self._step]

    def _catch_up(self) -> None:
        """One step of the run that is furthest behind; controls are looked at before each."""
        trainer = min(self._behind(), key=lambda t: t.step)
        self._record(trainer)
        if trainer.step >= self._step:
            self._tell()

    def _finish(self) -> None:
        self._single = 0
        self._become("finished")

    def _become(self, state: State) -> None:
        if state == "running":
            self._due = time.monotonic()
        if state != self._state:
            self._state = state
            self._tell()

    # --- output ------------------------------------------------------------

    def _flush(self, now: bool = False) -> None:
        clock = time.monotonic()
        quiet = self._state != "running" and not self._behind()
        if self._buffer and (now or quiet or clock - self._flushed >= FLUSH_S):
            self._flushed = clock
            self._sink.frame(self._buffer.take())
            if clock - self._told >= STATUS_S:
                self._tell()

    def _tell(self) -> None:
        """Send the status; rows that led to it go first."""
        self._told = time.monotonic()
        if self._buffer:
            self._flushed = self._told
            self._sink.frame(self._buffer.take())
        runs = [trainer.status() for trainer in self._trainers.values()]
        self._sink.status(Status(self._state, self._step, self._steps, self._speed, runs))

    # --- controls ------------------------------------------------------------

    def _answer(self, controls: Iterable[Control]) -> None:
        for control in controls:
            self._apply(control, self._step)

    def _apply(self, control: Control, done: int) -> None:
        """Apply one control after `done` steps, and answer it."""
        try:
            if control.kind == "step":
                self._unanswered.append(self._single_step(control, done))
                return
            if control.kind == "add_run":
                self._sink.applied(self._add_run(control, done))
                return
            changes = self._kinds[control.kind](control)
        except SettingError as error:
            detail = {"field": error.field, "value": error.value, "allowed": error.allowed}
            self._sink.applied(Applied(control.id, done + 1, done, error=detail))
            return
        if control.run is not None and self._trainers[control.run].step < done:
            done = self._trainers[control.run].step
        self._sink.applied(Applied(control.id, done + 1, done, changes))

    def _chosen(self, control: Control) -> list[Trainer]:
        if control.run is None:
            return [t for t in self._trainers.values() if t.active]
        trainer = self._trainers.get(control.run)
        if trainer is None:
            names = ", ".join(self._trainers)
            raise SettingError("run", control.run, f"one of {names}")
        return [trainer]

    def _set(self, control: Control) -> list[Change]:
        setting = control.setting
        if setting is None:
            raise SettingError("setting", setting, "drop_rate or the name of a setting")
        trainers = self._chosen(control)
        if control.run is None:
            trainers = [t for t in trainers if t.has(setting)] or trainers
        for trainer in trainers:
            if trainer.state == "diverged":
                raise SettingError(
                    "run", control.run, f"a run that trains: {trainer.status().message}"
                )
            if trainer.state == "removed":
                raise SettingError("run", control.run, "a run that was not removed")
        return [trainer.change(setting, control.value) for trainer in trainers]

    def _play(self, control: Control) -> list[Change]:
        self._refuse_if_finished(control)
        self._single = 0
        self._become("running")
        return []

    def _pause(self, control: Control) -> list[Change]:
        if self._state == "running":
            self._single = 0
            self._become("paused")
        return []

    def _single_step(self, control: Control, done: int) -> Applied:
        self._refuse_if_finished(control)
        count = int(STEPS.check(1 if control.value is None else control.value, "value"))
        self._single = count
        self._become("running")
        return Applied(control.id, done + 1, done)

    def _refuse_if_finished(self, control: Control) -> None:
        if self._state == "finished":
            raise SettingError(
                "kind", control.kind, f"extend first: all {self._steps} steps are done"
            )

    def _stop(self, control: Control) -> list[Change]:
        self._become("stopped")
        return []

    def _set_speed(self, control: Control) -> list[Change]:
        new = float(SPEED.check(control.value, "value"))
        old, self._speed = self._speed, new
        self._due = time.monotonic()
        self._tell()
        return [Change(None, "speed", old, new)]

    def _extend(self, control: Control) -> list[Change]:
        more = int(STEPS.check(control.value, "value"))
        old, new = self._steps, int(STEPS.check(self._steps + more, "value"))
        self._steps = new
        for trainer in self._trainers.values():
            if trainer.state == "finished":
                trainer.state = "running"
        if self._state == "finished":
            self._become("paused")
        self._tell()
        return [Change(None, "steps", old, new)]

    def _present(self) -> list[Trainer]:
        return [t for t in self._trainers.values() if t.state != "removed"]

    def _free_slot(self) -> int:
        taken = {trainer.spec.slot for trainer in self._present()}
        if len(taken) >= MAX_RUNS:
            allowed = f"at most {MAX_RUNS} runs in one experiment; remove one first"
            raise SettingError("runs", len(taken) + 1, allowed)
        # A removed run keeps its colour while another is free, so that it can come back with it.
        ever = {trainer.spec.slot for trainer in self._trainers.values()}
        fresh = [slot for slot in range(MAX_RUNS) if slot not in ever]
        return fresh[0] if fresh else min(set(range(MAX_RUNS)) - taken)

    def _add_run(self, control: Control, done: int) -> Applied:
        slot = self._free_slot()
        suggested = get_problem(self._spec.problem).suggested_lr
        try:
            spec = check_run(control.spec or {}, slot, suggested)
        except SettingError as error:
            raise error.within("spec") from None
        self._made += 1
        spec = replace(spec, id=f"r{self._made}")
        self._trainers[spec.id] = trainer = Trainer(self._spec, spec)
        told = asdict(spec) | {"mask_seed": self._spec.mask_seed(slot)}
        change = Change(spec.id, "run", None, trainer.spec.optimizer)
        applied = Applied(control.id, 1, done, [change], run=told)
        if self._state == "finished" and done == 0:
            trainer.state = "finished"
        return applied

    def _remove_run(self, control: Control) -> list[Change]:
        trainer = self._one(control)
        if trainer.state == "removed":
            raise SettingError("run", control.run, "a run that was not removed already")
        if len(self._present()) == 1:
            raise SettingError("run", control.run, "another run: an experiment keeps at least one")
        trainer.state = "removed"
        self._tell()
        return [Change(control.run, "run", trainer.spec.optimizer, None)]

    def _restore_run(self, control: Control) -> list[Change]:
        trainer = self._one(control)
        if trainer.state != "removed":
            raise SettingError("run", control.run, "a run that was removed")
        if trainer.spec.slot in {other.spec.slot for other in self._present()}:
            trainer.spec = replace(trainer.spec, slot=self._free_slot())
        if trainer.diverged_step is not None:
            trainer.state = "diverged"
        else:
            trainer.state = "finished" if trainer.step >= self._steps else "running"
        self._tell()
        return [Change(control.run, "run", None, trainer.spec.optimizer)]

    def _one(self, control: Control) -> Trainer:
        if control.run is None:
            raise SettingError("run", None, "the id of a run")
        return self._chosen(control)[0]
