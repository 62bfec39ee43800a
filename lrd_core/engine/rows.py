"""The rows of a run's steps: what the probes measure, and how its copies spread.

A step leaves as little work as it can: sums and sketches are kept as they come and made into
columns for many steps at once, when a frame is due.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.engine.frames import Block, packed
from lrd_core.engine.member import Member
from lrd_core.optim.measurement import StepSums
from lrd_core.probes import Position, Sketch, held_out, update, update_columns, update_ratios
from lrd_core.problems import get_problem
from lrd_core.problems.problem import Instance

Row = dict[str, float]


@dataclass(slots=True)
class _Step:
    """One step as it was measured."""

    step: int
    loss: float
    drop_rate: float
    lr: float
    sums: StepSums | None
    sketch: NDArray[np.float32] | None
    more: Row


class Rows:
    """Measures one run; `instances` are its copies', the first one's values are the run's."""

    def __init__(self, experiment: ExperimentSpec, instances: Sequence[Instance]) -> None:
        self._test_every = experiment.test_every
        self._names = instances[0].names
        self._parameters = instances[0].parameters
        self._numel = [p.numel() for p in self._parameters]
        on_surface = get_problem(experiment.problem).kind == "surface"
        self._position = Position(instances[0]) if on_surface else None
        self._sketch = Sketch(self._parameters, experiment.seed)
        self._waiting: list[_Step] = []
        #: The parameters that the run began with.
        self.start = [p.detach().clone() for p in self._parameters]

    def sketch(self) -> NDArray[np.float32]:
        """The sketch of the parameters now, (16,)."""
        return self._sketch.now()

    def measure(self, step: int, spec: RunSpec, members: Sequence[Member]) -> Row:
        """Keep the row of `step`; gives the one on held-out data if it is due, else nothing."""
        first = members[0]
        sums = first.optimizer.sums
        more = {} if sums is not None else self._unsummed(first)
        if self._position is not None:
            more |= self._position.measure()
        if len(members) > 1:
            more |= spread("loss", [float(m.loss) for m in members])  # type: ignore[arg-type]
        held = self._held_out(step, members)
        if self._test_every == 1:
            more, held = more | held, {}
        self._waiting.append(
            _Step(
                step=step,
                loss=float(first.loss),  # type: ignore[arg-type]
                drop_rate=spec.drop_rate,
                lr=float(spec.settings["lr"]),
                sums=sums,
                sketch=None if self._position is not None else self._sketch.now(),
                more=more,
            )
        )
        return held

    def _unsummed(self, member: Member) -> Row:
        statistics = member.optimizer.statistics
        if statistics is None:
            raise RuntimeError("the optimizer collects no statistics")
        return update(statistics, self._names)

    def _held_out(self, step: int, members: Sequence[Member]) -> Row:
        if step % self._test_every:
            return {}
        found = [held_out(member.instance) for member in members]
        row = dict(found[0])
        if not row:
            return row
        if len(members) > 1:
            for name in found[0]:
                row |= spread(name, [one[name] for one in found])
        statistics = members[0].optimizer.statistics
        if statistics is not None:
            row |= update_ratios(statistics, self._names, self._parameters)
        return row

    # --- columns ----------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self, run: str) -> list[Block]:
        """All rows so far as blocks of `run`; none is left afterwards."""
        waiting, self._waiting = self._waiting, []
        return [self._block(run, list(steps)) for _, steps in groupby(waiting, _Alike())]

    def _block(self, run: str, steps: list[_Step]) -> Block:
        columns: dict[str, Any] = {"loss": [one.loss for one in steps]}
        sums = [one.sums for one in steps if one.sums is not None]
        if sums:
            columns |= update_columns(sums, self._names, self._numel)
        columns |= {name: [one.more[name] for one in steps] for name in steps[0].more}
        columns["drop_rate"] = [one.drop_rate for one in steps]
        columns["lr"] = [one.lr for one in steps]
        sketches = [one.sketch for one in steps if one.sketch is not None]
        if sketches:
            columns |= self._sketch.columns(sketches)
        named = {name: packed(name, values) for name, values in columns.items()}
        return Block(run, steps[0].step, 1, len(steps), named)


class _Alike:
    """Groups steps that follow each other and have the same columns."""

    def __init__(self) -> None:
        self._before: _Step | None = None
        self._group = 0

    def __call__(self, here: _Step) -> int:
        before, self._before = self._before, here
        if before is not None and not _continues(before, here):
            self._group += 1
        return self._group


def _continues(before: _Step, here: _Step) -> bool:
    if here.step != before.step + 1 or here.more.keys() != before.more.keys():
        return False
    if before.sums is None or here.sums is None:
        return before.sums is here.sums
    return before.sums.indices == here.sums.indices


def spread(name: str, values: Sequence[float]) -> Row:
    """``NAME/mean`` and ``NAME/sd`` (sample standard deviation) of the copies' values."""
    if not all(map(math.isfinite, values)):
        mean = sum(values) / len(values)
        return {f"{name}/mean": mean, f"{name}/sd": math.nan}
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return {f"{name}/mean": mean, f"{name}/sd": math.sqrt(variance)}
