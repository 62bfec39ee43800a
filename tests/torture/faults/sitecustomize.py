"""Faults for every Python process that is started with this folder on its path.

Python imports this file by its name. In the folder that `LRD_FAULTS` names, a file switches each
fault on: ``clock`` holds seconds by which the wall clock is wrong, ``slow`` seconds that a commit
takes longer; while ``full`` is there, the disk is full, while ``full checkpoints`` is, that of the
checkpoints is.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Pages above which a database of SQLite cannot grow; below its present size, its present size.
FULL, ROOMY = 1, 2**30
WRITES = ("INSERT", "UPDATE", "DELETE")
TOO_LARGE = "CREATE TABLE too_large AS SELECT zeroblob(100000000) AS x"


def install(folder: Path) -> None:
    _shift_clock(folder / "clock")
    _fill_disk([folder / "full", folder / "full checkpoints"])
    _fill_and_slow_store(folder / "full", folder / "slow")


def _number(path: Path) -> float:
    try:
        return float(path.read_text() or 0)
    except FileNotFoundError:
        return 0.0


def _shift_clock(path: Path) -> None:
    right: Callable[[], float] = time.time
    time.time = lambda: right() + _number(path)


def _fill_disk(switches: list[Path]) -> None:
    """Files written by Python; SQLite does not come by here."""
    flush = os.fsync

    def fsync(file: int) -> None:
        if any(path.exists() for path in switches):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(file)

    os.fsync = fsync


def _fill_and_slow_store(full: Path, slow: Path) -> None:
    from sqlalchemy import Engine, event

    @event.listens_for(Engine, "begin")
    def begin(connection: Any) -> None:
        # For the whole transaction: else a write in the middle would find the room of its begin.
        connection.info["full"] = full.exists()
        pages = FULL if connection.info["full"] else ROOMY
        connection.connection.dbapi_connection.execute(f"PRAGMA max_page_count={pages}")

    @event.listens_for(Engine, "before_cursor_execute", retval=True)
    def execute(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> Any:
        if connection.info["full"] and statement.split()[0] in WRITES:
            return TOO_LARGE, ()  # what is small might find room on a page that is there
        return statement, parameters

    @event.listens_for(Engine, "commit")
    def commit(_connection: Any) -> None:
        time.sleep(_number(slow))


if "LRD_FAULTS" in os.environ:
    install(Path(os.environ["LRD_FAULTS"]))
