"""CIFAR-10, classified by ResNet-34 with the settings of the paper's code."""

from __future__ import annotations

from functools import partial

import torch

from lrd_core.problems.models.module import ModuleModel
from lrd_core.problems.models.resnet import ResNet
from lrd_core.problems.surfaces.surface import lr_table
from lrd_core.problems.tasks.images import (
    batch_setting,
    classifier,
    image_set,
    test_images_setting,
)
from lrd_core.problems.tasks.task import Task, TaskInstance
from lrd_core.settings import Setting, Value

#: Images of the fixed batch: 512 would take 6 GB of activations.
FIXED = 64

SETTINGS = (
    Setting(
        "width",
        64,
        low=4,
        high=128,
        help="Channels of the first stage; ResNet-34 has 64, fewer train on a CPU.",
        log=True,
        live=False,
    ),
    batch_setting(128),
    test_images_setting(1000),
)

#: Of the paper's code, whose learning rates are 0.1 for SGD, 0.001 for Adam and RMSprop.
SUGGESTED_LR = lr_table(sgd=0.1, adam=0.001, radam=0.001, rmsprop=0.001, adagrad=0.01, adadelta=1.0)
DECAY = {"weight_decay": 5e-4}
SUGGESTED_SETTINGS: dict[str, dict[str, Value]] = {
    "sgd": {"momentum": 0.9, **DECAY},
    **{rule: dict(DECAY) for rule in SUGGESTED_LR if rule not in ("sgd", "adamw", "lion")},
}

#: The paper's: lr divided by 10 after 100 and 150 epochs.
SUGGESTED_SCHEDULE: dict[str, object] = {
    "schedule": "step",
    "schedule_settings": {"at": "100,150", "unit": "epochs", "factor": 0.1},
}


def make(settings: dict[str, Value], seed: int, device: torch.device) -> TaskInstance:
    """A freshly initialised network."""
    data, width = image_set("cifar10"), int(settings["width"])
    model = ModuleModel(partial(ResNet, data.classes, data.shape[0], width), seed, device)
    return classifier(
        "cifar10",
        model,
        settings,
        seed,
        device,
        key=("cifar10-resnet34", width),
        augmented=True,
        fixed=FIXED,
        at_once=250,
    )


PROBLEM = Task(
    name="cifar10-resnet34",
    label="CIFAR-10, ResNet-34",
    about="50,000 small photos and a network of 21 million parameters, for a GPU; the paper trains "
    "200 epochs of 390 steps, and lr is divided by 10 after 100 and 150 as there.",
    order=100,
    settings=SETTINGS,
    suggested_lr=SUGGESTED_LR,
    suggested_settings=SUGGESTED_SETTINGS,
    suggested_schedule=SUGGESTED_SCHEDULE,
    make=make,
    steps=3900,
    speed=0.0,
    test_every=195,
    data="cifar10",
    examples=50_000,
)
