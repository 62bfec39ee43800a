"""The row of a step: what the probes measure of a run, and how its copies spread."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.engine.member import Member
from lrd_core.probes import Position, Projection, held_out, update
from lrd_core.problems import get_problem
from lrd_core.problems.problem import Instance

Row = dict[str, float]


class Rows:
    """Measures one run; `instances` are its copies', the first one's values are the run's."""

    def __init__(self, experiment: ExperimentSpec, instances: Sequence[Instance]) -> None:
        self._test_every = experiment.test_every
        self._curvature_every = experiment.curvature_every
        self._place: Position | Projection = (
            Position(instances[0])
            if get_problem(experiment.problem).kind == "surface"
            else Projection(instances[0], experiment.seed)
        )

    @property
    def intervals(self) -> tuple[int, int]:
        """Steps between two held-out rows, and between two of curvature."""
        return self._test_every, max(1, self._curvature_every)

    def measure(self, step: int, spec: RunSpec, members: Sequence[Member]) -> tuple[Row, Row, Row]:
        """Columns of `step`; on held-out data and of curvature where they are due."""
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
        return row, self._held_out(step, members), {}

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
