"""A real `lrd worker` in a process of its own, with a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.backend.server import ROOT, Server, until


@dataclass
class Node:
    """A node under test; `through` is the port at which it reaches the server."""

    server: Server
    folder: Path
    name: str = "box"
    jobs: int = 4
    through: int = 0
    token: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self, wait: bool = True) -> None:
        """Start the process and, if asked to, wait until the server knows it."""
        port = self.through or self.server.port
        command = [sys.executable, "-m", "backend.cli", "worker", f"http://127.0.0.1:{port}"]
        options = ["--name", self.name, "--jobs", str(self.jobs)]
        self.folder.mkdir(exist_ok=True)
        token = self.token or (self.server.folder / "worker.token").read_text()
        environment = os.environ | {
            "LRD_STORE": self.server.store,  # its workers are found by it
            "LRD_WORKER_TOKEN": token,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            **self.environment,
        }
        with (self.folder / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options, "--files", str(self.folder)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        if wait:
            until(self.known, what=f"the connection of {self.name}: {self.log}")

    def runs(self) -> bool:
        """It was started, and has not ended."""
        return "process" in vars(self) and self.process.poll() is None

    def known(self) -> bool:
        """The server has it on its list."""
        assert self.process.poll() is None, self.log
        return self.name in [node["name"] for node in self.server.get("/api/nodes")]

    @property
    def log(self) -> str:
        return (self.folder / "node.log").read_text(errors="replace")

    def kill(self) -> None:
        """kill -9; its workers stay."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As Ctrl-C; gives the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def running_node(server: Server, folder: Path, **given: object) -> Iterator[Node]:
    """A node for the length of a block, known to the server; nothing of it stays."""
    node = Node(server, folder, **given)  # type: ignore[arg-type]
    node.start()
    try:
        yield node
    finally:
        if node.process.poll() is None:
            node.kill()
        for worker in server.workers():
            worker.kill()
