"""The nursery: imports once, then forks workers in no time.

The first one is forked from its server or node (`cradle.fork_first`), one that follows is
``python -m backend.jobs.nursery``. Importing takes seconds, forking milliseconds, and the workers
share what was imported. One JSON object a line: on stdin ``{"environment": {…}}`` is what its
workers have beside its own, and ``{"name": …}`` asks for one; on stdout ``{"ready": true}``,
``{"name": …, "pid": …}`` for every start and ``{"pid": …, "code": …}`` for every end (minus the
signal's number if one ended it). It ends when stdin does; its workers live on.

Address and token come in that environment, where other users of the machine cannot read them.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import selectors
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from backend.jobs.worker import warm_ups, work
from backend.logs import configure_worker
from lrd_core.engine.lean import without_compiler

#: What process lists show.
TITLE, OWN_TITLE = "lrd-worker", "lrd-nursery"
IDLE_S = 0.3


class Nursery:
    """Forks on demand and reports ends; runs in a single thread, so that forking is safe."""

    def __init__(self, later: list[Callable[[], None]]) -> None:
        """`later` is warmed up while nobody asks for a worker."""
        self._later = later
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._woken, False)
        self._input = b""

    def run(self) -> None:
        """Serve until stdin ends."""
        signal.set_wakeup_fd(self._woken)
        # A handler must exist for the wake-up to be written.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        _tell(ready=True)
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                patience = IDLE_S if self._later else None
                ready = {key.fd for key, _ in selector.select(patience)}
                if not ready:
                    self._later.pop(0)()
                if self._wake in ready:
                    os.read(self._wake, 1024)
                    self._report_ends()
                if 0 in ready:
                    data = os.read(0, 65536)
                    if not data:
                        return
                    for order in self._lines(data):
                        if "environment" in order:
                            os.environ.update(order["environment"])
                        else:
                            self._fork(order["name"])

    def _lines(self, data: bytes) -> Iterator[Any]:
        *whole, self._input = (self._input + data).split(b"\n")
        return map(json.loads, whole)

    def _fork(self, name: str) -> None:
        pid = os.fork()
        if pid:
            _tell(name=name, pid=pid)
            return
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # Out of the terminal's group: closing it must not end what trains.
            os.setsid()
            _become_worker()
            code = work(os.environ["LRD_WORKER_URL"], os.environ["LRD_WORKER_TOKEN"], name)
        except BaseException:
            logging.exception("worker %s", name)
        finally:
            # Everything is stored: tearing down torch would only take seconds.
            logging.shutdown()
            os._exit(code)

    def _report_ends(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                _tell(pid=pid, code=os.waitstatus_to_exitcode(status))


def _become_worker() -> None:
    """Let go of the nursery's pipes, and take a name that process lists show."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    _be_called(TITLE)


def _be_called(title: str) -> None:
    """Show this instead of the command line of the server, which must not be killed with it."""
    with suppress(OSError, ValueError, IndexError):
        Path("/proc/self/comm").write_text(title, encoding="ascii")
        # proc(5): fields 48 and 49 say where in memory the arguments lie.
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        begin, end = int(fields[45]), int(fields[46])
        if 0 < begin < end:
            words = title.encode()[: end - begin - 1]
            ctypes.memmove(begin, words.ljust(end - begin, b"\0"), end - begin)


def _tell(**message: object) -> None:
    with suppress(BrokenPipeError):
        os.write(1, json.dumps(message).encode() + b"\n")


def main() -> None:
    _be_called(OWN_TITLE)
    configure_worker()
    # Ctrl-C reaches the whole terminal group; the server tells its workers when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    without_compiler()
    first, *later = warm_ups()
    first()
    Nursery(later).run()
    os._exit(0)


if __name__ == "__main__":
    main()
