"""Two spirals that wind around each other, told apart by an MLP (Lang and Witbrock, 1988)."""

from __future__ import annotations

import math

import torch

from lrd_core.problems.models.mlp import Mlp
from lrd_core.problems.surfaces.surface import lr_table
from lrd_core.problems.tasks.exam import Exam
from lrd_core.problems.tasks.samples import Points, lattice
from lrd_core.problems.tasks.shuffled import Shuffled
from lrd_core.problems.tasks.task import Task, TaskInstance
from lrd_core.seeds import generator
from lrd_core.settings import Setting, Value

TRAIN, TEST = 1000, 1000
#: Held-out points that are shown, the plane from −REACH to REACH, and its places a side.
SHOWN, REACH, SIDE = 240, 3.6, 72

SETTINGS = (
    Setting(
        "width", 32, low=4, high=512, help="Units in every hidden layer.", log=True, live=False
    ),
    Setting("depth", 2, low=0, high=6, help="Hidden layers; 0 is a linear model.", live=False),
    Setting("batch", 64, low=1, high=TRAIN, help="Points a step.", log=True, live=False),
    Setting("turns", 1.5, low=0.25, high=4.0, help="Turns of each spiral.", live=False),
    Setting(
        "noise",
        0.02,
        low=0.0,
        high=0.2,
        help="Standard deviation of the points around their spiral, whose radius is 1.",
        live=False,
    ),
)


def points(part: str, count: int, turns: float, noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of the two spirals in turn, whatever the seed.

    Spiral c is ρ(t) · (cos φ, sin φ) with ρ = 0.1 + 0.9 t, φ = 2π · turns · t + π c, t uniform on
    [0, 1), times 3 as the network's inputs.

    Args:
        part: ``"train"`` or ``"test"``: other draws of the same spirals.

    Returns:
        Points (count, 2) float32, classes (count,) int64.
    """
    random = generator(0, f"spirals {part}")
    t, shift = random.random(count), random.standard_normal((count, 2))
    classes = torch.arange(count) % 2
    along = torch.from_numpy(t)
    angle = 2 * math.pi * turns * along + math.pi * classes
    place = torch.stack([angle.cos(), angle.sin()], 1) * (0.1 + 0.9 * along).unsqueeze(1)
    return (3 * (place + noise * torch.from_numpy(shift))).float(), classes


def make(settings: dict[str, Value], seed: int, device: torch.device) -> TaskInstance:
    """A freshly initialised network."""
    width, depth, batch = (int(settings[name]) for name in ("width", "depth", "batch"))
    turns, noise = float(settings["turns"]), float(settings["noise"])
    inputs, classes = points("train", TRAIN, turns, noise)
    test_inputs, test_classes = points("test", TEST, turns, noise)
    return TaskInstance(
        Mlp([2, *[width] * depth, 2], seed, device),
        Shuffled(inputs.to(device), classes.to(device), seed, batch, (turns, noise)),
        key=("spirals", width, depth, batch),
        test=Exam(test_inputs.to(device), test_classes.to(device)).later,
        samples=lambda: Points(
            test_inputs[:SHOWN].to(device),
            test_classes[:SHOWN].to(device),
            lattice(SIDE, REACH, device),
            REACH,
            ("first spiral", "second spiral"),
        ),
    )


PROBLEM = Task(
    name="spirals",
    label="Two spirals",
    about="Points of two spirals, told apart by an MLP; the held-out points are new ones.",
    order=30,
    settings=SETTINGS,
    suggested_lr=lr_table(
        sgd=0.1, adam=0.01, radam=0.01, rmsprop=0.005, adagrad=0.05, adadelta=1.0
    ),
    make=make,
    steps=1500,
    examples=TRAIN,
)
