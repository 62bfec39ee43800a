"""Checkpoints: a run's snapshots as files, one a step, written whole or not at all."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from lrd_core.engine.experiment import ExperimentSpec, RunSpec
from lrd_core.engine.member import PARAMETER
from lrd_core.engine.thinning import MOST, Kept, surplus
from lrd_core.engine.trainer import Snapshot

log = logging.getLogger(__name__)

FORMAT = 1
SUFFIX = ".safetensors"
#: Between step and suffix in the name of a file that is there because something was changed.
PINNED = ".pinned"
#: End of the name of a file that is being written, after the number of the process.
PART = ".part"
#: Bytes of checkpoints that one experiment keeps.
BUDGET = 2 * 1024**3

#: Files that this process is writing.
_under_way: set[Path] = set()


@dataclass(frozen=True)
class Checkpoint:
    """A file: the state after `step` steps; `pinned` ones were made just before a change."""

    path: Path
    step: int
    pinned: bool
    size: int


class Vault:
    """The checkpoints of one experiment, ``FOLDER/RUN/STEP[.pinned].safetensors``.

    Tensors are in the file's body, everything else as JSON in its header's metadata. What was
    written for another experiment (problem, settings, seed) or is broken is not read.

    Args:
        folder: made when the first checkpoint is written; of one experiment, and at any time of
            one process, so that what another one left half written is deleted.
        experiment: whose.
        budget: bytes; above it the least useful checkpoints are deleted, see `thinning`.
        most: checkpoints of one run; above it likewise.
    """

    def __init__(
        self, folder: Path, experiment: ExperimentSpec, budget: int = BUDGET, most: int = MOST
    ) -> None:
        self._folder = folder
        self._experiment = _fingerprint(experiment)
        self._budget = budget
        self._most = most
        _sweep(folder)

    def runs(self) -> Sequence[str]:
        """Those that have a folder here."""
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if path.is_dir())

    def list(self, run: str) -> list[Checkpoint]:
        """All of a run, by step."""
        folder = self._folder / run
        if not folder.is_dir():
            return []
        found = [_parsed(path) for path in folder.iterdir()]
        return sorted((c for c in found if c is not None), key=lambda c: c.step)

    def save(self, snapshot: Snapshot, pinned: bool = False) -> set[str]:
        """Write a snapshot; one that is there already stays, since it is from before any change.
        Gives the runs whose checkpoints are others now.

        Raises:
            OSError: it could not be written; nothing is left of it.
        """
        plain, kept = (self._path(snapshot.run, snapshot.step, p) for p in (False, True))
        if kept.exists():
            return set()
        if plain.exists():
            if not pinned:
                return set()
            plain.rename(kept)
            return {snapshot.run}
        path = kept if pinned else plain
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {
            "format": FORMAT,
            "experiment": self._experiment,
            "run": snapshot.run,
            "step": snapshot.step,
            "spec": asdict(snapshot.spec),
            "numbers": snapshot.numbers,
            "torch": torch.__version__,
        }
        data = safetensors.torch.save(snapshot.tensors, {"lrd": json.dumps(about)})
        _write(path, data)
        return {snapshot.run, *self._thin()}

    def forget(self, run: str, after: int) -> None:
        """Delete a run's checkpoints of later steps than `after`."""
        for checkpoint in self.list(run):
            if checkpoint.step > after:
                checkpoint.path.unlink(missing_ok=True)

    def newest(self, run: str, step: int, first: int = 0) -> Snapshot | None:
        """The newest readable snapshot of `run` with `first` to `step` steps."""
        for checkpoint in reversed(self.list(run)):
            if first <= checkpoint.step <= step:
                snapshot = self._read(checkpoint)
                if snapshot is not None:
                    return snapshot
        return None

    def parameters(self, checkpoint: Checkpoint) -> Sequence[torch.Tensor] | None:
        """Those of the run's first copy, on the CPU; None if the file is not readable."""
        found = self._file(checkpoint, f"0.{PARAMETER}.")
        if found is None:
            return None
        return [found[1][f"0.{PARAMETER}.{i}"] for i in range(len(found[1]))]

    def _read(self, checkpoint: Checkpoint) -> Snapshot | None:
        found = self._file(checkpoint)
        if found is None:
            return None
        about, tensors = found
        try:
            spec = RunSpec(**about["spec"])
            return Snapshot(about["run"], about["step"], spec, tensors, about["numbers"])
        except (KeyError, TypeError) as error:
            log.warning("checkpoint %s is left out: %s", checkpoint.path, error)
            return None

    def _file(
        self, checkpoint: Checkpoint, prefix: str = ""
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """What is in a file: the header's part, and the tensors whose names begin so."""
        try:
            with safetensors.safe_open(checkpoint.path, framework="pt") as file:
                about = json.loads((file.metadata() or {})["lrd"])
                if about["format"] != FORMAT or about["experiment"] != self._experiment:
                    raise ValueError("it is of another experiment, or of another version")
                names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
                return about, {name: file.get_tensor(name) for name in names}
        except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
            log.warning("checkpoint %s is left out: %s", checkpoint.path, error)
            return None

    def _path(self, run: str, step: int, pinned: bool) -> Path:
        return self._folder / run / f"{step:012d}{PINNED if pinned else ''}{SUFFIX}"

    def _thin(self) -> set[str]:
        """Delete what is too much; gives the runs that lost some."""
        files = [checkpoint for run in self.runs() for checkpoint in self.list(run)]
        kept = [Kept(c.path.parent.name, c.step, c.size, c.pinned) for c in files]
        gone = surplus(kept, self._budget, self._most)
        for index in gone:
            with suppress(FileNotFoundError):
                files[index].path.unlink()
        return {kept[index].run for index in gone}


def _fingerprint(experiment: ExperimentSpec) -> dict[str, Any]:
    return {
        "problem": experiment.problem,
        "settings": dict(experiment.settings),
        "seed": experiment.seed,
        "seeds": experiment.seeds,
        "shared_masks": experiment.shared_masks,
    }


def _parsed(path: Path) -> Checkpoint | None:
    name = path.name
    if not name.endswith(SUFFIX):
        return None
    stem = name.removesuffix(SUFFIX)
    pinned = stem.endswith(PINNED)
    number = stem.removesuffix(PINNED)
    if not number.isdigit():
        return None
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return None
    return Checkpoint(path, int(number), pinned, size)


def _write(path: Path, data: bytes) -> None:
    """The file with all of `data`, or no file: a crash leaves a name that nobody reads."""
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    _under_way.add(part)
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    finally:
        _under_way.discard(part)


def _sweep(folder: Path) -> None:
    """Delete what a process that was killed left half written."""
    for part in folder.glob(f"*/*{SUFFIX}.*{PART}"):
        if part not in _under_way:
            with suppress(OSError):
                part.unlink()


def steps_of(folder: Path) -> Mapping[str, list[int]]:
    """Steps of all checkpoints in an experiment's folder, by run."""
    if not folder.is_dir():
        return {}
    found: dict[str, list[int]] = {}
    for run in sorted(path for path in folder.iterdir() if path.is_dir()):
        checkpoints = [_parsed(path) for path in run.iterdir()]
        found[run.name] = sorted(c.step for c in checkpoints if c is not None)
    return found
