"""Handwritten digits that come with scikit-learn, classified by an MLP."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.problems.models.mlp import Mlp
from lrd_core.problems.problem import CPU
from lrd_core.problems.tasks.task import FIXED, Batch, TaskInstance, classified
from lrd_core.seeds import generator
from lrd_core.settings import Setting, Value, check_settings

TRAIN, TEST = 1437, 360
PIXELS, CLASSES = 64, 10

SETTINGS = (
    Setting(
        "width",
        64,
        low=4,
        high=512,
        help="Units in every hidden layer.",
        log=True,
        live=False,
    ),
    Setting("depth", 1, low=0, high=4, help="Hidden layers; 0 is a linear model.", live=False),
    Setting(
        "batch",
        64,
        low=1,
        high=TRAIN,
        help=f"Images a step, at most the {TRAIN:,} that there are.",
        log=True,
        live=False,
    ),
    Setting(
        "label_noise",
        0.0,
        low=0.0,
        high=0.9,
        label="label noise",
        help="Fraction of training labels replaced by another class, to see overfitting.",
        live=False,
    ),
)


@dataclass(frozen=True)
class Data:
    """The fixed split: images (N, 64) float32 in [0, 1], labels (N,) int64."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


@cache
def data() -> Data:
    """Optical recognition of handwritten digits (E. Alpaydin, C. Kaynak, UCI, 1998): 1,797 images
    of 8×8 pixels, split 1,437 to 360 with equal shares of the classes, whatever the seed."""
    # Only here: scikit-learn takes a second to import, and the catalogue shouldn't wait for it.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = torch.from_numpy(digits.data.astype("float32") / 16)
    labels = torch.from_numpy(digits.target.astype("int64"))
    train, test = train_test_split(
        np.arange(TRAIN + TEST), test_size=TEST, stratify=digits.target, random_state=0
    )
    return Data(images[train], labels[train], images[test], labels[test])


def noisy(labels: NDArray[np.int64], fraction: float, seed: int) -> NDArray[np.int64]:
    """`labels` (N,) with round(fraction · N) of them replaced by another class, each other class
    as likely; with the same seed a larger fraction changes the same labels and more."""
    random = generator(seed, "label noise")
    chosen = random.permutation(len(labels))
    shifts = random.integers(1, CLASSES, len(labels))
    chosen = chosen[: round(fraction * len(labels))]
    changed = labels.copy()
    changed[chosen] = (labels[chosen] + shifts[chosen]) % CLASSES
    return changed


class Epochs:
    """Batches of the digits; satisfies `Batches`.

    Each epoch goes through a fresh permutation, a function of (seed, epoch); images that don't
    fill a whole batch sit that epoch out.
    """

    def __init__(self, seed: int, batch: int, label_noise: float, device: torch.device) -> None:
        self.key: Hashable = (seed, batch, label_noise)
        found = data()
        labels = found.train_labels
        if label_noise > 0:
            labels = torch.from_numpy(noisy(labels.numpy(), label_noise, seed))
        self._images, self._labels = found.train_images.to(device), labels.to(device)
        self._seed = seed
        self._batch = batch
        self._batches = TRAIN // batch
        self._epoch = -1
        self._images_of_epoch = self._labels_of_epoch = torch.empty(0)

    def batch(self, step: int) -> Batch:
        """Images (batch, 64) and labels (batch,) of `step`."""
        epoch, position = divmod(step - 1, self._batches)
        if epoch != self._epoch:
            self._shuffle(epoch)
        rows = slice(position * self._batch, (position + 1) * self._batch)
        return self._images_of_epoch[rows], self._labels_of_epoch[rows]

    def _shuffle(self, epoch: int) -> None:
        """Copy the images in the order of `epoch`, so that a batch is a view."""
        order = torch.from_numpy(generator(self._seed, "data", epoch).permutation(TRAIN))
        order = order.to(self._images.device)
        self._images_of_epoch = self._images[order]
        self._labels_of_epoch = self._labels[order]
        self._epoch = epoch

    def fixed(self) -> Batch:
        """The first training images."""
        return self._images[:FIXED], self._labels[:FIXED]


def _suggested_lr() -> dict[str, float]:
    family = dict.fromkeys(("adam", "adamw", "amsgrad", "nadam"), 0.003)
    return {
        "sgd": 0.1,
        **family,
        "radam": 0.005,
        "rmsprop": 0.002,
        "adagrad": 0.03,
        "adadelta": 1.0,
        "lion": 0.001,
    }


@dataclass(frozen=True)
class Digits:
    """The digits task; satisfies `Problem`."""

    name: str = "digits"
    label: str = "Digits"
    kind: Literal["task"] = "task"
    about: str = "1,797 handwritten digits, 8×8 pixels, told apart by a small neural network."
    order: int = 10
    settings: tuple[Setting, ...] = SETTINGS
    suggested_lr: Mapping[str, float] = field(default_factory=_suggested_lr)
    steps: int = 900
    speed: float = 60.0
    test_every: int = 10
    data: str = ""

    def build(
        self, settings: Mapping[str, Value], seed: int, device: torch.device = CPU
    ) -> TaskInstance:
        """A freshly initialised network; its held-out labels carry no noise.

        Raises:
            SettingError: an unknown setting, or one out of range (a batch larger than the data).
        """
        checked = check_settings(self.settings, settings)
        width, depth, batch = (int(checked[name]) for name in ("width", "depth", "batch"))
        found = data()
        return TaskInstance(
            Mlp([PIXELS, *[width] * depth, CLASSES], seed, device),
            Epochs(seed, batch, float(checked["label_noise"]), device),
            key=("digits", width, depth, batch),
            test=classified(found.test_images.to(device), found.test_labels.to(device)),
        )


PROBLEM = Digits()
