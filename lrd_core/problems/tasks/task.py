"""What tasks share: a model, batches as a function of the step, the loss of one or many copies."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F

from lrd_core.problems.models.model import Model, stacks
from lrd_core.problems.problem import Stack

#: Training examples of the fixed batch that curvature and contours are measured on.
FIXED = 512

Batch = tuple[torch.Tensor, torch.Tensor]
#: Losses of single examples, (batch,), from outputs (batch, …) and targets (batch, …).
Criterion = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Batches(Protocol):
    """The training data as batches; a function of the step alone."""

    #: Equal for copies that see the same data.
    key: Hashable

    def batch(self, step: int) -> Batch:
        """Inputs and targets of `step` (from 1); steps may be asked for in any order."""
        ...

    def fixed(self) -> Batch:
        """The first `FIXED` training examples without augmentation."""
        ...


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy (nats) of each example: logits (batch, classes), labels (batch,) int64."""
    return F.cross_entropy(logits, labels, reduction="none")


class TaskInstance:
    """One run's model on a task's data; satisfies `Instance`.

    Args:
        model: see `Model`; copies whose model has `stacked` train as one.
        batches: training data.
        key: equal for copies with the same architecture, batch size, dtype and device.
        test: what is measured on held-out data, given the model.
        criterion: losses of single examples.
    """

    def __init__(
        self,
        model: Model,
        batches: Batches,
        key: Hashable,
        test: Callable[[Model], dict[str, float]],
        criterion: Criterion = cross_entropy,
    ) -> None:
        self.model = model
        self.parameters, self.names, self.buffers = model.parameters, model.names, model.buffers
        self.batches = batches
        self._test = test
        self._criterion = criterion
        stacked = stacks(model)
        self.stack = None if stacked is None else Stack((key, str(self._device)), self._losses)

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
        keys = {copy.batches.key for copy in copies}
        count = len(copies)
        if len(keys) == 1:
            inputs, target = self.batches.batch(step)
            targets = target.expand(count, *target.shape)
        else:
            found = [copy.batches.batch(step) for copy in copies]
            inputs = torch.stack([x for x, _ in found])
            targets = torch.stack([y for _, y in found])
        outputs = stacks(self.model)(parameters, inputs)
        losses = self._criterion(outputs.flatten(0, 1), targets.flatten(0, 1))
        return losses.view(count, -1).mean(1)

    def fixed_loss(self) -> torch.Tensor:
        """Mean loss on `Batches.fixed`, as when testing."""
        inputs, targets = self.batches.fixed()
        return self._criterion(self.model(inputs, train=False), targets).mean()

    def test(self) -> dict[str, float]:
        """Columns measured on held-out data."""
        with torch.no_grad():
            return self._test(self.model)


def classified(inputs: torch.Tensor, labels: torch.Tensor) -> Callable[[Model], dict[str, float]]:
    """``test_loss`` (mean cross-entropy, nats) and ``test_accuracy`` (0 to 1) on held-out data.

    Args:
        inputs: (examples, …).
        labels: (examples,), int64.
    """

    def test(model: Model) -> dict[str, float]:
        logits = model(inputs, train=False)
        loss = F.cross_entropy(logits, labels)
        accuracy = (logits.argmax(1) == labels).float().mean()
        return {"test_loss": loss.item(), "test_accuracy": accuracy.item()}

    return test
