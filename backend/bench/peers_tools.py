"""The other tools: how each is filled, served and fed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from backend.bench import peers_events, peers_page, peers_streamlit
from backend.bench.curves import curves
from backend.bench.host import end, free_port
from backend.bench.peers_log import COLUMNS, PROJECT
from lrd_core.settings import SettingError

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for a server to start and to have read what is stored.
START_S = 90.0
#: Which Python has the tools.
PYTHON = "LRD_PEERS_PYTHON"
_VERSION = "from importlib.metadata import version; print(version('{}'))"


@dataclass(frozen=True)
class Tool:
    """One peer."""

    name: str
    #: Runs before each of its pages, see `peers_page`.
    script: str
    #: Writes (runs, steps) into a new folder.
    fill: Callable[[Path, int, int], None]
    #: The words that start its server for a folder on a port.
    command: Callable[[Path, int], list[str]]
    #: Path of its page; the second one for rows that still come.
    path: str
    live: str
    #: Path that answers 200 when the server runs.
    health: str
    #: The Python that has it.
    python: str = sys.executable
    #: Seconds between two looks of the page at what is new.
    period_s: float = 1.0


def version(tool: str, python: str) -> str | None:
    """Which version of `tool` the given Python has; None if it has none.

    Raises:
        SettingError: there is no such Python.
    """
    try:
        found = subprocess.run(  # noqa: S603
            [python, "-c", _VERSION.format(tool)], capture_output=True, text=True, check=False
        )
    except OSError as error:
        mend = f"the path of a Python that has tensorboard and trackio ({error.strerror})"
        raise SettingError(PYTHON, python, mend) from error
    return found.stdout.strip() if found.returncode == 0 else None


def peers_python() -> str:
    return os.environ.get(PYTHON, sys.executable)


# --- stores ---------------------------------------------------------------------------------------


def _fill_events(folder: Path, runs: int, steps: int) -> None:
    numbers = np.arange(1, steps + 1)
    for run in range(runs):
        found = curves(run, numbers.astype(float))
        columns = {name: found[name] for name in COLUMNS}
        peers_events.write(folder / f"run{run + 1}", numbers, columns)


def _fill_rows(folder: Path, runs: int, steps: int) -> None:
    import pandas

    folder.mkdir(parents=True)
    numbers = np.arange(1, steps + 1)
    with (folder / "rows.csv").open("w", encoding="ascii") as file:
        for run in range(runs):
            found = curves(run, numbers.astype(float))
            columns = {name: found[name] for name in COLUMNS}
            rows = pandas.DataFrame({"run": f"run{run + 1}", "step": numbers, **columns})
            rows.to_csv(file, header=False, index=False)


def _fill_trackio(folder: Path, runs: int, steps: int) -> None:
    folder.mkdir(parents=True)
    words = _log_words(peers_python(), "fill", "trackio", folder, runs, 1, steps)
    subprocess.run(words, cwd=ROOT, env=_environment(), check=True, stdout=sys.stderr)  # noqa: S603


def _log_words(python: str, task: str, tool: str, folder: Path, *given: float) -> list[str]:
    return [python, "-m", "backend.bench.peers_log", task, tool, str(folder), *map(str, given)]


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


# --- servers --------------------------------------------------------------------------------------


def tools() -> dict[str, Tool]:
    """All peers, by name."""
    python = peers_python()
    show = f"trackio.show({PROJECT!r}, open_browser=False, host='127.0.0.1', server_port="
    found = [
        Tool(
            "tensorboard",
            peers_page.TENSORBOARD,
            _fill_events,
            lambda folder, port: [
                *(python, "-m", "tensorboard.main", "--logdir", str(folder)),
                *("--port", str(port), "--host", "127.0.0.1"),
            ],
            *("/#timeseries", "/#timeseries", "/"),
            python=python,
            period_s=30.0,
        ),
        Tool(
            "trackio",
            peers_page.canvas("[data-metric=loss]"),
            _fill_trackio,
            lambda _, port: [python, "-c", f"import trackio; {show}{port}, block_thread=True)"],
            *(f"/?project={PROJECT}", f"/?project={PROJECT}", "/"),
            python=python,
        ),
        Tool(
            "streamlit",
            peers_page.canvas(".st-key-loss"),
            _fill_rows,
            lambda folder, port: [
                *(sys.executable, "-m", "streamlit", "run", peers_streamlit.__file__),
                *("--server.port", str(port), "--server.address", "127.0.0.1"),
                *("--server.headless", "true", "--browser.gatherUsageStats", "false"),
                *("--server.fileWatcherType", "none", "--", str(folder.parent)),
            ],
            *("/?data={}", "/?data={}&live=1", "/_stcore/health"),
        ),
    ]
    return {tool.name: tool for tool in found}


@contextmanager
def serving(tool: Tool, folder: Path, runs: int, steps: int) -> Iterator[str]:
    """The tool's own server on a free port, when it has read the stored steps; its address.

    Raises:
        RuntimeError: it did not start, or did not read all.
    """
    port = free_port()
    environment = _environment() | {"TRACKIO_DIR": str(folder)}
    process = subprocess.Popen(  # noqa: S603
        tool.command(folder, port),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _await(tool, process, lambda: _status(url + tool.health) == 200)
        if tool.name == "tensorboard":
            _await(tool, process, lambda: _newest(url, runs) == steps)
        yield url
    finally:
        end(process, 10)


def _await(tool: Tool, process: subprocess.Popen[bytes], done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.HTTPError):
            if done():
                return
        time.sleep(0.2)
    raise RuntimeError(f"{tool.name} was not ready (exit code {process.poll()})")


def _status(url: str) -> int:
    return httpx.get(url, timeout=10).status_code


def _newest(url: str, runs: int) -> int:
    """The newest step that TensorBoard has read of its slowest run; 0 if one is not there yet."""
    newest = []
    for run in range(runs):
        given = {"tag": "loss", "run": f"run{run + 1}"}
        found = httpx.get(f"{url}/data/plugin/scalars/scalars", params=given, timeout=30)
        rows = found.json() if found.status_code == 200 else []
        newest.append(int(rows[-1][1]) if rows else 0)
    return min(newest)


# --- loggers --------------------------------------------------------------------------------------


def _answer(out: bytes) -> list[float]:
    """The line of numbers in what a logger printed; tools print words of their own around it.

    Raises:
        RuntimeError: there is none.
    """
    lines = [line for line in out.splitlines() if line.startswith(b"[")]
    if not lines:
        raise RuntimeError("the logger gave no figures")
    numbers: list[float] = json.loads(lines[-1])
    return numbers


class Streaming:
    """A process that logs a step of all runs as often as it is told."""

    def __init__(self, tool: Tool, folder: Path, runs: int, first: int, pause: float) -> None:
        self._first = first
        # More steps than anybody waits for.
        words = _log_words(tool.python, "stream", tool.name, folder, runs, first, 3000, pause)
        self._process = subprocess.Popen(  # noqa: S603
            words, cwd=ROOT, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None  # noqa: S101
        for line in self._process.stdout:
            if line == b"begun\n":
                return
        raise RuntimeError(f"the logger of {tool.name} did not begin")

    def end(self) -> dict[int, float]:
        """Unix seconds at which each step was logged."""
        try:
            out, _ = self._process.communicate(timeout=60)
        finally:
            self._process.kill()
        times = _answer(out)
        return {self._first + at: time for at, time in enumerate(times)}


def log_cost(tool: Tool, folder: Path, runs: int, steps: int, pause: float) -> Any:
    """Microseconds of each log call, (steps * runs,)."""
    folder.mkdir(parents=True)
    words = _log_words(tool.python, "cost", tool.name, folder, runs, 1, steps, pause)
    found = subprocess.run(  # noqa: S603
        words, cwd=ROOT, env=_environment(), check=True, stdout=subprocess.PIPE
    )
    return np.asarray(_answer(found.stdout), float)
