"""Digits with many wrong labels and a network wide enough to learn them by heart."""

from __future__ import annotations

from lrd_core.problems.tasks import digits
from lrd_core.problems.tasks.task import Task

PROBLEM = Task(
    name="noisy-digits",
    label="Digits, noisy labels",
    about="40 % of the training labels are wrong: the loss on held-out digits falls, then rises.",
    order=20,
    settings=digits.digits_settings(width=256, label_noise=0.4),
    suggested_lr=digits.SUGGESTED_LR,
    make=digits.make,
    steps=3000,
    examples=digits.TRAIN,
)
