"""The rows of a run's steps: what the probes measure, and how its copies spread.

A step leaves as little work as it can: losses, sums and sketches are kept as they come, on a GPU
without waiting for it, and made into columns for many steps at once, when a frame is due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.frames import Block, joined, packed
from lrd_core.engine.member import Member
from lrd_core.engine.segment import Segment, numbers
from lrd_core.probes import Position, Sketch, StepRow, held_out, update, update_ratios
from lrd_core.problems import get_problem
from lrd_core.problems.problem import Instance

Row = dict[str, float]


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
        row = None if on_surface else StepRow(self._sketch, self._names, self._numel)
        self._row = row if row is not None and row.ready else None
        self._segments: list[Segment] = []
        self._asked: list[tuple[int, Callable[[], Row]]] = []
        #: The parameters that the run began with.
        self.start = [p.detach().clone() for p in self._parameters]

    def sketch(self) -> NDArray[np.float32]:
        """The sketch of the parameters now, (16,)."""
        return self._sketch.now()

    def measure(
        self,
        step: int,
        loss: float | torch.Tensor,
        settings: tuple[float, float],
        members: Sequence[Member],
    ) -> None:
        """Keep the row of `step`, and the one on held-out data if it is due.

        Args:
            loss: of the first copy; a tensor is read when the row is taken.
            settings: drop rate and learning rate of the step.
        """
        optimizer = members[0].optimizer
        at = None if self._row is None else optimizer.sums_at
        sums = sketch = place = None
        more: Row = {}
        if self._row is not None and at is not None:
            place = self._row.write(at)
        else:
            sums = optimizer.sums
            more = {} if sums is not None else self._unsummed(members[0])
            if self._position is not None:
                more |= self._position.measure()
            else:
                sketch = self._sketch.later()
        if step % self._test_every == 0:
            found = self._held_out(members)
            if self._test_every == 1:
                more |= found()
            else:
                self._asked.append((step, found))
        segment = self._segments[-1] if self._segments else None
        if segment is None or not segment.follows(step, place, sums, more):
            segment = Segment(step, place, sums, more)
            self._segments.append(segment)
        segment.steps.append((loss, settings, sums, sketch))
        if more:
            segment.more.append(more)
        if len(members) > 1:
            segment.copies.append([m.loss for m in members])

    def _unsummed(self, member: Member) -> Row:
        statistics = member.optimizer.statistics
        if statistics is None:
            raise RuntimeError("the optimizer collects no statistics")
        return update(statistics, self._names)

    def _held_out(self, members: Sequence[Member]) -> Callable[[], Row]:
        """The row on held-out data, read from its device when it is asked for."""
        asked = [held_out(member.instance) for member in members]
        optimizer = members[0].optimizer
        step = optimizer.sums or optimizer.statistics
        ratios: Callable[[], Row] = dict
        if step is not None and self._position is None:
            norms = None if self._row is None else self._row.norms
            ratios = update_ratios(step, self._names, self._parameters, norms)

        def row() -> Row:
            found = [one() for one in asked]
            named = dict(found[0])
            if not named:
                return named
            if len(found) > 1:
                for name in found[0]:
                    named |= spread(name, [one[name] for one in found])
            return named | ratios()

        return row

    # --- columns ----------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(self._segments)

    def end_at_divergence(self) -> int | None:
        """The first step whose loss is not finite, of those that wait; rows after it are dropped.

        Reads losses from their device.
        """
        for place, segment in enumerate(self._segments):
            values = segment.read()
            bad = next((i for i, v in enumerate(values) if not math.isfinite(v)), None)
            if bad is not None:
                segment.cut(bad + 1)
                del self._segments[place + 1 :]
                last = segment.first + bad
                self._asked = [(step, row) for step, row in self._asked if step <= last]
                return last
        return None

    def take(self, run: str) -> list[Block]:
        """All rows so far as blocks of `run`; none is left afterwards."""
        segments, self._segments = self._segments, []
        blocks = joined(self._block(run, segment) for segment in segments)
        asked, self._asked = self._asked, []
        return blocks + self._held_out_blocks(run, asked)

    def _block(self, run: str, segment: Segment) -> Block:
        columns: dict[str, Any] = {"loss": segment.read(), **segment.settings()}
        if segment.place is not None and self._row is not None:
            columns |= self._row.read(*segment.place, len(segment.steps))
        else:
            columns |= segment.measured(self._names, self._numel)
            sketches = [step[3] for step in segment.steps if step[3] is not None]
            if sketches:
                columns |= self._sketch.columns(sketches)
        columns |= {name: [row[name] for row in segment.more] for name in segment.names}
        if segment.copies:
            flat = numbers([loss for losses in segment.copies for loss in losses])
            size = len(segment.copies[0])
            each = [spread("loss", flat[i : i + size]) for i in range(0, len(flat), size)]
            columns |= {name: [row[name] for row in each] for name in each[0]}
        return _block(run, segment.first, 1, columns)

    def _held_out_blocks(
        self, run: str, asked: Sequence[tuple[int, Callable[[], Row]]]
    ) -> list[Block]:
        lots: list[tuple[int, list[Row]]] = []
        for step, found in asked:
            row = found()
            if not row:
                continue
            if lots:
                first, rows = lots[-1]
                if step == first + len(rows) * self._test_every and row.keys() == rows[0].keys():
                    rows.append(row)
                    continue
            lots.append((step, [row]))
        return [
            _block(run, first, self._test_every, {n: [row[n] for row in rows] for n in rows[0]})
            for first, rows in lots
        ]


def _block(run: str, first: int, every: int, columns: dict[str, Any]) -> Block:
    return Block(run, first, every, len(columns[next(iter(columns))]), packed(columns))


def spread(name: str, values: Sequence[float]) -> Row:
    """``NAME/mean`` and ``NAME/sd`` (sample standard deviation) of the copies' values."""
    if not all(map(math.isfinite, values)):
        mean = sum(values) / len(values)
        return {f"{name}/mean": mean, f"{name}/sd": math.nan}
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return {f"{name}/mean": mean, f"{name}/sd": math.sqrt(variance)}
