"""When a run's state is written: at an interval that costs little, and before changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from lrd_core.engine.checkpoint import Vault
from lrd_core.engine.trainer import Trainer

log = logging.getLogger(__name__)

#: Seconds of training between two checkpoints of a run, at least.
INTERVAL_S = 2.0
#: Part of the time that checkpoints may take.
SHARE = 0.02


class Keeper:
    """Writes checkpoints of an experiment's runs; without a vault, none.

    A checkpoint that cannot be written is told in the log: training goes on, and a replay from an
    earlier one gives the same state.
    """

    def __init__(self, vault: Vault | None, interval: float = INTERVAL_S) -> None:
        self._vault = vault
        self._interval = interval
        self._due: dict[str, float] = {}
        self._kept: dict[str, float] = {}
        self._cost = 0.0

    def stepped(self, trainer: Trainer) -> None:
        """A run has made a step."""
        if self._vault is None:
            return
        now = time.monotonic()
        due = self._due.setdefault(trainer.identity.id, now + self._interval)
        if now >= due:
            self.keep([trainer])

    def keep(self, trainers: Iterable[Trainer], pinned: bool = False) -> None:
        """Write the state of these now; `pinned` before a change.

        Changes that follow each other within ten times what writing takes share a checkpoint: the
        states between are made again from it.
        """
        if self._vault is None:
            return
        for trainer in trainers:
            if trainer.replays or (trainer.step == 0 and not trainer.spec.parent):
                continue
            began = time.monotonic()
            if pinned and began < self._kept.get(trainer.identity.id, 0.0) + 10 * self._cost:
                continue
            try:
                self._vault.save(trainer.capture(), pinned)
            except OSError as error:
                log.warning("no checkpoint at step %s: %s", trainer.step, error)
            ended = time.monotonic()
            self._cost = max(ended - began, 0.8 * self._cost)
            pause = max(self._interval, self._cost * max(1, len(self._due)) / SHARE)
            self._kept[trainer.identity.id] = ended
            self._due[trainer.identity.id] = ended + pause
