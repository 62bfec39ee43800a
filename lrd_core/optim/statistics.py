"""What one step did to the parameters, measured on every updated tensor.

"Full" is the base optimizer's update, "masked" the one that was applied (with 1/keep if the wrapper
rescales). Sums are in float64 over the parameters' real and imaginary parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class StepStatistics:
    """One step; each tuple has one entry for each tensor that had a gradient.

    Attributes:
        indices: position of the tensor among all parameters, increasing.
        names: the parameter's name if the optimizer was given named parameters, else its index.
        numel: number of coordinates.
        kept: number of coordinates whose learning rate was kept.
        grad_sq: squared norm of the gradient at step time.
        full_sq: squared norm of the full update.
        masked_sq: squared norm of the masked update.
        masked_dot_grad: inner product of the masked update and the gradient.
        full_dot_grad: inner product of the full update and the gradient.
        masked_dot_full: inner product of the masked and the full update.
    """

    indices: tuple[int, ...]
    names: tuple[str, ...]
    numel: tuple[int, ...]
    kept: tuple[int, ...]
    grad_sq: tuple[float, ...]
    full_sq: tuple[float, ...]
    masked_sq: tuple[float, ...]
    masked_dot_grad: tuple[float, ...]
    full_dot_grad: tuple[float, ...]
    masked_dot_full: tuple[float, ...]

    @property
    def keep_rate(self) -> float:
        """Realised share of kept coordinates; NaN if nothing was updated."""
        total = sum(self.numel)
        return sum(self.kept) / total if total else math.nan

    @property
    def keep_rates(self) -> tuple[float, ...]:
        """Realised share of kept coordinates of each tensor; NaN for an empty one."""
        return tuple(k / n if n else math.nan for k, n in zip(self.kept, self.numel, strict=True))

    @property
    def grad_norm(self) -> float:
        """Euclidean norm of the gradient."""
        return math.sqrt(sum(self.grad_sq))

    @property
    def update_norm(self) -> float:
        """Euclidean norm of the masked update."""
        return math.sqrt(sum(self.masked_sq))

    @property
    def full_norm(self) -> float:
        """Euclidean norm of the full update."""
        return math.sqrt(sum(self.full_sq))

    @property
    def cos_full(self) -> float:
        """Cosine between the masked and the full update; NaN if either is zero."""
        return _cosine(sum(self.masked_dot_full), self.update_norm, self.full_norm)

    @property
    def cos_grad(self) -> float:
        """Cosine between the masked update and −gradient; NaN if either is zero."""
        return _cosine(-sum(self.masked_dot_grad), self.update_norm, self.grad_norm)


def _cosine(dot: float, a: float, b: float) -> float:
    return dot / (a * b) if a * b else math.nan
