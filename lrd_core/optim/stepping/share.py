"""An optimizer's parameters on a CPU as rows for a table that others share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels import cpu
from lrd_core.settings import Value


@dataclass(frozen=True, slots=True)
class Share:
    """Members of a lot that have a gradient.

    Attributes:
        kernel: that steps them; ready.
        rows: their part of the lot's table, with parameters, states, counters, sizes, positions.
        tensors: parameters, states and counters: the addresses in `rows` are theirs.
        indices: position of each among the optimizer's parameters.
        counts: what their step counters hold; 1 for rules that count nothing.
        settings: the rule's, for each.
        counted: the rule counts steps.
    """

    kernel: cpu.Kernel
    rows: NDArray[np.int64]
    tensors: Sequence[torch.Tensor]
    indices: Sequence[int]
    counts: Sequence[int]
    settings: Sequence[Mapping[str, Value]]
    counted: bool
