"""What somebody looks at, made in turns beside training; a look that fails costs only itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lrd_core.engine.controls import Sink
from lrd_core.engine.trainer import Trainer
from lrd_core.engine.views.look import About, Look
from lrd_core.settings import SettingError

log = logging.getLogger(__name__)


def given_up(sink: Sink, view: str, run: str | None, error: Exception) -> None:
    """Tell who looks that a view is not made, out of memory say: ``{"error", "run"}``."""
    log.warning("the view %s is given up: %s", view, error)
    sink.view(view, {"error": f"{type(error).__name__}: {error}", "run": run})


class Looks:
    """At most one look a view. One that fails is `given_up`, and gone until it is asked for."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._looks: dict[str, Look] = {}
        #: The view that is being made, and its work.
        self._making: tuple[str, Iterator[None]] | None = None

    @property
    def busy(self) -> bool:
        """Whether one is being made."""
        return self._making is not None

    def passes(self) -> bool:
        """Whether nothing is looked at around the next step, which follows now."""
        return all(look.passes() for look in self._looks.values())

    def before(self, trainers: Sequence[Trainer], step: int) -> None:
        """These are about to make a step; the newest step of the experiment is `step`."""
        for view, look in list(self._looks.items()):
            with self._guarded(view):
                look.before(trainers, step)

    def after(self, trainers: Sequence[Trainer]) -> None:
        """These have made a step."""
        for view, look in list(self._looks.items()):
            with self._guarded(view):
                look.after(trainers)

    def hasten(self) -> None:
        """Training stands still: what is shown must not be an earlier state."""
        for look in self._looks.values():
            look.hasten()

    def begin(self) -> None:
        """Begin to make what is due, one after the other."""
        if self._making is None and self._looks:
            due = next((view for view, look in self._looks.items() if look.due()), None)
            self._making = None if due is None else (due, self._looks[due].work())

    def go_on(self) -> None:
        """One turn of what is being made."""
        if self._making is None:
            return
        view, work = self._making
        with self._guarded(view):
            if next(work, self) is self:
                self._making = None
        self.begin()

    def ask(self, view: str, about: About, make: Callable[[], Look]) -> None:
        """Somebody looks; what is there already is made anew at once.

        Raises:
            SettingError: of `make`; nothing has changed.
        """
        known = self._looks.get(view)
        if known is not None and known.about == about:
            known.hasten()
        else:
            try:
                look = make()
            except SettingError:
                raise
            except Exception as error:
                self.drop(view)
                given_up(self._sink, view, about[0], error)
                return
            self.drop(view)
            look.about = about
            self._looks[view] = look
        self.begin()

    def drop(self, view: str) -> None:
        """Nobody looks any more."""
        self._looks.pop(view, None)
        if self._making is not None and self._making[0] == view:
            self._making = None

    @contextmanager
    def _guarded(self, view: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            run = self._looks[view].about[0]
            self.drop(view)
            given_up(self._sink, view, run, error)
