"""A picture that is made at intervals while somebody looks at it, between steps."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from lrd_core.engine.controls import Sink
from lrd_core.engine.trainer import Trainer

#: Part of the time that making it may take.
SHARE = 0.1


class Look(ABC):
    """One view that is made anew every `interval` seconds, less often where making takes long.

    Attributes:
        name: of the view.
        follows: it has to see every step.
        about: run and setting that it was asked for with.
    """

    name: str
    interval: float
    follows = False
    about: tuple[str | None, str | None] = None, None

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._next = 0.0
        self._again = False

    def due(self) -> bool:
        """Whether it is to be made."""
        return time.monotonic() >= self._next

    def hasten(self) -> None:
        """Training has stopped: what is shown must not be an earlier state."""
        self._next, self._again = 0.0, True

    def before(self, trainers: Sequence[Trainer]) -> None:
        """These are about to make a step."""
        return

    def after(self, trainers: Sequence[Trainer]) -> None:
        """These have made a step."""
        return

    def work(self) -> Iterator[None]:
        """Make it, a turn at a time, and send it."""
        self._again = False
        spent, content = 0.0, self.turns()
        while True:
            began = time.monotonic()
            try:
                next(content)
            except StopIteration as end:
                spent += time.monotonic() - began
                pause = max(self.interval, spent * (1 / SHARE - 1))
                self._next = 0.0 if self._again else time.monotonic() + pause
                self._sink.view(self.name, end.value)
                return
            spent += time.monotonic() - began
            yield

    @abstractmethod
    def turns(self) -> Iterator[None]:
        """Does the work; a generator that returns the view's content."""


def number(value: float) -> float | None:
    """As JSON has it: what is not finite is None."""
    return value if math.isfinite(value) else None


def numbers(values: Sequence[float]) -> list[Any]:
    """The same for many."""
    return [number(value) for value in values]
