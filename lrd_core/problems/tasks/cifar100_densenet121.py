"""CIFAR-100, classified by DenseNet-121 with the settings of the paper's code on CIFAR-10."""

from __future__ import annotations

from functools import partial

import torch

from lrd_core.problems.models.densenet import DenseNet
from lrd_core.problems.models.module import ModuleModel
from lrd_core.problems.tasks import cifar10_resnet34
from lrd_core.problems.tasks.images import (
    batch_setting,
    classifier,
    image_set,
    test_images_setting,
)
from lrd_core.problems.tasks.task import Task, TaskInstance
from lrd_core.settings import Setting, Value

#: Images of the fixed batch: 512 would take many GB of activations.
FIXED = 64

SETTINGS = (
    Setting(
        "growth",
        32,
        low=2,
        high=48,
        help="Channels that a layer adds; DenseNet-121 has 32, fewer train on a CPU.",
        log=True,
        live=False,
    ),
    batch_setting(128),
    test_images_setting(1000),
)


def make(settings: dict[str, Value], seed: int, device: torch.device) -> TaskInstance:
    """A freshly initialised network."""
    data, growth = image_set("cifar100"), int(settings["growth"])
    model = ModuleModel(partial(DenseNet, data.classes, data.shape[0], growth), seed, device)
    return classifier(
        "cifar100",
        model,
        settings,
        seed,
        device,
        key=("cifar100-densenet121", growth),
        augmented=True,
        fixed=FIXED,
        at_once=250,
    )


PROBLEM = Task(
    name="cifar100-densenet121",
    label="CIFAR-100, DenseNet-121",
    about="50,000 small photos of 100 kinds and a network of 7 million parameters, for a GPU; the "
    "paper's schedule divides lr by 10 after 100 and 150 of its 200 epochs of 390 steps.",
    order=110,
    settings=SETTINGS,
    suggested_lr=cifar10_resnet34.SUGGESTED_LR,
    suggested_settings=cifar10_resnet34.SUGGESTED_SETTINGS,
    suggested_schedule=cifar10_resnet34.SUGGESTED_SCHEDULE,
    make=make,
    steps=3900,
    speed=0.0,
    test_every=195,
    data="cifar100",
    examples=50_000,
)
