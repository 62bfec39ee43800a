"""What the step did: gradient and update norms, realised keep rate, angles of the masked update."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.measurement import StepSums
from lrd_core.optim.statistics import StepStatistics


def update(statistics: StepStatistics, names: list[str]) -> dict[str, float]:
    """Columns of one step.

    ``grad_norm``, ``update_norm``: Euclidean norms of the gradient and of the masked update;
    ``keep_rate``: share of coordinates kept, overall and (for several tensors) as
    ``keep_rate/<tensor>``; ``cos_full``: cosine of the masked with the full update; ``cos_grad``:
    cosine of the masked update with −gradient. NaN where a norm is zero.
    """
    row = {
        "grad_norm": statistics.grad_norm,
        "update_norm": statistics.update_norm,
        "keep_rate": statistics.keep_rate,
        "cos_full": statistics.cos_full,
        "cos_grad": statistics.cos_grad,
    }
    if len(names) > 1:
        for index, kept, numel in zip(
            statistics.indices, statistics.kept, statistics.numel, strict=True
        ):
            row[f"keep_rate/{names[index]}"] = kept / numel if numel else float("nan")
    return row


def update_columns(
    steps: Sequence[StepSums], names: list[str], numel: Sequence[int]
) -> dict[str, NDArray[np.float64]]:
    """The columns of `update` for many steps at once, (steps,) each, to the bit.

    Args:
        steps: at least one, all of the same tensors.
        names, numel: of every parameter, by position.

    Raises:
        ValueError: steps of different tensors.
    """
    indices = steps[0].indices
    if any(step.indices != indices for step in steps):
        raise ValueError("steps of different tensors: take their columns apart")
    sums = np.array([step.sums for step in steps])
    factors = np.array([step.factors for step in steps])
    # One tensor after the other, as `StepStatistics` adds: then the bits are the same.
    grad, full, masked, masked_grad, masked_full, kept = np.zeros((6, len(steps)))
    for t in range(len(indices)):
        factor = factors[:, t]
        grad_sq, full_sq, _, kept_sq, kept_dot_grad, coins = sums[:, t].T
        grad += grad_sq
        full += full_sq
        masked += kept_sq * factor * factor
        masked_grad += kept_dot_grad * factor
        masked_full += kept_sq * factor
        kept += coins
    grad, full, masked = np.sqrt(grad), np.sqrt(full), np.sqrt(masked)
    found = {
        "grad_norm": grad,
        "update_norm": masked,
        "keep_rate": _over(kept, np.full(len(steps), float(sum(numel[i] for i in indices)))),
        "cos_full": _over(masked_full, masked * full),
        "cos_grad": _over(-masked_grad, masked * grad),
    }
    if len(names) > 1:
        for t, index in enumerate(indices):
            size = np.full(len(steps), float(numel[index]))
            found[f"keep_rate/{names[index]}"] = _over(sums[:, t, 5], size)
    return found


def _over(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """The quotient, NaN where `below` is 0."""
    found = np.full(len(above), np.nan)
    with np.errstate(invalid="ignore"):
        np.divide(above, below, out=found, where=below != 0)
    return found


def update_ratios(
    statistics: StepStatistics, names: list[str], parameters: Sequence[torch.Tensor]
) -> dict[str, float]:
    """``update_ratio/<tensor>``: norm of the masked update over the norm of the parameters after
    it; NaN where both are zero.

    The norms of the parameters are no by-product of the step and cost a pass: this is for the rows
    of an interval.
    """
    found = [parameters[index].detach() for index in statistics.indices]
    if not found:
        return {}
    norms = torch.stack(torch._foreach_norm(found)).tolist()
    return {
        f"update_ratio/{names[index]}": _ratio(math.sqrt(masked), norm)
        for index, masked, norm in zip(statistics.indices, statistics.masked_sq, norms, strict=True)
    }


def _ratio(update: float, norm: float) -> float:
    if norm:
        return update / norm
    return math.inf if update else math.nan
