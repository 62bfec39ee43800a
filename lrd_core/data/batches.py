"""Which examples a step trains on: a function of (seed, step) alone, on any device.

Each epoch goes through all examples in a fresh order, a function of (seed, epoch); examples that
don't fill a whole batch sit that epoch out.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from lrd_core.seeds import generator
from lrd_core.settings import SettingError


def steps_per_epoch(count: int, batch: int) -> int:
    """Whole batches of `batch` in `count` examples.

    Raises:
        SettingError: not even one; its field is ``settings.batch``.
    """
    if not 1 <= batch <= count:
        allowed = f"a whole number in [1, {count}], as many examples as there are"
        raise SettingError("settings.batch", batch, allowed)
    return count // batch


def epoch_and_rows(step: int, count: int, batch: int) -> tuple[int, slice]:
    """The epoch (from 0) of `step` (from 1), and its place in that epoch's order.

    Raises:
        SettingError: as `steps_per_epoch`.
    """
    epoch, position = divmod(step - 1, steps_per_epoch(count, batch))
    return epoch, slice(position * batch, (position + 1) * batch)


# Runs side by side share their data order; one that catches up may be an epoch behind.
@lru_cache(maxsize=8)
def order(seed: int, epoch: int, count: int, device: torch.device) -> torch.Tensor:
    """The order of `epoch`: a permutation of 0 to count − 1, (count,), int64, on `device`.

    The tensor is shared: never change it in place.
    """
    permutation = generator(seed, "data", epoch).permutation(count)
    return torch.from_numpy(permutation).to(device)


def indices(
    step: int, count: int, batch: int, seed: int, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Examples of the batch of `step` (from 1): (batch,), int64, on `device`, a view of `order`.

    Steps may be asked for in any order; within an epoch nothing is copied to the device.

    Raises:
        SettingError: as `steps_per_epoch`.
    """
    epoch, rows = epoch_and_rows(step, count, batch)
    return order(seed, epoch, count, torch.device(device))[rows]
