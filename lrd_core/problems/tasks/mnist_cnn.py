"""MNIST, classified by a small convolutional network."""

from __future__ import annotations

from functools import partial

import torch

from lrd_core.problems.models.cnn import Cnn
from lrd_core.problems.models.model import HE
from lrd_core.problems.models.module import ModuleModel
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
        "width",
        8,
        low=1,
        high=64,
        help="Channels of the first convolution; the second has twice, the hidden layer 8 times.",
        log=True,
        live=False,
    ),
    batch_setting(64),
    test_images_setting(1000),
)

SUGGESTED_LR = lr_table(
    sgd=0.02, adam=0.002, radam=0.002, rmsprop=0.001, adagrad=0.02, adadelta=1.0
)


def make(name: str, settings: dict[str, Value], seed: int, device: torch.device) -> TaskInstance:
    """A freshly initialised network for the data set called `name`."""
    data, width = image_set(name), int(settings["width"])
    build = partial(Cnn, data.classes, data.shape, width)
    model = ModuleModel(build, seed, device, gain=HE)
    return classifier(name, model, settings, seed, device, ("cnn", name, width))


PROBLEM = Task(
    name="mnist-cnn",
    label="MNIST, convolutional",
    about="60,000 handwritten digits and a small convolutional network; an epoch is 937 steps.",
    order=70,
    settings=SETTINGS,
    suggested_lr=SUGGESTED_LR,
    make=partial(make, "mnist"),
    steps=937,
    speed=0.0,
    test_every=50,
    data="mnist",
    examples=60_000,
)
