"""What the step did: gradient and update norms, realised keep rate, angles of the masked update."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

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
    lists = [step.factors for step in steps]
    same = all(factors is lists[0] for factors in lists)
    factors = np.array(lists[:1] if same else lists).T
    # (tensors, steps) each.
    table = np.ascontiguousarray(_table(steps).T)
    coins = table[5]
    table[2] = table[3]
    table[2:5] *= factors
    table[2] *= factors
    # One tensor after the other, as `StepStatistics` adds: the same bits for any number of steps.
    total = table[:, 0].copy()
    for t in range(1, len(indices)):
        total += table[:, t]
    masked_full, masked_grad, kept = total[3:]
    grad, full, masked = np.sqrt(total[:3])
    sizes = np.array([float(numel[index]) for index in indices])
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.concatenate([kept[None], coins]) / np.append(sizes.sum(), sizes)[:, None]
        cosines = np.array([masked_full, -masked_grad]) / (masked * np.array([full, grad]))
    # A number over 0 is no cosine.
    cosines[np.isinf(cosines)] = np.nan
    columns = {
        "grad_norm": grad,
        "update_norm": masked,
        "keep_rate": shares[0],
        "cos_full": cosines[0],
        "cos_grad": cosines[1],
    }
    if len(names) > 1:
        columns |= {f"keep_rate/{names[i]}": shares[t + 1] for t, i in enumerate(indices)}
    return columns


def _table(steps: Sequence[StepSums]) -> NDArray[np.float64]:
    """The sums of all steps, (steps, tensors, 6); one wait for all that a device holds."""
    if isinstance(steps[0].sums, torch.Tensor):
        found: list[torch.Tensor] = [step.sums for step in steps]  # type: ignore[misc]
        return torch.stack(found).cpu().numpy()
    tables: list[NDArray[np.float64]] = [np.asarray(step.sums) for step in steps]
    return np.concatenate(tables).reshape(len(steps), *tables[0].shape)


def update_ratios(
    step: StepSums | StepStatistics, names: list[str], parameters: Sequence[torch.Tensor]
) -> Callable[[], dict[str, float]]:
    """``update_ratio/<tensor>`` of a step: norm of the masked update over the norm of the
    parameters now; NaN where both are zero. Read from devices when it is asked for.

    The norms of the parameters are no by-product of the step and cost a pass: this is for the rows
    of an interval.
    """
    indices = list(step.indices)
    if not indices:
        return dict
    lengths = torch._foreach_norm([parameters[index].detach() for index in indices])

    def ratios() -> dict[str, float]:
        if isinstance(step, StepSums):
            rows = zip(step.sums, step.factors, strict=True)
            squares = [float(sums[3]) * factor**2 for sums, factor in rows]
        else:
            squares = list(step.masked_sq)
        found = zip(indices, squares, map(float, lengths), strict=True)
        return {f"update_ratio/{names[i]}": _ratio(u**0.5, norm) for i, u, norm in found}

    return ratios


def _ratio(update: float, norm: float) -> float:
    if norm:
        return update / norm
    return math.inf if update else math.nan
