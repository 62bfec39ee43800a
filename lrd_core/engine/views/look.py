"""A view that is made while somebody looks at it, between steps."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from lrd_core.engine.controls import Sink
from lrd_core.engine.trainer import Trainer

#: Part of the time that making it may take.
SHARE = 0.1

#: Run and setting that a look was asked for with.
About = tuple[str | None, str | None]


class Look:
    """One view that somebody looks at; this one sees steps and sends nothing.

    Attributes:
        about: what it was asked for with.
    """

    about: About = None, None

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def passes(self) -> bool:
        """Whether it need not see the next step, which follows now."""
        return False

    def before(self, trainers: Sequence[Trainer], step: int) -> None:
        """These are about to make a step; the newest step of the experiment is `step`."""
        return

    def after(self, trainers: Sequence[Trainer]) -> None:
        """These have made a step."""
        return

    def due(self) -> bool:
        """Whether it is to be made in turns, by `work`."""
        return False

    def hasten(self) -> None:
        """What is shown must not be an earlier state."""
        return

    def work(self) -> Iterator[None]:
        """Make it, a turn at a time, and send it."""
        yield from ()


class Timed(Look):
    """Is made anew every `interval` seconds, less often where making takes long.

    Attributes:
        name: of the view.
        follows: it has to see every step.
    """

    name: str
    interval: float
    follows = False

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink)
        self._next = 0.0
        self._again = False

    def passes(self) -> bool:
        """Whether it need not see the next step, and is not due."""
        return not (self.follows or self.due())

    def due(self) -> bool:
        """Whether it is to be made."""
        return time.monotonic() >= self._next

    def hasten(self) -> None:
        """Training has stopped, or somebody asks again: it is due."""
        self._next, self._again = 0.0, True

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
