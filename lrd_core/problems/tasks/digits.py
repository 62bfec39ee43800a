"""Handwritten digits that come with scikit-learn, classified by an MLP."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.data import decoded
from lrd_core.data.places import Key
from lrd_core.problems.models.mlp import Mlp
from lrd_core.problems.surfaces.surface import lr_table
from lrd_core.problems.tasks.exam import Exam
from lrd_core.problems.tasks.samples import Pictures
from lrd_core.problems.tasks.shuffled import Shuffled
from lrd_core.problems.tasks.task import Task, TaskInstance
from lrd_core.seeds import generator
from lrd_core.settings import Setting, Value

TRAIN, TEST = 1437, 360
PIXELS, CLASSES = 64, 10


def digits_settings(width: int = 64, label_noise: float = 0.0) -> tuple[Setting, ...]:
    """What can be chosen, with these defaults."""
    return (
        Setting(
            "width",
            width,
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
            label_noise,
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
    images, labels = torch.float32, torch.int64
    shapes = {
        "train_images": (images, (TRAIN, PIXELS)),
        "train_labels": (labels, (TRAIN,)),
        "test_images": (images, (TEST, PIXELS)),
        "test_labels": (labels, (TEST,)),
    }
    source = _source()
    found = decoded.load("digits", source, shapes, _split) if source else _split()
    # A copy lies as torch lays out its own: where the bytes lie may change the last bit of a sum.
    return Data(**{name: tensor.clone() for name, tensor in found.items()})


def _source() -> Key:
    """scikit-learn's file, found without importing it, which takes a second; empty if it is
    elsewhere."""
    found = find_spec("sklearn")
    for place in (found and found.submodule_search_locations) or ():
        path = Path(place, "datasets", "data", "digits.csv.gz")
        with suppress(OSError):
            state = path.stat()
            return ((str(path), state.st_size, state.st_mtime_ns),)
    return ()


def _split() -> dict[str, torch.Tensor]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = torch.from_numpy(digits.data.astype("float32") / 16)
    labels = torch.from_numpy(digits.target.astype("int64"))
    train, test = train_test_split(
        np.arange(TRAIN + TEST), test_size=TEST, stratify=digits.target, random_state=0
    )
    return {
        "train_images": images[train],
        "train_labels": labels[train],
        "test_images": images[test],
        "test_labels": labels[test],
    }


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


def make(settings: dict[str, Value], seed: int, device: torch.device) -> TaskInstance:
    """A freshly initialised network; its held-out labels carry no noise."""
    width, depth, batch = (int(settings[name]) for name in ("width", "depth", "batch"))
    noise = float(settings["label_noise"])
    found = data()
    labels = found.train_labels
    if noise > 0:
        labels = torch.from_numpy(noisy(labels.numpy(), noise, seed))
    return TaskInstance(
        Mlp([PIXELS, *[width] * depth, CLASSES], seed, device),
        Shuffled(found.train_images.to(device), labels.to(device), seed, batch, noise),
        key=("digits", width, depth, batch),
        test=Exam(found.test_images.to(device), found.test_labels.to(device)).later,
        samples=lambda: _pictures(found, device),
    )


def _pictures(found: Data, device: torch.device) -> Pictures:
    pixels = (found.test_images * 255).round().to(torch.uint8).view(-1, 8, 8, 1)
    words = tuple(map(str, range(CLASSES)))
    return Pictures(found.test_images.to(device), found.test_labels.to(device), pixels, words)


SUGGESTED_LR = lr_table(sgd=0.1, adam=0.003, radam=0.005, rmsprop=0.002, adagrad=0.03, adadelta=1.0)

PROBLEM = Task(
    name="digits",
    label="Digits",
    about="1,797 handwritten digits, 8×8 pixels, told apart by a small neural network.",
    order=10,
    settings=digits_settings(),
    suggested_lr=SUGGESTED_LR,
    make=make,
    examples=TRAIN,
)
