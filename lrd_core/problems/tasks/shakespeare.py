"""Shakespeare's plays, character by character, predicted by a small transformer."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

import torch
import torch.nn.functional as F

from lrd_core.data import Text, load_text
from lrd_core.data.batches import epoch_and_rows, order, steps_per_epoch
from lrd_core.problems.models.transformer import Transformer
from lrd_core.problems.surfaces.surface import lr_table
from lrd_core.problems.tasks.exam import Exam
from lrd_core.problems.tasks.samples import Passage
from lrd_core.problems.tasks.task import Batch, Task, TaskInstance
from lrd_core.seeds import generator
from lrd_core.settings import Setting, Value

#: Passages of the fixed batch.
FIXED = 64

SETTINGS = (
    Setting("layers", 4, low=1, high=12, help="Layers of attention.", live=False),
    Setting(
        "width",
        128,
        low=8,
        high=768,
        help="Size of a character's vector; a multiple of 8 · heads.",
        log=True,
        live=False,
    ),
    Setting("heads", 4, low=1, high=16, help="Attention heads in every layer.", live=False),
    Setting(
        "context",
        64,
        low=8,
        high=512,
        help="Characters of a passage: the next is predicted from those before it.",
        log=True,
        live=False,
    ),
    Setting("batch", 16, low=1, high=1024, help="Passages a step.", log=True, live=False),
    Setting(
        "test_characters",
        8192,
        low=512,
        high=111_000,
        label="test characters",
        help="Held-out characters that are predicted, always the first ones.",
        log=True,
        live=False,
    ),
)


class Passages:
    """Passages of a text and what follows each of their characters; satisfies `Batches`.

    Each epoch cuts the text into passages end to end, from a place of its own on, and goes through
    them in a fresh order; both are functions of (seed, epoch).
    """

    def __init__(self, codes: torch.Tensor, seed: int, batch: int, context: int) -> None:
        """`codes`: (characters,), int64."""
        self.key: Hashable = ("shakespeare", seed, batch, context)
        self._codes, self._seed, self._batch, self._context = codes, seed, batch, context
        # One passage less than fit, so that the epoch may begin anywhere in the first.
        self._count = (len(codes) - 1) // context - 1
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)
        self._cut = self._passages(0)
        self.steps_per_epoch = steps_per_epoch(self._count, batch)

    def _passages(self, first: int) -> torch.Tensor:
        """All passages from character `first` on, each with the character after it:
        (count, context + 1), a view."""
        return self._codes[first:].unfold(0, self._context + 1, self._context)

    def batch(self, step: int) -> Batch:
        """Codes (batch, context) and the codes that follow them, of the same shape."""
        epoch, rows = epoch_and_rows(step, self._count, self._batch)
        if epoch != self._epoch:
            self._epoch = epoch
            first = int(generator(self._seed, "first character", epoch).integers(self._context))
            self._cut = self._passages(first)
            self._order = order(self._seed, epoch, self._count, self._codes.device)
        return _shifted(self._cut[self._order[rows]])

    def fixed(self) -> Batch:
        """The first passages of the text."""
        return _shifted(self._passages(0)[:FIXED])


def _shifted(passages: torch.Tensor) -> Batch:
    return passages[:, :-1], passages[:, 1:]


def cross_entropy(logits: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy (nats) of each passage, (batch,): logits (batch, context, vocabulary),
    codes (batch, context) int64."""
    losses = F.cross_entropy(logits.flatten(0, 1), codes.flatten(), reduction="none")
    return losses.view(len(codes), -1).mean(1)


# All runs of a process share one copy on a device.
@lru_cache(maxsize=2)
def _on_device(text: Text, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    return text.train.long().to(device), text.test.long().to(device)


def make(settings: dict[str, Value], seed: int, device: torch.device) -> TaskInstance:
    """A freshly initialised transformer.

    Raises:
        SettingError: missing data, or a width that the heads don't share evenly.
    """
    layers, width, heads = (int(settings[name]) for name in ("layers", "width", "heads"))
    context, batch = int(settings["context"]), int(settings["batch"])
    text = load_text("tinyshakespeare")
    train, test = _on_device(text, device)
    model = Transformer(len(text.vocabulary), context, layers, width, heads, seed, device)
    passages = test.unfold(0, context + 1, context)
    passages = passages[: max(1, int(settings["test_characters"]) // context)]
    return TaskInstance(
        model,
        Passages(train, seed, batch, context),
        key=("shakespeare", layers, width, heads, context, batch),
        test=Exam(*_shifted(passages), at_once=64, criterion=cross_entropy).later,
        criterion=cross_entropy,
        samples=lambda: Passage(passages[0], text.vocabulary),
    )


PROBLEM = Task(
    name="shakespeare",
    label="Shakespeare, transformer",
    about="A small transformer learns to continue Shakespeare's plays, one character at a time; "
    "the loss is in nats a character.",
    order=90,
    settings=SETTINGS,
    suggested_lr=lr_table(
        sgd=0.1, adam=0.002, radam=0.002, rmsprop=0.001, adagrad=0.02, adadelta=1.0
    ),
    make=make,
    steps=1500,
    speed=0.0,
    test_every=50,
    data="tinyshakespeare",
)
