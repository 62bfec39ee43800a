"""The plane of all runs' paths, fitted anew as they go on."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from lrd_core.engine.controls import Sink
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.roster import Roster
from lrd_core.engine.trainer import Trainer
from lrd_core.engine.views.earlier import Earlier
from lrd_core.probes.plane import Plane
from lrd_core.probes.plane_fit import PlaneFit
from lrd_core.problems import get_problem

#: Seconds between two fits, at least; and the part of the time that fitting may take.
INTERVAL_S, SHARE = 0.5, 0.005
#: Steps between two points of a run that the plane is fitted on, at least, but for the first ones,
#: which lead furthest. A power of two.
EVERY = 8
#: Seconds between two such points, at least: a point costs a tenth of a small step, and on a GPU a
#: wait for it.
GAP_S = 0.05


class Paths:
    """Where an experiment's runs have been, and the newest plane as the view ``plane``.

    ``{"map": [[16], [16]], "offset": [2], "explained": [2], "fit": R², "step": n}``: a row's place
    in the plane is its sketch times each row of ``map``. A surface's plane is the surface.

    After a resume the first plane waits for the checkpoints from before it.
    """

    def __init__(self, spec: ExperimentSpec, sink: Sink, runs: Roster) -> None:
        self._on_surface = get_problem(spec.problem).kind == "surface"
        self._seed = spec.seed
        self._sink = sink
        self._fit: PlaneFit | None = None
        self._step = 0
        self._news = False
        self._due = 0.0
        #: When a run's next point may be taken.
        self._again: dict[str, float] = {}
        self._earlier: Earlier | None = None
        if runs.vault is not None and any(runs.before.values()) and not self._on_surface:
            start = runs.get(next(iter(runs.before))).rows.start
            self._fit = fit = PlaneFit(start, self._seed)
            forks = {run: runs.get(run).identity.fork_step for run in runs.before}
            self._earlier = Earlier(runs.vault, runs.before, forks, start, self._seed, fit, EVERY)
            self._step = max(runs.done(runs.get(run)) for run in runs.before)

    @property
    def recalls(self) -> bool:
        """Whether checkpoints are still to be read."""
        return self._earlier is not None

    def recall(self) -> None:
        """Read one checkpoint; after the last one, fit the plane and send it."""
        # Whatever goes wrong: the plane is then of what comes from now on.
        earlier, self._earlier = self._earlier, None
        if earlier is None:
            return
        if earlier.read():
            self._earlier = earlier
            return
        earlier.put()
        self._news = True
        self.refit(now=True)

    @property
    def plane(self) -> Plane | None:
        """The newest; None before there are three places that are not on a line."""
        return None if self._fit is None else self._fit.plane

    def places(self) -> NDArray[np.float64]:
        """Where the points that are kept lie in the newest plane, (N, 2)."""
        if self._fit is None or self._fit.plane is None:
            return np.empty((0, 2))
        return self._fit.plane.place(self._fit.sketches)

    def due(self, trainer: Trainer) -> bool:
        """Whether a point after its newest step may be wanted."""
        return self.at(trainer.step)

    def at(self, step: int) -> bool:
        """Whether points after this step may be wanted."""
        return not self._on_surface and (step <= EVERY or step % EVERY == 0)

    def add(self, trainer: Trainer) -> None:
        """A run has made a step that is `due`."""
        if self._fit is None:
            self._fit = PlaneFit(trainer.rows.start, self._seed)
        if not self._fit.wants(trainer.step):
            return
        run, now = trainer.identity.id, time.monotonic()
        if trainer.step > EVERY and now < self._again.get(run, 0.0):
            return
        self._again[run] = now + GAP_S
        parameters = trainer.members[0].instance.parameters
        sketch = trainer.rows.sketch()
        self._fit.add(run, trainer.step, parameters, sketch)
        self._step = max(self._step, trainer.step)
        self._news = True

    def refit(self, now: bool = False) -> None:
        """Fit the plane if that is due (`now`: if there is anything new), and send it."""
        if self._fit is None or not self._news:
            return
        began = time.monotonic()
        if began < self._due and not now:
            return
        if self.recalls:
            return
        self._news = False
        plane = self._fit.refit()
        ended = time.monotonic()
        self._due = ended + max(INTERVAL_S, (ended - began) / SHARE)
        if plane is not None:
            content = {
                "map": plane.sketch_map.T.tolist(),
                "offset": [0.0, 0.0],
                "explained": list(plane.explained),
                "fit": min(plane.r2),
                "step": self._step,
            }
            self._sink.view("plane", content)
