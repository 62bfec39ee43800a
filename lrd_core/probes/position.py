"""Where a surface's run stands in the plane."""

from __future__ import annotations

from lrd_core.problems.problem import Instance


class Position:
    """Columns ``x`` and ``y``: the two parameters after the step."""

    def __init__(self, instance: Instance) -> None:
        self._xy = instance.parameters[0].detach()

    def measure(self) -> dict[str, float]:
        """The position now."""
        x, y = self._xy.tolist()
        return {"x": x, "y": y}
