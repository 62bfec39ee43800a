"""Parameters of all runs at some of their steps, from which the plane of their paths is fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.probes.plane import Plane, fit
from lrd_core.probes.sampling import sample
from lrd_core.probes.step_code import SIZE

#: Bytes of parameters that are kept.
MEMORY = 64 * 2**20
#: Most and fewest points that have room: models too large for the fewest are looked at at evenly
#: spaced coordinates.
MOST, FEWEST = 256, 32
#: Coordinates turned into float64 at once.
_CHUNK = 16_384


class PlaneFit:
    """Keeps θ − θ₀ of an experiment's runs, evenly over their steps.

    Args:
        start: θ₀, the parameters that all runs begin with.
        seed: the experiment's.
        memory: bytes that may be kept.
    """

    def __init__(self, start: Sequence[torch.Tensor], seed: int, memory: int = MEMORY) -> None:
        numel = sum(tensor.numel() for tensor in start)
        room = max(1, memory // (4 * FEWEST))
        self._sample = sample(numel, room, seed, "plane coordinates")
        self._most = max(FEWEST, min(MOST, memory // (4 * len(self._sample))))
        self._start = self._seen(start)
        self._moved = np.empty((self._most, len(self._sample)), dtype=np.float32)
        self._sketches = np.empty((self._most, SIZE))
        self._gram = np.empty((self._most, self._most))
        self._taken: list[tuple[str, int]] = []
        self._summed = 0
        self._every = 1
        self.plane: Plane | None = None

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def most(self) -> int:
        """Points that have room."""
        return self._most

    @property
    def every(self) -> int:
        """Steps between two points of a run: doubles when the room is used up."""
        return self._every

    @property
    def sketches(self) -> NDArray[np.float64]:
        """Of the points that are kept, (N, 16)."""
        return self._sketches[: len(self)]

    def wants(self, step: int) -> bool:
        """Whether a point after `step` would be kept."""
        return step % self._every == 0

    def add(
        self,
        run: str,
        step: int,
        parameters: Sequence[torch.Tensor],
        sketch: Sequence[float] | NDArray[np.floating],
    ) -> None:
        """Keep the parameters after `step`, if it `wants` them and they are finite.

        Args:
            run: its id.
            parameters: of one run, on any device.
            sketch: of the same parameters, (16,).
        """
        if self.wants(step):
            self.put(run, step, self.moved(parameters), sketch)

    def moved(self, parameters: Sequence[torch.Tensor]) -> NDArray[np.float32]:
        """θ − θ₀ at the coordinates looked at, (m,)."""
        return self._seen(parameters) - self._start

    def put(
        self,
        run: str,
        step: int,
        moved: NDArray[np.float32],
        sketch: Sequence[float] | NDArray[np.floating],
    ) -> None:
        """As `add`, with what `moved` gives of the parameters."""
        if not self.wants(step):
            return
        with np.errstate(over="ignore"):
            length = float(np.dot(moved, moved))
        if not np.isfinite(length):
            return
        if len(self._taken) == self._most:
            self._thin()
            if not self.wants(step):
                return
        if len(self._taken) < self._most:
            self._moved[len(self)] = moved
            self._sketches[len(self)] = sketch
            self._taken.append((run, step))

    def widen(self, every: int) -> None:
        """Keep points of a run at least `every` steps apart, a power of two."""
        while self._every < every:
            self._wider()

    def refit(self) -> Plane | None:
        """The plane of what there is now; the one before if that lies on a line."""
        self._sum()
        n = len(self)
        found = fit(
            self._moved[:n], self._gram[:n, :n], self._sketches[:n], self._sample, self.plane
        )
        self.plane = found or self.plane
        return self.plane

    def _seen(self, tensors: Sequence[torch.Tensor]) -> NDArray[np.float32]:
        values = self._sample.of([tensor.detach() for tensor in tensors])
        array: NDArray[np.float32] = values.to("cpu", torch.float32).numpy()
        return array

    def _thin(self) -> None:
        """Keep every second step, until there is room or only the start is left."""
        while len(self._taken) == self._most and any(step for _, step in self._taken):
            self._wider()

    def _wider(self) -> None:
        self._every *= 2
        self._keep([i for i, (_, step) in enumerate(self._taken) if self.wants(step)])

    def _keep(self, rows: list[int]) -> None:
        n = len(rows)
        self._moved[:n] = self._moved[rows]
        self._sketches[:n] = self._sketches[rows]
        summed = [i for i in rows if i < self._summed]
        self._gram[: len(summed), : len(summed)] = self._gram[np.ix_(summed, summed)]
        self._summed = len(summed)
        self._taken = [self._taken[i] for i in rows]

    def _sum(self) -> None:
        """Inner products of the points that are new with all, in float64."""
        n, old = len(self), self._summed
        if n == old:
            return
        new = np.zeros((n - old, n))
        for at in range(0, len(self._sample), _CHUNK):
            part = self._moved[:n, at : at + _CHUNK].astype(np.float64)
            new += part[old:] @ part.T
        self._gram[old:n, :n] = new
        self._gram[:n, old:n] = new.T
        self._summed = n
