"""The worker processes as the backend sees them: asks the nursery for them, watches, ends them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel

from backend.jobs.memory import processes_ended
from backend.jobs.tasks import Tasks

log = logging.getLogger(__name__)

Send = Callable[[str], Awaitable[None]]
Close = Callable[[int, str], Awaitable[None]]
Process = asyncio.subprocess.Process


class Worker:
    """One worker process; `send` is None while it is not connected, `pid` 0 until it was forked.

    `ours` says that the nursery will report its end; `starved` that it seems to have been killed by
    the system for want of memory.
    """

    def __init__(self, name: str, pid: int = 0, ours: bool = True) -> None:
        self.name = name
        self.pid = pid
        self.ours = ours
        self.ended = False
        self.starved = False
        self.experiment: str | None = None
        self.send: Send | None = None
        self._close: Close | None = None
        #: When its link was cut last (monotonic seconds).
        self.seen = time.monotonic()
        self.connected = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.disconnected.set()

    def attach(self, send: Send, close: Close | None = None) -> None:
        """It is connected: `send` reaches it, `close` ends the connection."""
        self.send, self._close = send, close
        self.connected.set()
        self.disconnected.clear()

    def detach(self) -> None:
        self.send = self._close = None
        self.seen = time.monotonic()
        self.connected.clear()
        self.disconnected.set()

    async def tell(self, message: BaseModel) -> bool:
        """Send a message; False if the worker is not connected."""
        send = self.send
        if send is None:
            return False
        try:
            await send(message.model_dump_json())
        except Exception as error:  # whatever the transport raises means: not delivered
            log.debug("worker %s did not get %s: %s", self.name, type(message).__name__, error)
            return False
        return True

    async def hang_up(self, code: int, reason: str) -> None:
        """End the connection, if there is one; the worker comes back."""
        if self._close is not None:
            with suppress(Exception):  # it is closed already, however its transport says so
                await self._close(code, reason)

    def alive(self) -> bool:
        """The process is there (a zombie isn't)."""
        if self.ended or not self.pid:
            return False
        try:
            return bool(psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end; it sends what it has first."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Crew:
    """All worker processes of this server.

    `on_exit(worker, words)` is awaited when a process of ours has ended, `words` saying how.
    """

    def __init__(
        self, url: str, token: str, on_exit: Callable[[Worker, str], Awaitable[None]]
    ) -> None:
        self._environment = {"LRD_WORKER_URL": url, "LRD_WORKER_TOKEN": token}
        self._on_exit = on_exit
        self._workers: dict[str, Worker] = {}
        self._nursery: Process | None = None
        self._tasks = Tasks()
        #: Set once the nursery can fork.
        self.ready = asyncio.Event()
        self._closing = False
        self._starved = processes_ended()

    def get(self, name: str) -> Worker | None:
        return self._workers.get(name)

    def all(self) -> list[Worker]:
        return list(self._workers.values())

    def adopt(self, name: str, pid: int) -> Worker:
        """A worker that an earlier life of this server started."""
        worker = self._workers[name] = Worker(name, pid, ours=False)
        return worker

    def forget(self, worker: Worker) -> None:
        self._workers.pop(worker.name, None)

    async def start(self) -> None:
        """Start the nursery; it is ready some seconds later, requests wait until then."""
        root = str(Path(__file__).parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {
            **self._environment,
            "PYTHONPATH": os.pathsep.join(paths),
            # One experiment, one core: several jobs side by side must not fight for threads.
            "OMP_NUM_THREADS": "1",
        }
        self._nursery = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backend.jobs.nursery",
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._tasks.start(self._listen(self._nursery))

    def spawn(self) -> Worker:
        """A new worker; it connects by itself, see `Worker.connected`."""
        worker = Worker(secrets.token_hex(6))
        self._workers[worker.name] = worker
        self._request(worker)
        return worker

    def _request(self, worker: Worker) -> None:
        if self._nursery is not None and self._nursery.stdin is not None:
            line = json.dumps({"name": worker.name}) + "\n"
            self._nursery.stdin.write(line.encode())

    async def _listen(self, nursery: Process) -> None:
        assert nursery.stdout is not None  # noqa: S101
        while line := await nursery.stdout.readline():
            self._heard(json.loads(line))
        code = await nursery.wait()
        if self._closing:
            return
        log.error("the nursery of workers ended (exit code %s); a new one is started", code)
        for worker in self._workers.values():
            worker.ours = worker.ours and not worker.pid
        await asyncio.sleep(0.5)
        await self.start()
        for worker in self.all():
            if not worker.pid:
                self._request(worker)

    def _heard(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.ready.set()
        elif "name" in message:
            worker = self._workers.get(message["name"])
            if worker is not None:
                worker.pid = message["pid"]
        elif "code" in message:
            for worker in self.all():
                if worker.ours and worker.pid == message["pid"]:
                    worker.ended = True
                    self.forget(worker)
                    code = message["code"]
                    worker.starved = self._starves(code)
                    words = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
                    self._tasks.start(self._on_exit(worker, words))

    def _starves(self, code: int) -> bool:
        """Whether the system has ended processes for want of memory since one was killed last."""
        before, self._starved = self._starved, processes_ended()
        return code == -signal.SIGKILL and self._starved > before

    async def close(self, seconds: float) -> None:
        """Wait for every process to end, at most so long; then kill what is left."""
        self._closing = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        for worker in self.all():
            if worker.send is None:
                worker.terminate()
        await self._wait_for_none(Worker.alive, deadline)
        for worker in self.all():
            if worker.alive():
                log.warning("worker %s did not end in time and is killed", worker.pid)
                worker.kill()
        # The nursery has to reap them, or they would be left as zombies.
        await self._wait_for_none(lambda worker: worker.ours, loop.time() + 0.5)
        await self._close_nursery()
        await self._tasks.finish(1.0)

    async def _wait_for_none(self, such: Callable[[Worker], bool], deadline: float) -> None:
        """Wait until there is no such worker any more, or it is late."""
        loop = asyncio.get_running_loop()
        for _ in iter(lambda: loop.time() < deadline and any(map(such, self.all())), False):
            await asyncio.sleep(0.02)

    async def _close_nursery(self) -> None:
        nursery = self._nursery
        if nursery is None or nursery.returncode is not None:
            return
        if nursery.stdin is not None:
            nursery.stdin.close()
        try:
            await asyncio.wait_for(nursery.wait(), 0.5)
        except TimeoutError:
            nursery.kill()
            await nursery.wait()
