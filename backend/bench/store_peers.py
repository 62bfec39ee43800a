"""The same values kept in other ways: a row each in SQLite, TensorBoard's event files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: One column: what it is called, steps and values.
Named = tuple[str, NDArray[np.int64], NDArray[Any]]
#: Values of one transaction, or between two flushes.
BATCH = 10_000


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Rows:
    """A table of (series, step, value), the primary key being (series, step), in WAL mode."""

    name = "plain rows in SQLite (series, step, value), WITHOUT ROWID, a transaction per 10,000"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.path = folder / "rows.sqlite3"
        with closing(self._open()) as database:
            database.execute(
                "CREATE TABLE rows (series INTEGER, step INTEGER, value REAL,"
                " PRIMARY KEY (series, step)) WITHOUT ROWID"
            )

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        return database

    def write(self, columns: Iterable[Named]) -> None:
        with closing(self._open()) as database:
            for number, (_, steps, values) in enumerate(columns):
                for start in range(0, len(steps), BATCH):
                    part = slice(start, start + BATCH)
                    rows = zip(steps[part].tolist(), values[part].tolist(), strict=True)
                    with database:
                        database.executemany(
                            f"INSERT INTO rows VALUES ({number}, ?, ?)",  # noqa: S608
                            rows,
                        )

    def buckets(self, first: int, last: int, width: int) -> list[tuple[Any, ...]]:
        """Smallest and largest value of `width` buckets of series 0, computed in SQLite."""
        size = max(1, -(-(last - first + 1) // width))
        with closing(self._open()) as database:
            return database.execute(
                "SELECT step / ?, min(value), max(value), max(step) FROM rows"
                " WHERE series = 0 AND step BETWEEN ? AND ? GROUP BY step / ?",
                (size, first, last, size),
            ).fetchall()


class Events:
    """TensorBoard's event files, by its own writer."""

    name = "TensorBoard event files (tensorboard's EventFileWriter, a flush per 10,000)"

    @staticmethod
    def installed() -> bool:
        return find_spec("tensorboard") is not None

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def write(self, columns: Iterable[Named]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        writer = EventFileWriter(str(self.path))
        written = 0
        for name, steps, values in columns:
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
                writer.add_event(Event(step=step, wall_time=0.0, summary=summary))
                written += 1
                if written % BATCH == 0:
                    writer.flush()
        writer.close()
