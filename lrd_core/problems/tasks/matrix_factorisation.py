"""A matrix of known singular values as the product of two thin ones: ‖M − U Vᵀ‖².

Its critical points are known: minima where U Vᵀ is the best approximation of M (Eckart and Young,
1936), saddles where it is another part of M's singular decomposition, U = V = 0 among them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import torch

from lrd_core.problems.models.factors import Factors
from lrd_core.problems.models.model import Model
from lrd_core.problems.surfaces.surface import lr_table
from lrd_core.problems.tasks.matrices import spectral, squared_error
from lrd_core.problems.tasks.task import Batch, Task, TaskInstance, Test
from lrd_core.seeds import generator
from lrd_core.settings import Setting, SettingError, Value

SETTINGS = (
    Setting("size", 32, low=2, high=256, help="Rows and columns of M.", log=True, live=False),
    Setting(
        "rank",
        5,
        low=1,
        high=32,
        help="Rank of M; its singular values are rank, …, 2, 1. At most the size.",
        live=False,
    ),
    Setting(
        "factors",
        5,
        low=1,
        high=64,
        help="Columns of U and V; fewer than the rank leave a loss that nothing removes.",
        live=False,
    ),
    Setting(
        "start",
        0.01,
        low=0.0,
        high=2.0,
        help="Standard deviation of the first entries; 0 starts on the saddle U = V = 0.",
        live=False,
    ),
    Setting(
        "noise",
        0.0,
        low=0.0,
        high=1.0,
        help="Standard deviation of noise on M; the test loss is measured without it.",
        live=False,
    ),
)


class Whole:
    """The matrix as the one example of every batch; satisfies `Batches`."""

    steps_per_epoch = 1

    def __init__(self, matrix: torch.Tensor, key: Hashable) -> None:
        self.key: Hashable = key
        self._batch = torch.empty(1, 0, device=matrix.device), matrix.unsqueeze(0)

    def batch(self, step: int) -> Batch:
        """Nothing (1, 0), and the matrix (1, size, size), at every step."""
        return self._batch

    def fixed(self) -> Batch:
        """The same."""
        return self._batch


def target(size: int, rank: int) -> torch.Tensor:
    """M without noise, (size, size) float64, the same for every seed; see `SETTINGS`."""
    return spectral(size, size, range(rank, 0, -1), "matrix factorisation")


def minimum(rank: int, factors: int) -> float:
    """The smallest ‖M − U Vᵀ‖² there is, without noise."""
    return float(sum(value**2 for value in range(rank - factors, 0, -1)))


def make(settings: dict[str, Value], seed: int, device: torch.device) -> TaskInstance:
    """Fresh factors.

    Raises:
        SettingError: a rank above the size.
    """
    size, rank, factors = (int(settings[name]) for name in ("size", "rank", "factors"))
    noise, start = float(settings["noise"]), float(settings["start"])
    if rank > size:
        raise SettingError("settings.rank", rank, f"at most the size, {size}")
    clean = target(size, rank)
    shift = generator(0, "matrix factorisation noise").standard_normal((size, size))
    matrix = (clean + noise * torch.from_numpy(shift)).float().to(device)
    return TaskInstance(
        Factors(size, size, factors, start, seed, device),
        Whole(matrix, (size, rank, noise)),
        key=("matrix-factorisation", size, factors),
        test=_distance(clean.float().to(device)),
        criterion=squared_error,
    )


def _distance(matrix: torch.Tensor) -> Test:
    def test(model: Model) -> Callable[[], dict[str, float]]:
        loss = squared_error(model(matrix.new_empty(1, 0), train=False), matrix.unsqueeze(0))
        return lambda: {"test_loss": loss.item()}

    return test


PROBLEM = Task(
    name="matrix-factorisation",
    label="Matrix factorisation",
    about="‖M − U Vᵀ‖² from near the saddle at 0; every singular value that is still missing makes "
    "a plateau at a known height.",
    order=40,
    settings=SETTINGS,
    suggested_lr=lr_table(
        sgd=0.001, adam=0.003, radam=0.005, rmsprop=0.001, adagrad=0.03, adadelta=0.1
    ),
    make=make,
    examples=1,
)
