"""Where runs went before they were resumed: points on their paths from the stored checkpoints."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise, zip_longest

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.engine.checkpoint import Checkpoint, Vault
from lrd_core.probes.plane_fit import PlaneFit
from lrd_core.probes.sketch import Sketch
from lrd_core.probes.step_code import SIZE

#: Most checkpoints that are read, and the seconds that it may take.
MOST, SECONDS = 64, 5.0

#: θ − θ₀ at the coordinates looked at, and the sketch.
_State = tuple[NDArray[np.float32], NDArray[np.float32]]


class Earlier:
    """Reads checkpoints, and puts points between them into a fit of the plane.

    Between two states that are stored a path is taken to be straight, and points lie on it at the
    steps at which a run that was never interrupted has them: so that every part of the path counts
    as much as its length in steps.

    Args:
        vault: reads the checkpoints.
        before: checkpoints by run.
        forks: step after which a run's own path begins, by run; 0 is the start θ₀.
        start: θ₀.
        seed: the experiment's.
        fit: takes the points.
        dense: steps that may all be points; of those after it only its multiples. A power of two.
    """

    def __init__(
        self,
        vault: Vault,
        before: Mapping[str, Sequence[Checkpoint]],
        forks: Mapping[str, int],
        start: Sequence[torch.Tensor],
        seed: int,
        fit: PlaneFit,
        dense: int,
    ) -> None:
        self._vault, self._fit, self._dense = vault, fit, dense
        self._start = [tensor.detach().cpu().clone() for tensor in start]
        self._sketch = Sketch(self._start, seed)
        self._waiting = _order(before, min(MOST, fit.most))
        self._left = SECONDS
        self._states: dict[str, dict[int, _State]] = {
            run: {0: (np.zeros_like(fit.moved(start)), np.zeros(SIZE, dtype=np.float32))}
            for run in before
            if not forks[run]
        }

    def read(self) -> bool:
        """Read one checkpoint; False when there is none left that may be."""
        if not self._waiting or self._left <= 0:
            return False
        began = time.monotonic()
        run, checkpoint = self._waiting.pop(0)
        parameters = self._vault.parameters(checkpoint)
        if parameters is not None:
            moved = self._fit.moved(parameters)
            for tensor, value in zip(self._start, parameters, strict=True):
                tensor.data = value
            self._states.setdefault(run, {})[checkpoint.step] = moved, self._sketch.now()
        self._left -= time.monotonic() - began
        return True

    def put(self) -> None:
        """Put the points of what was read into the fit."""
        while self._count(self._fit.every) + len(self._fit) > self._fit.most:
            self._fit.widen(2 * self._fit.every)
        every = self._fit.every
        for run, states in self._states.items():
            for (first, here), (last, there) in pairwise(sorted(states.items(), key=_step)):
                for step in chain(*self._ranges(first, last, every)):
                    share = np.float32((step - first) / (last - first))
                    with np.errstate(over="ignore", invalid="ignore"):  # it may have diverged
                        moved, sketch = (
                            a + share * (b - a) for a, b in zip(here, there, strict=True)
                        )
                    self._fit.put(run, step, moved, sketch)

    def _count(self, every: int) -> int:
        """Points at every so many steps."""
        ends = [(min(states), max(states)) for states in self._states.values()]
        ranges = (part for first, last in ends for part in self._ranges(first, last, every))
        return sum(map(len, ranges))

    def _ranges(self, first: int, last: int, every: int) -> tuple[range, range]:
        """Steps after `first` up to `last` at which there is a point: the dense ones and others."""
        wide = max(every, self._dense)
        begin = max(first, self._dense)
        return (
            range((first // every + 1) * every, min(last, self._dense) + 1, every),
            range((begin // wide + 1) * wide, last + 1, wide),
        )


def _step(state: tuple[int, _State]) -> int:
    return state[0]


def _order(before: Mapping[str, Sequence[Checkpoint]], most: int) -> list[tuple[str, Checkpoint]]:
    """What to read, at most `most`: each run's newest, then ever more evenly between."""
    each = [[(run, c) for c in _halved(list(kept))] for run, kept in before.items()]
    turns: Iterator[tuple[str, Checkpoint] | None] = chain.from_iterable(zip_longest(*each))
    return [one for one in turns if one is not None][:most]


def _halved(kept: list[Checkpoint]) -> Iterator[Checkpoint]:
    """All of them: the last, then those at halves, quarters, … of the steps between."""
    if not kept:
        return
    last = kept.pop()
    yield last
    parts = 2
    while kept:
        for place in range(1, parts, 2):
            if kept:
                step = last.step * place / parts
                nearest = min(kept, key=lambda c: abs(c.step - step))
                kept.remove(nearest)
                yield nearest
        parts *= 2
