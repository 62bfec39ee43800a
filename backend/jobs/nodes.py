"""Nodes: machines that train for this server (`lrd worker` there), and the workers on them."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress

from pydantic import BaseModel

from backend.jobs.closing import Close, RefusedError
from backend.jobs.node_messages import (
    NodeEnded,
    NodeHello,
    NodeLeaving,
    NodeMessage,
    NodeStarted,
    SignalWorker,
    StartWorker,
)
from backend.jobs.process import Close as Hang
from backend.jobs.process import Send, Worker
from backend.jobs.tasks import Tasks

log = logging.getLogger(__name__)


class Node:
    """One of them, by its name; `about` is what it told last, None before it ever did (a worker
    that came back after a restart of this server named it)."""

    def __init__(self, name: str, tasks: Tasks) -> None:
        self.name = name
        self.about: NodeHello | None = None
        #: Names of the worker processes that run there, as it tells.
        self.running: set[str] = set()
        #: It was asked to end: nothing starts there any more.
        self.leaving = False
        self.send: Send | None = None
        self.close: Hang | None = None
        self._tasks = tasks

    @property
    def open(self) -> bool:
        """It is connected, and takes experiments."""
        return self.send is not None and self.about is not None and not self.leaving

    def order(self, message: BaseModel) -> None:
        """Tell it something; lost if it is not connected (`Nodes.connected` makes up for that)."""
        if self.send is not None:
            self._tasks.start(self._tell(self.send, message))

    async def _tell(self, send: Send, message: BaseModel) -> None:
        # Whatever the transport raises means: the link is cut, and it will say hello again.
        with suppress(Exception):
            await send(message.model_dump_json())


class RemoteWorker(Worker):
    """A worker process on a node: the node starts it, signals it and tells its end."""

    def __init__(self, name: str, node: Node, pid: int = 0) -> None:
        super().__init__(name, pid)
        self.node = node
        self.place = node.name

    def alive(self) -> bool:
        """Its node has not told its end; nobody else could know."""
        return not self.ended

    def start(self) -> None:
        """Let the node start it."""
        self.node.order(StartWorker(worker=self.name))

    def _signal(self, number: signal.Signals) -> None:
        word = "kill" if number == signal.SIGKILL else "terminate"
        self.node.order(SignalWorker(worker=self.name, signal=word))


class Nodes:
    """All nodes that were ever here since this server started.

    `workers` gives all workers, `on_end` is called with one that has ended, its exit code (None:
    not known) and whether the system wanted memory.
    """

    def __init__(
        self,
        workers: Callable[[], Iterable[Worker]],
        on_end: Callable[[Worker, int | None, bool], None],
    ) -> None:
        self._workers = workers
        self._on_end = on_end
        self._nodes: dict[str, Node] = {}
        self._tasks = Tasks()

    def named(self, name: str) -> Node:
        """The node of this name, connected or not."""
        return self._nodes.setdefault(name, Node(name, self._tasks))

    def all(self) -> list[Node]:
        """Those that are connected, by name."""
        return sorted((n for n in self._nodes.values() if n.send), key=lambda node: node.name)

    def find(self, name: str) -> Node | None:
        """The node of this name if it takes experiments."""
        node = self._nodes.get(name)
        return node if node is not None and node.open else None

    def on(self, node: Node) -> list[RemoteWorker]:
        """The workers on a node."""
        return [w for w in self._workers() if isinstance(w, RemoteWorker) and w.node is node]

    async def connect(self, hello: NodeHello, send: Send, close: Hang) -> Node:
        """A node has said hello on a new connection.

        Raises:
            RefusedError: another node has its name.
        """
        node = self.named(hello.node)
        if node.send is not None and node.about is not None:
            if node.about.instance != hello.instance:
                words = f"node: another worker is connected as {node.name}; use another --name"
                raise RefusedError(Close.NAME, words)
            if node.close is not None:
                with suppress(Exception):  # it may be closed already
                    await node.close(Close.REPLACED, "this node has connected anew")
        node.about, node.send, node.close, node.leaving = hello, send, close, False
        node.running = set(hello.workers)
        return node

    def has_others(self, name: str) -> bool:
        """Whether processes may run on a node that have not come to this server yet; of a node that
        is not connected nobody knows."""
        node = self._nodes.get(name)
        if node is None or node.send is None:
            return True
        return not node.running <= {worker.name for worker in self.on(node)}

    def connected(self, node: Node) -> None:
        """Make up for what a node and this server have missed of each other."""
        if node.about is None:
            return
        for end in node.about.ended:
            self.heard(node, end)
        running = node.about.workers
        for worker in self.on(node):
            if worker.name in running:
                worker.pid = running[worker.name]
            elif not worker.pid:
                worker.start()
            elif worker.send is None:
                self._on_end(worker, None, False)
            # One that is connected has outlived the node's last life: nobody will tell its end.

    def lost(self, node: Node, send: Send) -> None:
        """A node's connection is cut; it comes back, or its workers do without it."""
        if node.send is send:
            node.send = node.close = None

    def heard(self, node: Node, message: NodeMessage) -> None:
        """What a node tells."""
        match message:
            case NodeStarted() | NodeEnded():
                if isinstance(message, NodeStarted):
                    node.running.add(message.worker)
                else:
                    node.running.discard(message.worker)
                found = (w for w in self.on(node) if w.name == message.worker)
                worker = next(found, None)
                if worker is None:
                    return
                if isinstance(message, NodeStarted):
                    worker.pid = message.pid
                else:
                    self._on_end(worker, message.code, message.starved)
            case NodeLeaving():
                node.leaving = True
            case NodeHello():
                raise RefusedError(Close.MESSAGE, "hello: it was said already")

    async def finish(self) -> None:
        """Let what is being told get out."""
        await self._tasks.finish(1.0)
