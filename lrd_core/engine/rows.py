"""The rows of a run's steps: what the probes measure, and how its copies spread.

A step leaves as little work as it can: losses, sums and sketches are kept as they come, on a GPU
without waiting for it, and made into columns for many steps at once, when a frame is due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.frames import Block, ColumnBuffer, joined, packed
from lrd_core.engine.member import Member
from lrd_core.engine.segment import Segment, numbers
from lrd_core.probes import Position, Sketch, StepRow, held_out, update, update_ratios
from lrd_core.problems import get_problem
from lrd_core.problems.problem import Instance

Row = dict[str, float]
_NONE: Row = {}


class Rows:
    """Measures one run; `instances` are its copies', the first one's values are the run's."""

    def __init__(self, experiment: ExperimentSpec, instances: Sequence[Instance]) -> None:
        self._test_every = experiment.test_every
        self._names = instances[0].names
        self._parameters = instances[0].parameters
        self._numel = [p.numel() for p in self._parameters]
        on_surface = get_problem(experiment.problem).kind == "surface"
        self._position = Position(instances[0]) if on_surface else None
        self._sketch = None if on_surface else Sketch(self._parameters, experiment.seed)
        self._row = None if self._sketch is None else self._compiled(self._sketch)
        self._segments: list[Segment] = []
        #: The one that the next row of compiled code goes to, if it follows.
        self._open: Segment | None = None
        #: The step whose row only has to be added to it, if it has no other columns; 0 is none.
        self._due = 0
        self._asked: list[tuple[int, Callable[[], Row]]] = []
        #: The parameters that the run began with.
        self.start = [p.detach().clone() for p in self._parameters]

    def _compiled(self, sketch: Sketch) -> StepRow | None:
        row = StepRow(sketch, self._names, self._parameters)
        return row if row.ready else None

    def sketch(self) -> NDArray[np.float32]:
        """The sketch of a task's parameters now, (16,)."""
        assert self._sketch is not None  # noqa: S101
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
        row, at = self._row, members[0].optimizer.sums_at
        row = None if at is None else row
        opens = row is not None and at is not None and row.write(at)
        due, self._due = self._due, 0
        goes_on = step == due and row is not None and not opens
        if goes_on and self._open is not None and step % self._test_every:
            # Nearly every step: it goes on where the last one was, alone.
            self._open.steps.append((loss, settings, None, None))
            self._due = step + 1
            return
        more = _NONE
        if step % self._test_every == 0:
            found = self._held_out(members, row)
            if self._test_every == 1:
                more = found()
            else:
                self._asked.append((step, found))
        if row is None:
            segment = self._measure(step, loss, settings, members[0], more)
        else:
            if self._open is None or opens or not self._open.next(step, more):
                self._open = Segment(step, row.place, None, more)
                self._segments.append(self._open)
            segment = self._open
            segment.steps.append((loss, settings, None, None))
            if more:
                segment.more.append(more)
            elif len(members) == 1:
                self._due = step + 1
        if len(members) > 1:
            segment.copies.append([m.loss for m in members])

    def _measure(
        self,
        step: int,
        loss: float | torch.Tensor,
        settings: tuple[float, float],
        member: Member,
        more: Row,
    ) -> Segment:
        """The row without compiled code."""
        sums = member.optimizer.sums
        if sums is None:
            more = more | self._unsummed(member)
        if self._position is not None:
            more = more | self._position.measure()
        sketch = None if self._sketch is None else self._sketch.later()
        segment = self._segments[-1] if self._segments else None
        if segment is None or not segment.follows(step, sums, more):
            segment = Segment(step, None, sums, more)
            self._segments.append(segment)
        segment.steps.append((loss, settings, sums, sketch))
        if more:
            segment.more.append(more)
        return segment

    def _unsummed(self, member: Member) -> Row:
        statistics = member.optimizer.statistics
        if statistics is None:
            raise RuntimeError("the optimizer collects no statistics")
        return update(statistics, self._names)

    def _held_out(self, members: Sequence[Member], written: StepRow | None) -> Callable[[], Row]:
        """The row on held-out data, read from its device when it is asked for; `written` holds what
        compiled code knows of the step."""
        asked = [held_out(member.instance) for member in members]
        ratios = self._update_ratios(members[0]) if written is None else written.ratios()

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

    def _update_ratios(self, member: Member) -> Callable[[], Row]:
        step = member.optimizer.sums or member.optimizer.statistics
        if step is None or self._position is not None:
            return dict
        return update_ratios(step, self._names, self._parameters)

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
                self._open, self._due = None, 0
                last = segment.first + bad
                self._asked = [(step, row) for step, row in self._asked if step <= last]
                return last
        return None

    def take(self, run: str) -> list[Block]:
        """All rows so far as blocks of `run`; none is left afterwards."""
        segments, self._segments, self._open, self._due = self._segments, [], None, 0
        if self._row is not None:
            self._row.part()
        blocks = joined(self._block(run, segment) for segment in segments)
        asked, self._asked = self._asked, []
        return blocks + self._held_out_blocks(run, asked)

    def _block(self, run: str, segment: Segment) -> Block:
        rows = len(segment.steps)
        columns = packed({"loss": segment.read(), **segment.settings()})
        if segment.place is not None and self._row is not None:
            columns |= self._row.read(*segment.place, rows)
        else:
            columns |= packed(segment.measured(self._names, self._numel))
            sketches = [step[3] for step in segment.steps if step[3] is not None]
            if sketches and self._sketch is not None:
                columns |= packed(self._sketch.columns(sketches))
        columns |= packed({name: [row[name] for row in segment.more] for name in segment.names})
        if segment.copies:
            flat = numbers([loss for losses in segment.copies for loss in losses])
            size = len(segment.copies[0])
            each = [spread("loss", flat[i : i + size]) for i in range(0, len(flat), size)]
            columns |= packed({name: [row[name] for row in each] for name in each[0]})
        return Block(run, segment.first, 1, rows, columns)

    def _held_out_blocks(
        self, run: str, asked: Sequence[tuple[int, Callable[[], Row]]]
    ) -> list[Block]:
        rows = ColumnBuffer()
        for step, found in asked:
            if row := found():
                rows.add(run, step, row, self._test_every)
        return rows.take().blocks()


def spread(name: str, values: Sequence[float]) -> Row:
    """``NAME/mean`` and ``NAME/sd`` (sample standard deviation) of the copies' values."""
    if not all(map(math.isfinite, values)):
        mean = sum(values) / len(values)
        return {f"{name}/mean": mean, f"{name}/sd": math.nan}
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return {f"{name}/mean": mean, f"{name}/sd": math.sqrt(variance)}
