"""A deep linear network that learns a linear map of known singular values.

As in Saxe, McClelland and Ganguli (ICLR 2014): inputs are white, so that the mean loss over them is
‖A − W_L … W_1‖²; all weights zero is a saddle, and each singular value is learnt after a plateau.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch

from lrd_core.problems.models.linear_network import LinearNetwork
from lrd_core.problems.models.model import Model
from lrd_core.problems.surfaces.surface import lr_table
from lrd_core.problems.tasks.matrices import spectral, squared_error
from lrd_core.problems.tasks.shuffled import Shuffled
from lrd_core.problems.tasks.task import Task, TaskInstance, Test
from lrd_core.seeds import generator
from lrd_core.settings import Setting, Value

TRAIN, TEST = 256, 256
#: Inputs and outputs.
SIZE = 16
#: Singular values of the map.
SINGULAR = (5.0, 4.0, 3.0, 2.0, 1.0)

SETTINGS = (
    Setting(
        "width", 16, low=1, high=256, help="Units in every hidden layer.", log=True, live=False
    ),
    Setting("layers", 3, low=1, high=8, help="Matrices in the product.", live=False),
    Setting(
        "start",
        0.1,
        low=0.0,
        high=2.0,
        help="Size of the first singular values; 0 starts on the saddle of zero weights.",
        live=False,
    ),
    Setting(
        "batch",
        TRAIN,
        low=1,
        high=TRAIN,
        help=f"Examples a step; all {TRAIN} make plain gradient descent.",
        log=True,
        live=False,
    ),
    Setting(
        "noise",
        0.0,
        low=0.0,
        high=2.0,
        help="Standard deviation of noise on the training targets.",
        live=False,
    ),
)


@cache
def data(noise: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Training inputs and targets, held-out inputs and targets, (256, 16) float32 each, the same
    for every seed. Training inputs are white: Xᵀ X / 256 = 1. Held-out targets carry no noise."""
    linear_map = spectral(SIZE, SIZE, SINGULAR, "linear network")
    draws = generator(0, "linear network data").standard_normal((3, TRAIN, SIZE))
    white = torch.from_numpy(np.linalg.qr(draws[0]).Q * TRAIN**0.5)
    fresh = torch.from_numpy(draws[1][:TEST])
    targets = white @ linear_map.T + noise * torch.from_numpy(draws[2])
    return white.float(), targets.float(), fresh.float(), (fresh @ linear_map.T).float()


def make(settings: dict[str, Value], seed: int, device: torch.device) -> TaskInstance:
    """A freshly initialised network."""
    width, layers, batch = (int(settings[name]) for name in ("width", "layers", "batch"))
    noise, start = float(settings["noise"]), float(settings["start"])
    inputs, targets, test_inputs, test_targets = (part.to(device) for part in data(noise))
    sizes = [SIZE, *[width] * (layers - 1), SIZE]
    return TaskInstance(
        LinearNetwork(sizes, start, seed, device),
        Shuffled(inputs, targets, seed, batch, noise),
        key=("linear-network", width, layers, batch),
        test=_error(test_inputs, test_targets),
        criterion=squared_error,
    )


def _error(inputs: torch.Tensor, targets: torch.Tensor) -> Test:
    def test(model: Model) -> Callable[[], dict[str, float]]:
        loss = squared_error(model(inputs, train=False), targets).mean()
        return lambda: {"test_loss": loss.item()}

    return test


PROBLEM = Task(
    name="linear-network",
    label="Deep linear network",
    about="A product of matrices learns a known linear map: a saddle at zero weights, and a "
    "plateau before each singular value.",
    order=50,
    settings=SETTINGS,
    suggested_lr=lr_table(
        sgd=0.001, adam=0.003, radam=0.005, rmsprop=0.001, adagrad=0.03, adadelta=0.1
    ),
    make=make,
    examples=TRAIN,
)
