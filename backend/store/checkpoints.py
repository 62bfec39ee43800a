"""Checkpoint files beside the store: which are damaged, half written, or nobody's."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import safetensors

from lrd_core.engine.checkpoint import PART, SUFFIX

#: Seconds after which a file that is half written is not being written any more.
OLD = 3600.0


@dataclass(frozen=True)
class Rubbish:
    """A file or folder to delete, with its bytes and why."""

    path: Path
    size: int
    why: str


def files(folder: Path) -> Iterator[Path]:
    """All checkpoints of all experiments."""
    yield from sorted(folder.glob(f"*/*/*{SUFFIX}"))


def broken(path: Path) -> str:
    """What is wrong with a checkpoint file; empty if nothing is, or if it is gone by now."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            if "lrd" not in (file.metadata() or {}):
                return f"checkpoint {path}: it says nothing about its run"
    except FileNotFoundError:
        return ""
    except (OSError, safetensors.SafetensorError) as error:
        return f"checkpoint {path}: {error}"
    return ""


def rubbish(folder: Path, experiments: Collection[str]) -> list[Rubbish]:
    """What can be deleted in the folder of all checkpoints."""
    found = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if place.is_dir() and place.name not in experiments:
            found.append(Rubbish(place, _size(place), "of no experiment in the store"))
            continue
        for part in sorted(place.glob(f"*/*{PART}")):
            status = part.stat()
            if time.time() - status.st_mtime > OLD:
                found.append(Rubbish(part, status.st_size, "half written"))
    return found


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def delete(one: Rubbish) -> None:
    """Delete a file or a folder with all that is in it."""
    if one.path.is_dir() and not one.path.is_symlink():
        shutil.rmtree(one.path)
    else:
        one.path.unlink(missing_ok=True)
