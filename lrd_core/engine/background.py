"""What a job does beside training, in the pauses between steps: pictures that someone looks at."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lrd_core.engine.controls import Sink
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.roster import Roster
from lrd_core.engine.trainer import Trainer
from lrd_core.engine.views.arrows import Arrows
from lrd_core.engine.views.contour import CONTOURS, contour_view
from lrd_core.engine.views.curvature import Measurement, measurement
from lrd_core.engine.views.layers import Layers
from lrd_core.engine.views.look import Look
from lrd_core.engine.views.looks import Looks, given_up
from lrd_core.engine.views.paths import Paths
from lrd_core.engine.views.picture import Watched
from lrd_core.engine.views.samples import Predictions
from lrd_core.settings import SettingError

log = logging.getLogger(__name__)

#: Part of the time that work in the background may take while training waits for it.
SHARE = 0.25
#: Seconds that it may go on at once while training has a pause.
PAUSE_S = 0.01
#: Measurements of curvature that may wait; while so many do, further ones are left out.
WAITING = 32
#: Bytes that they may hold, each a copy of the model; one may wait however large it is.
WAITING_BYTES = 256 * 1024**2

#: Of a measurement: run, step, error.
LEFT_OUT = "the curvature of %s at step %d is left out: %s"

#: Takes a row beside those of the steps: run, step, columns, steps between two such rows.
Record = Callable[[str, int, dict[str, float], int], None]

#: What can be watched, and the view that shows it.
WATCHED = {"mask": "picture", "layers": "layers", "samples": "samples", "arrows": "arrows"}


class Background:
    """Views of an experiment, sent by `Sink.view`, and rows of curvature."""

    def __init__(self, spec: ExperimentSpec, runs: Roster, sink: Sink, record: Record) -> None:
        self.curvature_every = spec.curvature_every
        self._spec = spec
        self._runs = runs
        self._sink = sink
        self._record = record
        self._paths = Paths(spec, sink, runs)
        self._looks = Looks(sink)
        self._measurements: deque[Measurement] = deque()
        self._contour: Iterator[None] | None = None
        self._spent = 0.0
        self._began = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether something is being computed."""
        making = self._looks.busy or self._contour is not None
        return making or bool(self._measurements) or self._paths.recalls

    def before(self, trainers: Sequence[Trainer], step: int) -> None:
        """These are about to make a step; the newest step of the experiment is `step`."""
        self._looks.before(trainers, step)

    def passes(self, step: int) -> bool:
        """Whether nothing is looked at before and after this step."""
        every = self.curvature_every
        if (every and step % every == 0) or self._paths.at(step):
            return False
        return self._looks.passes()

    def stepped(self, trainers: Sequence[Trainer]) -> None:
        """These have made a step."""
        self._looks.after(trainers)
        self._looks.begin()
        for trainer in trainers:
            # Steps that are made again after a resume are its own; those before a fork are not.
            if self._paths.due(trainer) and trainer.step > trainer.identity.fork_step:
                self._paths.add(trainer)
            if self.curvature_every and not trainer.replays:
                self._measure(trainer)
        self._paths.refit()

    def rest(self) -> None:
        """Training stands still: show the newest state."""
        self._paths.refit(now=True)
        self._looks.hasten()
        self._looks.begin()

    def _measure(self, trainer: Trainer) -> None:
        every = self.curvature_every
        due = every and trainer.step % every == 0 and trainer.state != "diverged"
        if due and self._may_wait(trainer):
            try:
                self._measurements.append(measurement(self._spec, trainer, every))
            except Exception as error:
                log.warning(LEFT_OUT, trainer.identity.id, trainer.step, error)

    def _may_wait(self, trainer: Trainer) -> bool:
        """Whether one more measurement may wait; those of one experiment are of one size."""
        waiting = len(self._measurements)
        instance = trainer.members[0].instance
        size = sum(tensor.nbytes for tensor in (*instance.parameters, *instance.buffers.values()))
        return waiting == 0 or (waiting < WAITING and (waiting + 1) * size <= WAITING_BYTES)

    def turn(self, idle: bool) -> None:
        """Go on with what is being computed: for a while if training has a pause, else only within
        its share of the time."""
        began = time.monotonic()
        while self.busy:
            self._go_on()
            now = time.monotonic()
            if not idle or now - began >= PAUSE_S:
                break
        self._spent += time.monotonic() - began

    def may(self) -> bool:
        """Whether its share of the time is not used up."""
        now = time.monotonic()
        if now - self._began > 1.0:
            self._began, self._spent = now, 0.0
        return self._spent <= SHARE * max(now - self._began, PAUSE_S)

    def _go_on(self) -> None:
        """One turn: what is looked at first, curvature before planes and contours.

        Whatever goes wrong, out of memory first of all: only that is given up.
        """
        if self._looks.busy:
            self._looks.go_on()
        elif self._measurements:
            self._go_on_measuring(self._measurements[0])
        elif self._paths.recalls:
            try:
                self._paths.recall()
            except Exception as error:
                log.warning("the plane is without the steps before the resume: %s", error)
        elif self._contour is not None:
            try:
                if next(self._contour, self) is self:
                    self._contour = None
            except Exception as error:
                self._contour = None
                given_up(self._sink, "contour", None, error)

    def _go_on_measuring(self, head: Measurement) -> None:
        try:
            columns = head.go_on()
        except Exception as error:
            log.warning(LEFT_OUT, head.run, head.step, error)
            self._measurements.popleft()
            return
        if columns is not None:
            self._measurements.popleft()
            self._record(head.run, head.step, columns, head.every)

    def watch(self, run: str | None, setting: str | None, what: object = None) -> None:
        """Send pictures of what somebody looks at, until they are not wanted: without a `setting`.

        Args:
            what: one of `WATCHED`; None is a mask.
            run: whose mask or samples; of ``layers`` and ``arrows`` None is every run.
            setting: of a mask the tensor, of samples their order, else anything.

        Raises:
            SettingError: nothing that can be watched, no such run or tensor, or a task without
                samples.
        """
        if what not in (None, *WATCHED):
            raise SettingError("value", what, "one of " + ", ".join(WATCHED))
        trainer = None if run is None else self._runs.get(run)
        name = "mask" if what is None else str(what)
        if setting is None:
            self._looks.drop(WATCHED[name])
            return
        make = partial(self._look, name, trainer, setting)
        self._looks.ask(WATCHED[name], (run, setting), make)

    def _look(self, name: str, trainer: Trainer | None, setting: str) -> Look:
        if name == "layers":
            return Layers(self._spec, self._runs, trainer, self._sink)
        if name == "arrows":
            return Arrows(self._spec, trainer, self._sink)
        if trainer is None:
            raise SettingError("run", None, "the run that is watched")
        if name == "samples":
            return Predictions(self._spec, trainer, setting, self._sink)
        return Watched(self._spec, trainer, setting, self._sink)

    def contour(self, directions: str, run: str | None) -> None:
        """Compute the loss on a plane, in the background.

        Raises:
            SettingError: no such run or directions, or no plane yet.
        """
        if directions not in CONTOURS:
            raise SettingError("setting", directions, "one of " + ", ".join(CONTOURS))
        centre = self._runs.get(run) if run is not None else self._runs.all()[0]
        try:
            self._contour = contour_view(self._spec, self._paths, centre, directions, self._sink)
        except SettingError:
            raise
        except Exception as error:
            given_up(self._sink, "contour", run, error)
