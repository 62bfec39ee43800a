"""A matrix as the product of two thin ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lrd_core.problems.models.model import aligned
from lrd_core.seeds import generator


class Factors:
    """U Vᵀ; with factors thinner than the matrix, its rank is bounded.

    Entries are normal with standard deviation `scale`; tensor k draws from
    ``generator(seed, "init", k)`` alone.

    Attributes:
        parameters: U (rows, rank) and V (columns, rank), float32.
        names: ``U``, ``V``.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        rank: int,
        scale: float,
        seed: int,
        device: torch.device | None = None,
    ) -> None:
        self.names = ["U", "V"]
        self.buffers: dict[str, torch.Tensor] = {}
        self.parameters: list[torch.nn.Parameter] = []
        for k, size in enumerate((rows, columns)):
            draw = generator(seed, "init", k).standard_normal((size, rank)) * scale
            value = torch.from_numpy(draw.astype("float32"))
            self.parameters.append(torch.nn.Parameter(value.to(device)))

    def __call__(self, inputs: torch.Tensor, train: bool = True) -> torch.Tensor:
        """U Vᵀ, (1, rows, columns): one example, whatever `inputs` and `train` are."""
        return self.stacked([p.unsqueeze(0) for p in self.parameters], inputs).squeeze(0)

    def aligned(self, batch: int) -> bool:
        """See `StackedModel`; `batch` changes nothing."""
        rows, columns = (len(factor) for factor in self.parameters)
        return aligned(self.parameters, rows * columns)

    @staticmethod
    def stacked(parameters: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
        """U Vᵀ of every copy, (copies, 1, rows, columns)."""
        left, right = parameters
        return torch.bmm(left, right.transpose(1, 2)).unsqueeze(1)
