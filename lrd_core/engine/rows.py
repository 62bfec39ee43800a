"""The row of a step: what the probes measure of a run, and how its copies spread."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.engine.member import Member
from lrd_core.probes import Position, Sketch, held_out, update, update_ratios
from lrd_core.problems import get_problem
from lrd_core.problems.problem import Instance

Row = dict[str, float]


class Rows:
    """Measures one run; `instances` are its copies', the first one's values are the run's."""

    def __init__(self, experiment: ExperimentSpec, instances: Sequence[Instance]) -> None:
        self._test_every = experiment.test_every
        self._parameters = instances[0].parameters
        self._sketch = Sketch(self._parameters, experiment.seed)
        on_surface = get_problem(experiment.problem).kind == "surface"
        self._place: Position | Sketch = Position(instances[0]) if on_surface else self._sketch
        #: The parameters that the run began with.
        self.start = [p.detach().clone() for p in self._parameters]

    def sketch(self) -> NDArray[np.float32]:
        """The sketch of the parameters now, (16,)."""
        return self._sketch.now()

    def measure(self, step: int, spec: RunSpec, members: Sequence[Member]) -> tuple[Row, Row]:
        """Columns of `step`, and those on held-out data where they are due."""
        first = members[0]
        statistics = first.optimizer.statistics
        if statistics is None:
            raise RuntimeError("the optimizer collects no statistics")
        row = {"loss": float(first.loss)}  # type: ignore[arg-type]
        row |= update(statistics, first.instance.names)
        row |= {"drop_rate": spec.drop_rate, "lr": float(spec.settings["lr"])}
        row |= self._place.measure()
        if len(members) > 1:
            row |= spread("loss", [float(m.loss) for m in members])  # type: ignore[arg-type]
        held_out = self._held_out(step, members)
        if held_out:
            held_out |= update_ratios(statistics, first.instance.names, self._parameters)
        return row, held_out

    def _held_out(self, step: int, members: Sequence[Member]) -> Row:
        if step % self._test_every:
            return {}
        found = [held_out(member.instance) for member in members]
        row = dict(found[0])
        if len(members) > 1:
            for name in found[0]:
                row |= spread(name, [one[name] for one in found])
        return row


def spread(name: str, values: Sequence[float]) -> Row:
    """``NAME/mean`` and ``NAME/sd`` (sample standard deviation) of the copies' values."""
    mean = math.fsum(values) / len(values)
    if not math.isfinite(mean):
        return {f"{name}/mean": mean, f"{name}/sd": math.nan}
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return {f"{name}/mean": mean, f"{name}/sd": math.sqrt(variance)}
