"""All worker processes: asks the nursery, or a node, for them, watches, ends them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from backend.jobs.cradle import Cradle, begin
from backend.jobs.memory import processes_ended
from backend.jobs.nodes import Node, Nodes, RemoteWorker
from backend.jobs.process import Worker
from backend.jobs.tasks import Tasks

log = logging.getLogger(__name__)


class Crew:
    """The worker processes of a server, or of a node.

    `on_exit(worker, words)` is awaited when a process of ours has ended, `words` saying how;
    `on_start` is called when one on this machine runs; `environment` is the workers' beside this
    process's own.
    """

    def __init__(
        self,
        url: str,
        token: str,
        on_exit: Callable[[Worker, str], Awaitable[None]],
        environment: Mapping[str, str] | None = None,
        on_start: Callable[[Worker], None] = lambda _: None,
    ) -> None:
        self._environment = {
            "LRD_WORKER_URL": url,
            "LRD_WORKER_TOKEN": token,
            **(environment or {}),
        }
        self._on_exit = on_exit
        self._on_start = on_start
        #: The machines beside this one.
        self.nodes = Nodes(self.all, self._end)
        self._workers: dict[str, Worker] = {}
        self._nursery: Cradle | None = None
        #: What goes on in the background.
        self.tasks = Tasks()
        #: Set once the nursery can fork.
        self.ready = asyncio.Event()
        self._closing = False
        self._starved = processes_ended()

    def get(self, name: str) -> Worker | None:
        return self._workers.get(name)

    def all(self) -> list[Worker]:
        return list(self._workers.values())

    def adopt(self, name: str, pid: int, node: str = "") -> Worker:
        """A worker that an earlier life of this server started, here or on a node."""
        if node:
            worker: Worker = RemoteWorker(name, self.nodes.named(node), pid)
        else:
            worker = Worker(name, pid, ours=False)
        self._workers[name] = worker
        return worker

    def forget(self, worker: Worker) -> None:
        self._workers.pop(worker.name, None)

    async def start(self) -> None:
        """Start the nursery; until it is ready, requests wait."""
        self._nursery = begin(self._environment)
        self.tasks.start(self._listen(self._nursery))

    def spawn(self, node: Node | None = None, name: str = "") -> Worker:
        """A new worker, here or on `node`; it connects by itself, see `Worker.connected`."""
        name = name or secrets.token_hex(6)
        if node is not None:
            remote = self._workers[name] = RemoteWorker(name, node)
            remote.start()
            return remote
        worker = self._workers[name] = Worker(name)
        self._request(worker)
        return worker

    def _request(self, worker: Worker) -> None:
        if self._nursery is not None:
            self._nursery.tell(name=worker.name)

    async def _listen(self, nursery: Cradle) -> None:
        code = await nursery.listen(self._heard)
        if self._closing:
            return
        log.error("the nursery of workers ended (exit code %s); a new one is started", code)
        here = [worker for worker in self.all() if not worker.place]
        for worker in here:
            worker.ours = worker.ours and not worker.pid
        await asyncio.sleep(0.5)
        await self.start()
        for worker in here:
            if not worker.pid:
                self._request(worker)

    def _heard(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.ready.set()
        elif "name" in message:
            worker = self._workers.get(message["name"])
            if worker is not None:
                worker.pid = message["pid"]
                self._on_start(worker)
        elif "code" in message:
            for worker in self.all():
                if worker.ours and not worker.place and worker.pid == message["pid"]:
                    self._end(worker, message["code"], self._starves(message["code"]))

    def _end(self, worker: Worker, code: int | None, starved: bool) -> None:
        """A process of ours has ended."""
        worker.ended, worker.starved, worker.code = True, starved, code
        self.forget(worker)
        if code is None:
            words = "no exit code is known"
        else:
            words = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        self.tasks.start(self._on_exit(worker, words))

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
        await self._wait_for_none(_in_reach, deadline)
        for worker in self.all():
            if worker.alive():
                log.warning("worker %s did not end in time and is killed", worker.pid)
                worker.kill()
        # The nursery has to reap them, or they would be left as zombies.
        here = [worker for worker in self.all() if worker.ours and not worker.place]
        await self._wait_for_none(lambda worker: worker in here, loop.time() + 0.5)
        if self._nursery is not None:
            await self._nursery.close()
        await self.nodes.finish()
        await self.tasks.finish(1.0)

    async def _wait_for_none(self, such: Callable[[Worker], bool], deadline: float) -> None:
        """Wait until there is no such worker any more, or it is late."""
        loop = asyncio.get_running_loop()
        for _ in iter(lambda: loop.time() < deadline and any(map(such, self.all())), False):
            await asyncio.sleep(0.02)


def _in_reach(worker: Worker) -> bool:
    """It runs, and its end can be seen: a node whose link is cut tells none."""
    return worker.alive() and (not worker.place or worker.send is not None)
