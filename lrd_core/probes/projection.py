"""A run's path through parameter space, seen along two fixed random directions."""

from __future__ import annotations

import torch

from lrd_core.problems.problem import Instance
from lrd_core.seeds import generator


class Projection:
    """Columns ``proj_x`` and ``proj_y``: ⟨θ − θ₀, d⟩ for two directions d, functions of the seed.

    The directions are Gaussian, made orthonormal, so that lengths in the plane are lower bounds of
    the true ones and one plane serves every run of an experiment.
    """

    def __init__(self, instance: Instance, seed: int) -> None:
        self._parameters = [parameter.detach() for parameter in instance.parameters]
        start = self._flat()
        self._start = start.clone()
        draws = generator(seed, "projection").standard_normal((2, start.numel()))
        basis, _ = torch.linalg.qr(torch.from_numpy(draws.T))
        self._directions = basis.T.to(start.dtype).contiguous()

    def _flat(self) -> torch.Tensor:
        return torch.cat([parameter.reshape(-1) for parameter in self._parameters])

    def measure(self) -> dict[str, float]:
        """The projection of the parameters now."""
        x, y = (self._directions @ (self._flat() - self._start)).tolist()
        return {"proj_x": x, "proj_y": y}
