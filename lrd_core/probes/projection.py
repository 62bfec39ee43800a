"""A run's path through parameter space, seen along two fixed random directions."""

from __future__ import annotations

from lrd_core.probes.sketch import PLANE_COLUMNS, Sketch
from lrd_core.problems.problem import Instance


class Projection:
    """Columns ``proj_x`` and ``proj_y``: ⟨θ − θ₀, d⟩ for two directions d, functions of the seed.

    The directions are random and orthonormal, so that lengths in the plane are lower bounds of the
    true ones and one plane serves every run of an experiment. They are combinations of the rows of
    `Sketch`, whose columns hold them too.
    """

    def __init__(self, instance: Instance, seed: int) -> None:
        self._sketch = Sketch(instance.parameters, seed)

    def measure(self) -> dict[str, float]:
        """The projection of the parameters now."""
        row = self._sketch.measure()
        return {name: row[name] for name in PLANE_COLUMNS}
