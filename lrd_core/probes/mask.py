"""One tensor's mask, watched step by step: what is updated, how often, and what was left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.policies import Draw, Policy
from lrd_core.settings import Value

#: Rows and columns of a picture, at most.
PICTURE = 128
#: Decades of |update| below the largest that a picture tells apart.
DECADES = 4.0
#: Steps over which touched coordinates are counted.
WINDOWS = (1, 10, 100)


@dataclass(frozen=True)
class MaskPicture:
    """The update of one tensor at one step.

    Attributes:
        pixels: uint8 (rows, columns), a pixel a coordinate. 0: left out; 1 to 255: log₁₀ |update|
            from `low` to `high`, everything below `low` being 1.
        low, high: ends of the scale; NaN if nothing was updated.
        shape: of the tensor.
        shown: which part of it the pixels are, in words.
    """

    pixels: NDArray[np.uint8]
    low: float
    high: float
    shape: tuple[int, ...]
    shown: str


class MaskWatch:
    """Follows the mask of one tensor. It costs a copy of the tensor a step, while it is there.

    Where the policy's coins alone make the mask (`source` is ``"coins"``), they are drawn again
    from (seed, step, tensor, position). Elsewhere (policies that look at the update or change the
    gradient) a coordinate counts as updated if the step has changed it (``"change"``).

    Args:
        parameter: the tensor, changed in place by steps.
        tensor: its position among all parameters of the optimizer.
        policy: the run's.
        seed: of the run's masks.
    """

    def __init__(self, parameter: torch.Tensor, tensor: int, policy: Policy, seed: int) -> None:
        self._parameter = parameter
        self._tensor = tensor
        self._policy = policy
        self._seed = seed
        self._before = parameter.detach().clone()
        self._mask = torch.zeros_like(self._before, dtype=torch.bool)
        self._last_mask: torch.Tensor | None = None
        self._update = torch.zeros_like(self._before)
        self._since = torch.zeros(self._before.shape, dtype=torch.int32, device=parameter.device)
        self.steps = 0

    @property
    def source(self) -> Literal["coins", "change"]:
        """How the mask is found."""
        drawn = self._policy.mask is not None and self._policy.unit != ""
        return "coins" if drawn else "change"

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Of the last step, in the tensor's shape; true is kept."""
        found: NDArray[np.bool_] = self._mask.cpu().numpy()
        return found

    @property
    def since(self) -> NDArray[np.int32]:
        """Steps since each coordinate's last update (0: at the last step) or the watch's begin."""
        found: NDArray[np.int32] = self._since.cpu().numpy()
        return found

    def before(self) -> None:
        """To be called before a step."""
        self._before.copy_(self._parameter.detach())

    def after(
        self, step: int, drop_rate: float, settings: Mapping[str, Value] | None = None
    ) -> None:
        """To be called after a step.

        Args:
            step: its number.
            drop_rate: of this tensor at it.
            settings: the policy's.
        """
        now = self._parameter.detach()
        self._update = now - self._before
        self._last_mask = self._mask if self.steps else None
        self._mask = self._found(step, drop_rate, settings or {}, now)
        self._since += 1
        self._since.masked_fill_(self._mask, 0)
        self.steps += 1

    def _found(
        self, step: int, drop_rate: float, settings: Mapping[str, Value], now: torch.Tensor
    ) -> torch.Tensor:
        draw_mask = self._policy.mask
        if draw_mask is None or self.source == "change":
            return now != self._before
        if drop_rate == 0:
            return torch.ones_like(self._mask)
        shape = tuple(now.shape)
        draw = Draw(
            seed=self._seed,
            step=step,
            tensor=self._tensor,
            keep=1 - drop_rate,
            shape=shape,
            start=(0,) * len(shape),
            gradient=self._before,
            before=self._before,
            after=now,
            settings=settings,
        )
        # A coin that is shared by a row or more comes in a smaller shape.
        return draw_mask(draw).expand(shape).clone()

    # --- what is shown ----------------------------------------------------------------------------

    def histogram(self) -> tuple[list[int], list[int]]:
        """Steps since the last update, counted in bins 0, 1, 2, 3–4, 5–8, 9–16, …

        Returns:
            The first value of each bin and the number of coordinates in it, up to the last bin
            that the watched steps can reach.
        """
        firsts = bin_starts(self.steps)
        counts = np.histogram(self._since.cpu().numpy(), bins=[*firsts, np.inf])[0]
        return firsts, counts.tolist()

    def touched(self) -> dict[int, float]:
        """Share of coordinates updated in the last 1, 10 and 100 steps; NaN while so many have not
        been watched."""
        since, size = self._since, self._since.numel()
        return {
            n: int((since < n).sum()) / size if self.steps >= n and size else math.nan
            for n in WINDOWS
        }

    def overlap(self) -> tuple[float, float]:
        """|A ∩ B| / |A ∪ B| of the last two masks, and what independent masks of their sizes give
        in expectation but for O(1/n): ab / (a + b − ab) of their shares a, b. NaN if undefined."""
        if self._last_mask is None:
            return math.nan, math.nan
        here, last = self._mask, self._last_mask
        union = int((here | last).sum())
        if not union:
            return math.nan, math.nan
        a, b = int(here.sum()) / here.numel(), int(last.sum()) / last.numel()
        return int((here & last).sum()) / union, a * b / (a + b - a * b)

    def picture(self) -> MaskPicture:
        """The last step's update; rows are the first dimension, columns all others."""
        shape = tuple(self._before.shape)
        rows = shape[0] if len(shape) > 1 else 1
        table = self._update.reshape(rows, -1)[:PICTURE, :PICTURE]
        kept = self._mask.reshape(rows, -1)[:PICTURE, :PICTURE].cpu().numpy()
        sizes = table.abs().double().cpu().numpy()
        seen = kept & (sizes > 0) & np.isfinite(sizes)
        high = math.log10(sizes[seen].max()) if seen.any() else math.nan
        low = high - DECADES
        pixels = np.zeros(sizes.shape, dtype=np.uint8)
        pixels[kept] = 1
        pixels[kept & ~np.isfinite(sizes)] = 255
        scaled = (np.log10(sizes[seen]) - low) / DECADES
        pixels[seen] = np.rint(1 + 254 * np.clip(scaled, 0, 1)).astype(np.uint8)
        columns = self._update.numel() // rows if rows else 0
        return MaskPicture(pixels, low, high, shape, _shown(rows, columns))


def bin_starts(steps: int) -> list[int]:
    """First values of the bins 0, 1, 2, 3–4, 5–8, … that hold the numbers up to `steps`."""
    starts = [0, 1, 2, 3]
    while 2 * starts[-1] - 1 <= steps:
        starts.append(2 * starts[-1] - 1)
    return [start for start in starts if start <= steps] or [0]


def _shown(rows: int, columns: int) -> str:
    if rows <= PICTURE and columns <= PICTURE:
        return "all of it"
    return (
        f"the first {min(rows, PICTURE)} of {rows:,} rows and "
        f"the first {min(columns, PICTURE)} of {columns:,} columns"
    )
