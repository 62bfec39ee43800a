"""What a problem is: something with parameters, a loss and gradients. A surface or a task."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch

from lrd_core.settings import Setting, Value

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Stack:
    """How copies of a problem compute as one batched model.

    Attributes:
        key: copies with equal keys have the same architecture, batch size, dtype and device.
        losses: ``losses(parameters, copies, step)`` gives the training losses of `step`, shape
            (copies,), with a graph; ``parameters[i]`` is tensor i of all copies, shape
            (copies, *shape). A copy's loss and gradient have the same bits whatever the number of
            copies, and are those of its own `Instance.loss`.
    """

    key: Hashable
    losses: Callable[[Sequence[torch.Tensor], Sequence[Any], int], torch.Tensor]


class Instance(Protocol):
    """One run's copy of a problem: its own parameters, and the loss that every copy shares.

    Attributes:
        parameters, names: what is trained.
        buffers: what training changes beside them, by name, e.g. running means; empty for most.
        stack: how it trains together with other copies; None where it cannot.
        steps_per_epoch: steps that go through the training data once; 0 where there are none.
    """

    parameters: list[torch.nn.Parameter]
    names: list[str]
    buffers: dict[str, torch.Tensor]

    @property
    def steps_per_epoch(self) -> int: ...

    @property
    def stack(self) -> Stack | None: ...

    def loss(self, step: int) -> torch.Tensor:
        """Training loss for `step` (from 1), scalar with a graph: the batch of a task is a function
        of (seed, epoch, position) alone, so that two runs see the same data."""
        ...

    def fixed_loss(self) -> torch.Tensor:
        """Loss on a fixed batch (a task's first 512 training examples, without augmentation, as
        when testing; a surface's value), scalar with a graph: for curvature and contours."""
        ...

    def test(self) -> dict[str, float]:
        """Columns measured on held-out data, e.g. ``test_loss`` and ``test_accuracy`` (0 to 1);
        empty for surfaces."""
        ...

    def examine(self) -> Callable[[], dict[str, float]]:
        """`test` of the parameters as they are now: the caller may go on training and ask for the
        result later."""
        ...


class Problem(Protocol):
    """A catalogue entry; `build` makes an instance. All attributes may be read-only."""

    @property
    def name(self) -> str:
        """Key in the catalogue, e.g. ``"beale"``."""
        ...

    @property
    def label(self) -> str:
        """Words shown to a person."""
        ...

    @property
    def kind(self) -> Literal["surface", "task"]: ...

    @property
    def about(self) -> str:
        """One sentence: what there is to see."""
        ...

    @property
    def order(self) -> int:
        """Place in the menu among its kind, small first; ties go by name."""
        ...

    @property
    def settings(self) -> tuple[Setting, ...]: ...

    @property
    def suggested_lr(self) -> Mapping[str, float]:
        """Learning rate that suits each rule here, by rule name; the menu's first proposal."""
        ...

    @property
    def suggested_settings(self) -> Mapping[str, Mapping[str, Value]]:
        """Other settings that suit a rule here, by rule name, e.g. weight decay; the menu's first
        proposal. A rule that is not named, and a setting that is not, has its own default."""
        ...

    @property
    def suggested_schedule(self) -> Mapping[str, object]:
        """Learning-rate schedule of the default comparison, as the parts ``schedule`` and
        ``schedule_settings`` of a run; empty for a constant learning rate."""
        ...

    @property
    def steps(self) -> int:
        """Steps of the default comparison."""
        ...

    @property
    def speed(self) -> float:
        """Steps/s of the default comparison; 0 is as fast as possible."""
        ...

    @property
    def test_every(self) -> int:
        """Steps between two measurements on held-out data, unless a person chooses."""
        ...

    @property
    def data(self) -> str:
        """Name of the data set that must be there (`lrd_core.data`); empty if none is needed."""
        ...

    @property
    def examples(self) -> int:
        """Training examples that the batches of an epoch are taken from, 1 where every step sees
        all of them; 0 where their number follows from the settings, or there are none."""
        ...

    def build(
        self, settings: Mapping[str, Value], seed: int, device: torch.device = CPU
    ) -> Instance:
        """A fresh instance at the start that (settings, seed) fixes; same arguments, same bits.

        Raises:
            SettingError: settings that contradict each other or the data, or data that are missing.
        """
        ...


@dataclass(frozen=True)
class Point:
    """A marked point of a surface."""

    x: float
    y: float
    kind: Literal["minimum", "local minimum", "saddle"]


@dataclass(frozen=True)
class View:
    """The part of the plane that is worth drawing, and the points to mark in it.

    Attributes:
        x, y: ends of the drawn ranges, low first.
        log: bands of loss look best spaced by the logarithm of loss − minimum.
        points: every minimum and saddle inside the ranges; maxima aren't marked.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = True
    points: tuple[Point, ...] = field(default=())
