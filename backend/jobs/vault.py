"""Checkpoints of a worker: which there are is told, and a disk without room pauses training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from backend.jobs.unstored import no_room
from lrd_core.engine.checkpoint import Checkpoint, Vault
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.trainer import Snapshot


class WatchedVault(Vault):
    """A vault that calls `full`, with the reason, when the disk has no room for a checkpoint, and
    `kept` with a run and its checkpoints whenever these have changed."""

    def __init__(
        self,
        folder: Path,
        experiment: ExperimentSpec,
        full: Callable[[str], None],
        kept: Callable[[str, list[Checkpoint]], None],
    ) -> None:
        super().__init__(folder, experiment)
        self._full = full
        self._kept = kept
        self._tell(self.runs())

    def save(self, snapshot: Snapshot, pinned: bool = False) -> set[str]:
        try:
            changed = super().save(snapshot, pinned)
        except OSError as error:
            if no_room(error):
                self._full(f"no checkpoint at step {snapshot.step}: {error.strerror}")
            raise
        self._tell(changed)
        return changed

    def forget(self, run: str, after: int) -> None:
        super().forget(run, after)
        self._tell([run])

    def _tell(self, runs: Iterable[str]) -> None:
        for run in runs:
            self._kept(run, self.list(run))
