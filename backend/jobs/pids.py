"""The workers of a node on disk, so that the node's next life knows those that outlived it."""

from __future__ import annotations

from pathlib import Path

import psutil

from backend.jobs.nursery import TITLE


class Pids:
    """One file a worker in `folder`, named after it, with its process's number and start time: a
    number alone may be another process's by now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, worker: str, pid: int) -> None:
        """Note a worker that runs; nothing if it has ended already."""
        try:
            began = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return
        path = self._folder / worker
        fresh = path.with_suffix(".new")
        fresh.write_text(f"{pid} {began!r}", encoding="ascii")
        fresh.replace(path)

    def remove(self, worker: str) -> None:
        """Forget a worker that has ended."""
        (self._folder / worker).unlink(missing_ok=True)

    def running(self) -> dict[str, int]:
        """The workers that run still, by name; the others are forgotten."""
        found = {}
        for path in self._folder.iterdir():
            pid = _running(path)
            if pid is None:
                path.unlink(missing_ok=True)
            else:
                found[path.name] = pid
        return found


def _running(path: Path) -> int | None:
    try:
        pid, began = path.read_text(encoding="ascii").split()
        process = psutil.Process(int(pid))
        same = process.create_time() == float(began) and process.name() == TITLE
        return process.pid if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (ValueError, OSError, psutil.Error):  # half written, or gone
        return None
