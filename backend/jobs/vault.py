"""Checkpoints of a worker: a disk without room for them is told, and training pauses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backend.jobs.unstored import no_room
from lrd_core.engine.checkpoint import Vault
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.trainer import Snapshot


class WatchedVault(Vault):
    """A vault that calls `full`, with the reason, when the disk has no room for a checkpoint."""

    def __init__(self, folder: Path, experiment: ExperimentSpec, full: Callable[[str], None]):
        super().__init__(folder, experiment)
        self._full = full

    def save(self, snapshot: Snapshot, pinned: bool = False) -> None:
        try:
            super().save(snapshot, pinned)
        except OSError as error:
            if no_room(error):
                self._full(f"no checkpoint at step {snapshot.step}: {error.strerror}")
            raise
