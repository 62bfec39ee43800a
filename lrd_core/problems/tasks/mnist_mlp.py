"""MNIST, classified by the fully connected network 784-1000-1000-10 of the paper."""

from __future__ import annotations

import math

import torch

from lrd_core.problems.models.mlp import Mlp
from lrd_core.problems.models.model import TORCH
from lrd_core.problems.surfaces.surface import lr_table
from lrd_core.problems.tasks.images import (
    batch_setting,
    classifier,
    image_set,
    test_images_setting,
)
from lrd_core.problems.tasks.task import Task, TaskInstance
from lrd_core.settings import Setting, Value

SETTINGS = (
    Setting(
        "width", 1000, low=4, high=4096, help="Units in every hidden layer.", log=True, live=False
    ),
    Setting("depth", 2, low=0, high=4, help="Hidden layers; 0 is a linear model.", live=False),
    batch_setting(128),
    test_images_setting(1000),
)


def make(settings: dict[str, Value], seed: int, device: torch.device) -> TaskInstance:
    """A freshly initialised network on pixels from 0 to 1."""
    data = image_set("mnist")
    width, depth = int(settings["width"]), int(settings["depth"])
    sizes = [math.prod(data.shape), *[width] * depth, data.classes]
    model = Mlp(sizes, seed, device, gain=TORCH)
    key = ("mnist-mlp", width, depth)
    return classifier("mnist", model, settings, seed, device, key, flat=True)


PROBLEM = Task(
    name="mnist-mlp",
    label="MNIST, fully connected",
    about="60,000 handwritten digits and the paper's network 784-1000-1000-10, 1.8 million "
    "parameters; an epoch is 468 steps.",
    order=60,
    settings=SETTINGS,
    suggested_lr=lr_table(
        sgd=0.05, adam=0.001, radam=0.001, rmsprop=0.0003, adagrad=0.01, adadelta=1.0
    ),
    make=make,
    steps=1404,
    speed=0.0,
    test_every=50,
    data="mnist",
    examples=60_000,
)
