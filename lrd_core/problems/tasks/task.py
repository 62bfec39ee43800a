"""What tasks share: a model, batches as a function of the step, the loss of one or many copies."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as F

from lrd_core.problems.models.model import Model, stacks
from lrd_core.problems.problem import CPU, Stack
from lrd_core.problems.tasks.samples import MakeSamples
from lrd_core.problems.tasks.stacked import LARGEST, BoundStack, Run, SideBySide, by_hand
from lrd_core.settings import Setting, Value, check_settings

#: Training examples of the fixed batch that curvature and contours are measured on.
FIXED = 512

Batch = tuple[torch.Tensor, torch.Tensor]
#: Losses of single examples, (batch,), from outputs (batch, …) and targets (batch, …).
Criterion = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
#: Measures a model on held-out data; what it gives reads the columns.
Test = Callable[[Model], Callable[[], dict[str, float]]]


class Batches(Protocol):
    """The training data as batches; a function of the step alone."""

    #: Equal for copies that see the same data.
    key: Hashable
    #: Steps that go through the data once.
    steps_per_epoch: int

    def batch(self, step: int) -> Batch:
        """Inputs and targets of `step` (from 1); steps may be asked for in any order."""
        ...

    def fixed(self) -> Batch:
        """The first training examples without augmentation: `FIXED`, or fewer for large models."""
        ...


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy (nats) of each example: logits (batch, classes), labels (batch,) int64."""
    return F.cross_entropy(logits, labels, reduction="none")


class TaskInstance:
    """One run's model on a task's data; satisfies `Instance`.

    Args:
        model: see `Model`; copies whose model has `stacked` train as one, unless it is large; one
            with `gradients` gives those of the cross-entropy without autograd.
        batches: training data.
        key: equal for copies with the same architecture, batch size, dtype and device.
        test: measures a model on held-out data; gives what reads the columns.
        criterion: losses of single examples.
        samples: makes held-out examples to look at; None where there is nothing to be seen.

    Attributes:
        steps_per_epoch: see `Instance`.
        unstacked: why `stack` is None, in words; empty if it is not.
    """

    def __init__(
        self,
        model: Model,
        batches: Batches,
        key: Hashable,
        test: Test,
        criterion: Criterion = cross_entropy,
        samples: MakeSamples | None = None,
    ) -> None:
        self.model = model
        self.samples = samples
        self.parameters, self.names, self.buffers = model.parameters, model.names, model.buffers
        self.batches = batches
        self.steps_per_epoch = batches.steps_per_epoch
        self._test = test
        self._criterion = criterion
        self.unstacked = self._unstacked()
        self.stack = self._stack((key, str(self._device)))

    def _unstacked(self) -> str:
        if stacks(self.model) is None:
            return str(getattr(self.model, "unstacked", "this model is not stacked"))
        if sum(p.numel() for p in self.parameters) > LARGEST:
            return f"a model of more than {LARGEST:,} coordinates fills the processor alone"
        _, targets = self.batches.batch(1)
        if not self.model.aligned(len(targets)):  # type: ignore[attr-defined]
            return "sizes that are no multiples of 4 make other sums side by side than alone"
        return ""

    def _stack(self, key: Hashable) -> Stack | None:
        if self.unstacked:
            return None
        self._gradients: Any = getattr(self.model, "gradients", None)
        if self._gradients is not None and self._criterion is cross_entropy:
            return BoundStack(key, self._losses, self._bind)
        return Stack(key, self._losses)

    @property
    def _device(self) -> torch.device:
        return self.parameters[0].device

    def loss(self, step: int) -> torch.Tensor:
        """Mean loss of the batch of `step`, scalar with a graph."""
        if self.stack is not None:
            return self._losses([p.unsqueeze(0) for p in self.parameters], [self], step)[0]
        inputs, targets = self.batches.batch(step)
        return self._criterion(self.model(inputs), targets).mean()

    def _losses(
        self, parameters: Sequence[torch.Tensor], copies: Sequence[Any], step: int
    ) -> torch.Tensor:
        if isinstance(self.stack, BoundStack):
            gradients = [torch.empty_like(p) for p in parameters]
            run = self._bind(parameters, gradients, copies)
            return by_hand(run, step, gradients, parameters)
        batches = SideBySide([copy.batches for copy in copies])
        inputs, targets = batches.batch(step)
        if batches.shared:
            targets = targets.expand(len(copies), *targets.shape)
        outputs = stacks(self.model)(parameters, inputs)
        losses = self._criterion(outputs.flatten(0, 1), targets.flatten(0, 1))
        return losses.view(len(copies), -1).mean(1)

    def _bind(
        self,
        parameters: Sequence[torch.Tensor],
        gradients: Sequence[torch.Tensor],
        copies: Sequence[Any],
    ) -> Run:
        batches = SideBySide([copy.batches for copy in copies])
        made: dict[int, Any] = {}

        def run(step: int) -> torch.Tensor:
            inputs, targets = batches.batch(step)
            size = targets.shape[-1]
            if size not in made:
                made[size] = self._gradients(parameters, gradients, size)
            losses: torch.Tensor = made[size](inputs, targets)
            return losses

        return run

    def fixed_loss(self) -> torch.Tensor:
        """Mean loss on `Batches.fixed`, as when testing."""
        inputs, targets = self.batches.fixed()
        return self._criterion(self.model(inputs, train=False), targets).mean()

    def test(self) -> dict[str, float]:
        """Columns measured on held-out data."""
        return self.examine()()

    def examine(self) -> Callable[[], dict[str, float]]:
        """`test` of the parameters as they are now, read from their device later."""
        with torch.no_grad():
            return self._test(self.model)


@dataclass(frozen=True)
class Task:
    """A data set, a model and a loss; satisfies `Problem`.

    Attributes:
        name, label, about, order, suggested_lr, suggested_settings, suggested_schedule, steps,
            speed, test_every, data, examples: see `Problem`.
        settings: checked before they reach `make`.
        make: an instance at its start from (settings, seed, device).
    """

    name: str
    label: str
    about: str
    order: int
    settings: tuple[Setting, ...]
    suggested_lr: Mapping[str, float]
    make: Callable[[dict[str, Value], int, torch.device], TaskInstance]
    steps: int = 900
    speed: float = 60.0
    test_every: int = 25
    data: str = ""
    examples: int = 0
    suggested_settings: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    suggested_schedule: Mapping[str, object] = field(default_factory=dict)
    kind: Literal["task"] = "task"

    def build(
        self, settings: Mapping[str, Value], seed: int, device: torch.device = CPU
    ) -> TaskInstance:
        """An instance at its start.

        Raises:
            SettingError: an unknown setting, one out of range or that contradicts another or the
                data, or data that are missing.
        """
        return self.make(check_settings(self.settings, settings), seed, device)
