"""A real server for a benchmark: a process of its own, its store in a folder that goes with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

START_S = 60.0
#: A server is quiet when it and its nursery have used less than this of a core for so many seconds.
QUIET, QUIET_S = 0.05, 3


@dataclass(frozen=True)
class Host:
    """Where the server listens, and what lets workers in."""

    port: int
    token: str
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def worker_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/worker"

    def rest(self, seconds: float = 40.0) -> None:
        """Wait until the server and its nursery have loaded what they load after the start."""
        parent = psutil.Process(self.pid)
        deadline = time.monotonic() + seconds
        used, quiet = _used(parent), 0
        while quiet < QUIET_S and time.monotonic() < deadline:
            time.sleep(1.0)
            before, used = used, _used(parent)
            grown = sum(used[pid] - before.get(pid, 0.0) for pid in used)
            quiet = quiet + 1 if grown < QUIET else 0


def _used(parent: psutil.Process) -> dict[int, float]:
    """CPU seconds so far of a process and its children."""
    found = {}
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.Error):
            times = process.cpu_times()
            found[process.pid] = times.user + times.system
    return found


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a process to end; after so many seconds it has to."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for a store; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="lrd-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def store_url(place: Path) -> str:
    return f"sqlite:///{place / 'lrd.sqlite3'}"


@contextmanager
def serving(place: Path, dashboard: bool = False, **settings: object) -> Iterator[Host]:
    """The backend on a free port with the store in `place`, with its `dashboard` if wanted;
    `settings` become ``LRD_NAME``.

    Raises:
        RuntimeError: it did not start.
    """
    port = free_port()
    environment = os.environ | {
        "LRD_PORT": str(port),
        "LRD_STORE": store_url(place),
        "OMP_NUM_THREADS": "1",
        **{f"LRD_{name.upper()}": str(value) for name, value in settings.items()},
    }
    words = ["-m", "backend.cli", "serve"] if dashboard else ["-m", "backend.server"]
    # What a benchmark prints is for programs: what the server says goes elsewhere.
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, *words], env=environment, stdout=sys.stderr if dashboard else None
    )
    try:
        _await_start(process, port)
        token = (place / "worker.token").read_text(encoding="ascii").strip()
        yield Host(port, token, process.pid)
    finally:
        end(process, 15)


def _await_start(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/api/health").status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start (exit code {process.poll()})")
