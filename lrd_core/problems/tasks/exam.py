"""What a classifier knows of held-out examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch

from lrd_core.problems.models.mlp import Mlp
from lrd_core.problems.models.mlp_exam import MlpExam
from lrd_core.problems.models.model import Model
from lrd_core.problems.tasks.task import Criterion, cross_entropy

#: Products (examples × coordinates) above which torch, with all its threads, is faster.
LARGEST = 1 << 25

_COLUMNS = "test_loss", "test_accuracy"

Row = dict[str, float]


class Exam:
    """``test_loss`` (mean cross-entropy, nats) and ``test_accuracy`` (0 to 1) of held-out data.

    Args:
        inputs: (examples, …).
        labels: (examples, …), int64.
        prepare: makes the model's inputs of some of `inputs`.
        at_once: examples in memory at once.
        criterion: losses of single examples.
    """

    def __init__(
        self,
        inputs: torch.Tensor,
        labels: torch.Tensor,
        prepare: Callable[[torch.Tensor], torch.Tensor] | None = None,
        at_once: int = 10_000,
        criterion: Criterion = cross_entropy,
    ) -> None:
        self._inputs, self._labels = inputs, labels
        self._prepare, self._at_once, self._criterion = prepare, at_once, criterion
        #: The model that was looked at last, and its compiled code.
        self._known: tuple[Model, MlpExam | None] | None = None

    def later(self, model: Model) -> Callable[[], Row]:
        """The columns of the model as it is now, read from its device when they are asked for."""
        if self._known is None or self._known[0] is not model:
            self._known = model, self._compiled(model)
        compiled = self._known[1]
        if compiled is not None:
            found = dict(zip(_COLUMNS, compiled(model.parameters), strict=True))
            return lambda: found
        means = self._means(model)

        return lambda: dict(zip(_COLUMNS, means.tolist(), strict=True))

    def _means(self, model: Model) -> torch.Tensor:
        labels = self._labels
        loss = right = torch.zeros((), device=labels.device)
        for first in range(0, len(labels), self._at_once):
            some, truth = (part[first : first + self._at_once] for part in (self._inputs, labels))
            logits = model(some if self._prepare is None else self._prepare(some), train=False)
            loss = loss + self._criterion(logits, truth).sum()
            right = right + (logits.argmax(-1) == truth).sum()
        return torch.stack([loss / len(labels), right / labels.numel()])

    def _compiled(self, model: Model) -> MlpExam | None:
        first = model.parameters[0]
        if not isinstance(model, Mlp) or first.device.type != "cpu" or self._prepare is not None:
            return None
        if len(self._labels) * sum(p.numel() for p in model.parameters) > LARGEST:
            return None
        sizes = (first.shape[1], *[bias.shape[0] for bias in model.parameters[1::2]])
        return _exam(sizes, self._inputs, self._labels)


@lru_cache(maxsize=32)
def _exam(sizes: tuple[int, ...], inputs: torch.Tensor, labels: torch.Tensor) -> MlpExam | None:
    try:
        return MlpExam(sizes, inputs, labels)
    except ValueError:
        return None
