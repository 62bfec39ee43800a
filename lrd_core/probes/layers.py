"""Every tensor of a run at its newest step: norms, and how long ago coordinates were updated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies import Draw, Policy
from lrd_core.optim.statistics import StepStatistics
from lrd_core.settings import Value

#: Coordinates of a tensor whose last update is looked for: the first ones.
LOOKED_AT = 4096
#: Steps over which updated coordinates are counted.
WINDOWS = (10, 100)
#: Steps that are looked back, at most.
BACK = 500


@dataclass(frozen=True)
class Coins:
    """What the masks of a step were drawn with; `policy` is one that draws coins alone."""

    policy: Policy
    seed: int
    drop_rate: float
    settings: Mapping[str, Value]


@dataclass(frozen=True)
class Ages:
    """Steps since the last update of some coordinates.

    Attributes:
        since: int, flat; 0 is the newest step, `known` is before all that was looked at.
        known: steps that were looked at.
    """

    since: NDArray[np.int32]
    known: int

    def quantile(self, share: float) -> int | None:
        """The smallest number of steps in which this share of the coordinates was updated; `known`
        means more than that. None without coordinates or steps."""
        if not len(self.since) or not self.known:
            return None
        place = max(0, math.ceil(share * len(self.since)) - 1)
        return int(np.partition(self.since, place)[place])

    def covered(self, steps: int) -> float:
        """Share that was updated in the last so many steps; NaN while that is not known."""
        if not len(self.since) or not self.known:
            return math.nan
        if steps > self.known and (self.since == self.known).any():
            return math.nan
        return float((self.since < steps).mean())


def leading(parameter: torch.Tensor, most: int = LOOKED_AT) -> torch.Tensor:
    """The first coordinates of a tensor as a box in it, at most `most`: a view."""
    part = parameter.detach()
    for dim in range(part.dim()):
        each = part[(slice(None),) * dim + (slice(0, 1),)].numel()
        if part.numel() <= most or not each:
            break
        part = part.narrow(dim, 0, max(1, min(part.shape[dim], most // each)))
    return part


def coin_ages(
    parameter: torch.Tensor, tensor: int, step: int, made: Callable[[int], Coins | None]
) -> Ages:
    """Ages after `step`, from the coins alone, which are drawn again backwards.

    Args:
        parameter: the tensor.
        tensor: its position among all parameters of the optimizer.
        made: what a step was made with; None ends the look back.
    """
    part = leading(parameter)
    since = np.full(part.numel(), -1, dtype=np.int32)
    known = 0
    while known < min(step, BACK) and (not known or (since < 0).any()):
        coins = made(step - known)
        if coins is None:
            break
        kept = _kept(part, tuple(parameter.shape), tensor, step - known, coins)
        since[(since < 0) & kept] = known
        known += 1
    since[since < 0] = known
    return Ages(since, known)


def _kept(
    part: torch.Tensor, shape: tuple[int, ...], tensor: int, step: int, coins: Coins
) -> NDArray[np.bool_]:
    if coins.drop_rate == 0 or coins.policy.mask is None:
        return np.ones(part.numel(), dtype=np.bool_)
    draw = Draw(
        seed=coins.seed,
        step=step,
        tensor=tensor,
        keep=1 - coins.drop_rate,
        shape=shape,
        start=(0,) * len(shape),
        gradient=part,
        before=part,
        after=part,
        settings=coins.settings,
    )
    mask: NDArray[np.bool_] = coins.policy.mask(draw).expand(part.shape).cpu().numpy()
    return mask.ravel()


def tensor_norms(
    statistics: StepStatistics | None, parameters: Sequence[torch.Tensor]
) -> dict[str, list[float]]:
    """By name a number a tensor, NaN where it was not stepped: ``keep_rate``, ``grad_norm``,
    ``update_norm`` (masked), ``full_norm`` and ``weight_norm`` (Euclidean norms), and
    ``update_ratio``, masked update over weights."""
    lengths = torch._foreach_norm([p.detach() for p in parameters])
    weights = [float(length) for length in lengths]
    columns = {
        name: [math.nan] * len(weights)
        for name in ("keep_rate", "grad_norm", "update_norm", "full_norm", "update_ratio")
    }
    for k, index in enumerate(statistics.indices if statistics else ()):
        assert statistics is not None  # noqa: S101
        columns["keep_rate"][index] = statistics.keep_rates[k]
        columns["grad_norm"][index] = statistics.grad_sq[k] ** 0.5
        columns["full_norm"][index] = statistics.full_sq[k] ** 0.5
        columns["update_norm"][index] = update = statistics.masked_sq[k] ** 0.5
        if weights[index]:
            columns["update_ratio"][index] = update / weights[index]
    return columns | {"weight_norm": weights}
