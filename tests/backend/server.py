"""A real server in a process of its own, on a free port, with a store in a folder of the test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
from websockets.sync.client import ClientConnection, connect

from backend.jobs.nursery import TITLE
from lrd_core.engine.frames import Frame, decode, rows

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
Found = TypeVar("Found")


def until(look: Callable[[], Found], seconds: float = PATIENCE, what: str = "it") -> Found:
    """The first true answer of `look`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A server under test; `url` is its address."""

    folder: Path
    port: int
    dashboard: bool
    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)
    client: httpx.Client = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder / 'lrd.sqlite3'}"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-m", "backend.server"]
        if self.dashboard:
            command = [sys.executable, "-m", "backend.cli", "serve", "--port", str(self.port)]
        environment = os.environ | {
            "LRD_PORT": str(self.port),
            "LRD_STORE": self.store,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            **self.environment,
        }
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.client = httpx.Client(base_url=self.url, timeout=30)
        until(self._answers, what="the start of the server")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log
        try:
            return self.client.get("/api/health").status_code == 200
        except httpx.TransportError:
            return False

    def workers(self) -> list[psutil.Process]:
        """All worker processes of this server's store, also those an earlier life started."""
        found = []
        wanted = self.environment.get("LRD_STORE", self.store)
        for process in psutil.process_iter():
            try:
                store = process.environ().get("LRD_STORE", "")
                if process.name() == TITLE and store == wanted:
                    found.append(process)
            except psutil.Error:
                continue
        return [p for p in found if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    def revive(self) -> None:
        """Start it again, if a test ended it and then failed."""
        if self.process.poll() is not None:
            self.start()

    def stop_jobs(self) -> None:
        """Ask all that trains, waits to, or could go on to end."""
        for summary in self.get("/api/experiments"):
            if summary["state"] in ("queued", "starting", "running", "paused", "finished"):
                self.control(summary["id"], kind="stop")

    def clear(self) -> None:
        """Stop all jobs, and wait until their processes are gone."""
        self.stop_jobs()
        until(lambda: not self.get("/api/jobs") and not self.workers(), what="a free server")

    def kill(self) -> None:
        """kill -9; its workers stay."""
        self.process.kill()
        self.process.wait()
        self.client.close()

    def stop(self) -> float:
        """SIGTERM; seconds until the process had ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.client.close()
        return time.monotonic() - began

    # --- requests --------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, **given: Any) -> Any:
        """A new experiment, already connected to its worker."""
        id = self.post("/api/experiments", 201, **given)["id"]
        return until(lambda: self.ready(id), what=f"the start of {id}")

    def post(self, path: str, status: int = 200, **given: Any) -> Any:
        answer = self.client.post(path, json=given)
        assert answer.status_code == status, answer.text
        return answer.json()

    def ready(self, id: str) -> Any:
        experiment = self.experiment(id)
        return experiment if experiment["state"] not in ("queued", "starting") else None

    def experiment(self, id: str) -> Any:
        return self.get(f"/api/experiments/{id}")

    def control(self, id: str, **given: Any) -> httpx.Response:
        return self.client.post(f"/api/experiments/{id}/controls", json=given)

    def reach(self, id: str, step: int) -> Any:
        """The experiment once it has made `step` steps."""

        def look() -> Any:
            experiment = self.experiment(id)
            return experiment if experiment["step"] >= step else None

        return until(look, what=f"step {step} of {id}")

    def state(self, id: str, state: str) -> Any:
        """The experiment once it is in `state`."""

        def look() -> Any:
            experiment = self.experiment(id)
            return experiment if experiment["state"] == state else None

        return until(look, what=f"state {state} of {id}")

    @contextmanager
    def watch(self, id: str, after: object = 0, **options: Any) -> Iterator[ClientConnection]:
        """A viewer's websocket."""
        address = f"ws://127.0.0.1:{self.port}/api/experiments/{id}/stream?after={after}"
        # A client that has stopped reading cannot take part in the closing handshake.
        with connect(
            address, proxy=None, max_size=None, close_timeout=0.5, **options
        ) as connection:
            yield connection


def start_server(folder: Path, port: int = 0, dashboard: bool = False, **settings: Any) -> Server:
    """A running server; `settings` go into its environment as ``LRD_NAME``."""
    environment = {f"LRD_{name.upper()}": str(value) for name, value in settings.items()}
    server = Server(folder, port or free_port(), dashboard, environment)
    server.start()
    return server


@contextmanager
def running_server(folder: Path, **settings: Any) -> Iterator[Server]:
    """A server for the length of a block; nothing of it stays."""
    server = start_server(folder, **settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        for worker in server.workers():
            worker.kill()


class Rows:
    """Every row a viewer has got; fails on a gap or a duplicate."""

    def __init__(self) -> None:
        self.seq = 0
        self.values: dict[tuple[str, int], dict[str, float]] = {}

    def add(self, data: bytes) -> Frame:
        frame = decode(data)
        assert frame.seq > self.seq, f"frame {frame.seq} after {self.seq}"
        self.seq = frame.seq
        fresh: dict[tuple[str, int], dict[str, float]] = {}
        for run, step, values in rows(frame):
            row = fresh.setdefault((run, step), {})
            assert not row.keys() & values.keys(), f"{run} {step} twice in a frame"
            row |= values
        for key, row in fresh.items():
            known = self.values.setdefault(key, {})
            assert not known.keys() & row.keys(), f"row {key} came twice"
            known |= row
        return frame

    def steps(self, run: str = "r1") -> list[int]:
        return sorted(step for name, step in self.values if name == run)

    def check_gapless(self, runs: list[str], last: int) -> None:
        for run in runs:
            assert self.steps(run) == list(range(1, last + 1))

    def read_to(self, socket: ClientConnection, step: int, run: str = "r1") -> list[str]:
        """Take in everything until `run` has reached `step`; the text messages among it."""
        texts = []
        while not self.values.get((run, step)):
            message = socket.recv(timeout=PATIENCE)
            if isinstance(message, bytes):
                self.add(message)
            else:
                texts.append(message)
        return texts


def everything(server: Server, id: str) -> Rows:
    """All that a new viewer gets of the history."""
    rows = Rows()
    with server.watch(id) as viewer:
        hello = json.loads(viewer.recv(timeout=PATIENCE))
        while rows.seq < hello["seq"]:
            message = viewer.recv(timeout=PATIENCE)
            if isinstance(message, bytes):
                rows.add(message)
    return rows
