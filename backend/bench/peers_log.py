"""Logs the curves by a peer's own calls: a program for a Python that has the peer and NumPy.

``python -m backend.bench.peers_log {stream|cost|fill} TOOL FOLDER RUNS FIRST STEPS SECONDS``:
`fill` writes STEPS steps of each run; `stream` logs a step of all runs every SECONDS from step
FIRST until its input ends; `cost` logs STEPS steps, SECONDS apart. The last line of its output is
JSON: for `stream` unix seconds at which each step was logged, for `cost` microseconds of a call.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from backend.bench.curves import curves

#: What is logged at each step.
COLUMNS = ("loss", "keep_rate", "lr")
PROJECT = "curves"


class Logger(Protocol):
    """One log call, as a training loop makes it."""

    def log(self, run: int, step: int, values: dict[str, float]) -> None: ...

    def flush(self) -> None:
        """Let the page have what was logged, as far as the tool has a call for that."""

    def close(self) -> None: ...


class TensorBoard:
    """`add_scalar` for each value: the event file's own writer, a queue and a thread."""

    def __init__(self, folder: Path, runs: int) -> None:
        from tensorboard.summary import Writer

        self._writers: list[Any] = [Writer(str(folder / f"run{n + 1}")) for n in range(runs)]

    def log(self, run: int, step: int, values: dict[str, float]) -> None:
        writer = self._writers[run]
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    def flush(self) -> None:
        for writer in self._writers:
            writer.flush()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


class Trackio:
    """`Run.log` with all values of a step."""

    def __init__(self, folder: Path, runs: int) -> None:
        os.environ["TRACKIO_DIR"] = str(folder)
        import trackio

        self._runs: list[Any] = [
            trackio.init(
                PROJECT,
                name=f"run{n + 1}",
                resume="allow",
                embed=False,
                auto_log_cpu=False,
                auto_log_gpu=False,
            )
            for n in range(runs)
        ]

    def log(self, run: int, step: int, values: dict[str, float]) -> None:
        self._runs[run].log(values, step=step)

    def flush(self) -> None:
        """Its own thread writes every half second."""

    def close(self) -> None:
        for run in self._runs:
            run.finish()


class Rows:
    """A line of text in a file that stays open."""

    def __init__(self, folder: Path, runs: int) -> None:
        self._file: IO[str] = (folder / "rows.csv").open("a", encoding="ascii")

    def log(self, run: int, step: int, values: dict[str, float]) -> None:
        numbers = ",".join(map(repr, values.values()))
        self._file.write(f"run{run + 1},{step},{numbers}\n")
        self._file.flush()

    def flush(self) -> None:
        """Each line is in the file already."""

    def close(self) -> None:
        self._file.close()


LOGGERS: dict[str, type[TensorBoard] | type[Trackio] | type[Rows]] = {
    "tensorboard": TensorBoard,
    "trackio": Trackio,
    "streamlit": Rows,
}


def values_of(runs: int, first: int, steps: int) -> list[list[dict[str, float]]]:
    """What each run logs at each step, [step][run]."""
    numbers = np.arange(first, first + steps, dtype=float)
    columns = [curves(run, numbers) for run in range(runs)]
    return [
        [{name: float(found[name][at]) for name in COLUMNS} for found in columns]
        for at in range(steps)
    ]


def fill(folder: Path, runs: int, steps: int) -> None:
    """trackio's store, by its own bulk call."""
    os.environ["TRACKIO_DIR"] = str(folder)
    from trackio.sqlite_storage import SQLiteStorage

    numbers = np.arange(1, steps + 1, dtype=float)
    for run in range(runs):
        found = curves(run, numbers)
        rows = zip(*(found[name].tolist() for name in COLUMNS), strict=True)
        metrics = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        SQLiteStorage.bulk_log(PROJECT, f"run{run + 1}", metrics, list(range(1, steps + 1)))


def stream(logger: Logger, runs: int, first: int, steps: int, pause: float) -> list[float]:
    """Unix seconds just before each step was logged, until the input ends."""
    ending = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        ending.set()

    threading.Thread(target=listen, daemon=True).start()
    rows = values_of(runs, first, steps)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    due, times = time.monotonic(), []
    for at, row in enumerate(rows):
        due += pause
        time.sleep(max(0.0, due - time.monotonic()))
        if ending.is_set():
            break
        times.append(time.time())
        for run, values in enumerate(row):
            logger.log(run, first + at, values)
        logger.flush()
    return times


def cost(logger: Logger, runs: int, first: int, steps: int, pause: float) -> list[float]:
    """Microseconds of each call; the training, `pause` seconds a step, goes on between them."""
    found = []
    for at, row in enumerate(values_of(runs, first, steps)):
        time.sleep(pause)
        for run, values in enumerate(row):
            began = time.perf_counter()
            logger.log(run, first + at, values)
            found.append((time.perf_counter() - began) * 1e6)
    return found


def main(task: str, tool: str, place: str, *given: str) -> None:
    folder = Path(place)
    runs, first, steps = map(int, given[:3])
    if task == "fill":
        fill(folder, runs, steps)
        return
    logger = LOGGERS[tool](folder, runs)
    work = stream if task == "stream" else cost
    found = work(logger, runs, first, steps, float(given[3]))
    logger.close()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
