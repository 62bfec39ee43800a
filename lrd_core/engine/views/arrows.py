"""What a slow step on a surface would have been without a mask: slow enough to be seen."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lrd_core.engine.controls import Sink
from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.engine.member import Member
from lrd_core.engine.trainer import Trainer
from lrd_core.engine.views.look import Look
from lrd_core.optim import LRD
from lrd_core.optim.rules import get_rule
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError

#: Seconds between two steps from which on each of them is seen: about ten steps/s.
GAP_S = 0.08


class Twin(Member):
    """A run's copy that leaves nothing out."""

    def _made(self, spec: RunSpec) -> LRD:
        rule = get_rule(spec.optimizer)
        return LRD(
            rule.optimizer(self.instance.parameters, spec.settings),
            drop_rate=0.0,
            seed=self._mask_seed,
            # Compiled code would have to be waited for.
            kernel="torch",
        )


class Arrows(Look):
    """Sends the view ``arrows`` after each slow step of the experiment on a surface::

        {"step": n, "runs": [{"run", "full": [dx, dy], "kept": [bool, bool]}]}

    ``full`` is the update that the optimizer alone would have made from the same state, ``kept``
    which of its parts moved the run. Nothing of the training is touched: a twin makes the step.
    The steps of a run that catches up are long past to who looks, and tell nothing.

    Args:
        run: one, or None for all of them.

    Raises:
        SettingError: a task.
    """

    def __init__(self, spec: ExperimentSpec, run: Trainer | None, sink: Sink) -> None:
        super().__init__(sink)
        if get_problem(spec.problem).kind != "surface":
            raise SettingError("value", "arrows", "a surface: a task's steps have too many parts")
        self._spec, self._run = spec, run
        self._stepped = -math.inf
        #: The step that is being made is the experiment's.
        self._newest = False
        self._captured: dict[str, Any] = {}

    @property
    def wanted(self) -> bool:
        """Whether the next step is slow: the last one was a while ago."""
        return time.monotonic() - self._stepped >= GAP_S

    def passes(self) -> bool:
        """Whether the next step, which follows now, is not wanted."""
        if self.wanted:
            return False
        self._stepped = time.monotonic()
        return True

    def before(self, trainers: Sequence[Trainer], step: int) -> None:
        """These are about to make a step; the newest step of the experiment is `step`."""
        self._newest = all(trainer.step + 1 == step for trainer in trainers)
        if self._newest and self.wanted:
            self._captured = {
                trainer.identity.id: trainer.members[0].capture()
                for trainer in trainers
                if self._run in (None, trainer) and not trainer.replays
            }

    def after(self, trainers: Sequence[Trainer]) -> None:
        """These have made a step."""
        if not self._newest:
            return
        self._stepped = time.monotonic()
        if not self._captured:
            return
        captured, self._captured = self._captured, {}
        runs = [
            self._arrow(t, captured[t.identity.id]) for t in trainers if t.identity.id in captured
        ]
        found = [run for run in runs if run is not None]
        if found:
            self._sink.view("arrows", {"step": trainers[0].step, "runs": found})

    def _arrow(self, trainer: Trainer, state: Any) -> dict[str, Any] | None:
        spec = trainer.spec
        spec = replace(spec, settings=spec.settings | {"lr": trainer.lr})
        twin = Twin(self._spec, spec, 0)
        twin.restore(*state)
        (position,) = twin.instance.parameters
        before = position.detach().clone()
        twin.backward()
        twin.optimizer.step()
        full = (position.detach() - before).tolist()
        moved = (trainer.members[0].instance.parameters[0].detach() - before).tolist()
        if not all(map(math.isfinite, full)):
            return None
        kept = [m != 0 or f == 0 for m, f in zip(moved, full, strict=True)]
        return {"run": trainer.identity.id, "full": full, "kept": kept}
