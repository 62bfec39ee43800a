"""Fashion-MNIST, classified by the small convolutional network of `mnist_cnn`."""

from __future__ import annotations

from functools import partial

from lrd_core.problems.tasks import mnist_cnn
from lrd_core.problems.tasks.task import Task

PROBLEM = Task(
    name="fashion-mnist-cnn",
    label="Fashion-MNIST, convolutional",
    about="60,000 pictures of clothes and a small convolutional network; an epoch is 937 steps.",
    order=80,
    settings=mnist_cnn.SETTINGS,
    suggested_lr=mnist_cnn.SUGGESTED_LR,
    make=partial(mnist_cnn.make, "fashion-mnist"),
    steps=937,
    speed=0.0,
    test_every=50,
    data="fashion-mnist",
    examples=60_000,
)
