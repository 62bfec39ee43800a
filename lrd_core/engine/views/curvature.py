"""Curvature where a run stands, measured in the background on an instance that never trains."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.trainer import Trainer
from lrd_core.engine.views.contour import apart
from lrd_core.probes.curvature import curvature
from lrd_core.probes.point import Point


@dataclass
class Measurement:
    """Being measured: whose, after which step, and how many steps lie between two."""

    run: str
    step: int
    every: int
    work: Generator[None, None, dict[str, float]]

    def go_on(self) -> dict[str, float] | None:
        """One turn; the columns once it is done."""
        try:
            next(self.work)
        except StopIteration as end:
            columns: dict[str, float] = end.value
            return columns
        return None


def measurement(spec: ExperimentSpec, trainer: Trainer, every: int) -> Measurement:
    """Measure where a run stands now."""
    here = Point.of(trainer.members[0].instance)
    work = curvature(apart(spec, "curvature"), here, spec.seed, trainer.step)
    return Measurement(trainer.identity.id, trainer.step, every, work)
