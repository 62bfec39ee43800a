"""A node: trains for a server on another machine. It starts the workers that the server wants, and
tells their ends; each of them has a link of its own to the server."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from backend.jobs.closing import Close, first_fault
from backend.jobs.crew import Crew
from backend.jobs.node_messages import (
    NODE_VERSION,
    NodeEnded,
    NodeHello,
    NodeLeaving,
    NodeOrder,
    NodeReleased,
    NodeStarted,
    NodeWelcome,
    SignalWorker,
    StartWorker,
    node_orders,
)
from backend.jobs.pids import Pids
from backend.jobs.process import Worker
from backend.jobs.usage import cores
from lrd_core import data
from lrd_core.engine.devices import devices

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 2.0)
#: In which its workers must have sent what they have, once it is asked to end.
CLOSE_S = 20.0
#: In which the server answers a node that leaves.
RELEASE_S = 5.0
#: How often it is looked whether a worker of its last life has ended.
LOOK_S = 0.5
#: A server that closes a link so will do it again.
REFUSED = frozenset({Close.MESSAGE, Close.VERSION, Close.NAME, Close.ELSEWHERE})


class NodeRefusedError(Exception):
    """The server does not want this node; the message says why."""


@dataclass(frozen=True)
class NodeSettings:
    """What a node was told.

    Attributes:
        url: websocket address of the server, without a path (``wss://lab.example``).
        token: the server's secret.
        name: what it is called there.
        files: folder of its checkpoints.
        places: experiments at the same time.
        jobs_per_gpu: of them on one GPU.
        worker_url: where its workers reach the server; by default at `url`.
    """

    url: str
    token: str
    name: str
    files: Path
    places: int
    jobs_per_gpu: int = 1
    worker_url: str = ""

    def environment(self) -> Mapping[str, str]:
        """Of its workers."""
        files = str(self.files.absolute())
        return {"LRD_WORKER_NODE": self.name, "LRD_WORKER_FILES": files}


@dataclass
class NodeProcess:
    """The node; `say` gets a line for the person who started it."""

    settings: NodeSettings
    say: Callable[[str], None]
    _instance: str = field(default_factory=lambda: secrets.token_hex(8))
    _ended: list[NodeEnded] = field(default_factory=list)
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _welcomed: bool = False
    _socket: ClientConnection | None = None
    #: The last reason why there is no connection, said once.
    _reason: str = ""

    def leave(self) -> None:
        """Ask it to end: its workers send what they have first."""
        self._leaving.set()

    async def run(self) -> None:
        """Serve until `leave`.

        Raises:
            NodeRefusedError: the server does not want it.
        """
        given = self.settings
        url = given.worker_url or f"{given.url}/api/worker"
        self._pids = Pids(given.files / "workers")
        self._crew = Crew(url, given.token, self._exited, given.environment(), self._begun)
        for name, pid in self._pids.running().items():
            self._crew.adopt(name, pid)  # it outlived this node's last life
        await self._crew.start()
        self._crew.tasks.start(self._watch_adopted())
        serving = asyncio.create_task(self._stay_connected())
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                await self._say_goodbye()
            await self._crew.close(CLOSE_S)
        finally:
            for task in (serving, leaving):
                task.cancel()
            ends = await asyncio.gather(serving, return_exceptions=True)
            if self._socket is not None:
                await self._socket.close()
        if isinstance(ends[0], Exception):
            raise ends[0]

    async def _say_goodbye(self) -> None:
        """The server learns why its workers end before they tell, on links of their own."""
        if await self._tell(NodeLeaving()):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._released.wait(), RELEASE_S)

    # --- the link ---------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        delay = BACKOFF_S[0]
        while True:
            try:
                async with self._connect() as socket:
                    self._socket = socket
                    await self._serve(socket)
                    delay = BACKOFF_S[0]
                self._closed(socket)
            except InvalidStatus as error:
                words = (error.response.body or b"").decode("utf-8", "replace") or str(error)
                self._refused(words)
            except (OSError, InvalidHandshake, ConnectionClosed) as error:
                self._away(str(error))
            finally:
                self._socket = None
            await asyncio.sleep(delay)
            delay = min(2 * delay, BACKOFF_S[1])

    def _connect(self) -> connect:
        return connect(
            f"{self.settings.url}/api/node",
            additional_headers={"Authorization": f"Bearer {self.settings.token}"},
            compression=None,
            proxy=None,
            open_timeout=5,
            close_timeout=1,
        )

    async def _serve(self, socket: ClientConnection) -> None:
        """Carry out orders until the connection ends."""
        hello = await asyncio.to_thread(self._hello)
        await socket.send(hello.model_dump_json())
        try:
            async for said in socket:
                order = node_orders.validate_json(said)
                if isinstance(order, NodeWelcome):
                    self._ended = [end for end in self._ended if end not in hello.ended]
                    self._welcome(hello)
                    if self._leaving.is_set():  # said on a link that was cut
                        await self._tell(NodeLeaving())
                else:
                    await self._obey(order)
        except ConnectionClosed:
            pass
        except ValidationError as error:
            log.warning("connects anew after a message it does not know: %s", first_fault(error))

    def _hello(self) -> NodeHello:
        given = self.settings
        return NodeHello(
            link=NODE_VERSION,
            node=given.name,
            instance=self._instance,
            places=given.places,
            jobs_per_gpu=given.jobs_per_gpu,
            cores=cores(),
            devices=devices(),
            data=[name for name in data.DATASETS if data.state(name).state == "present"],
            workers={worker.name: worker.pid for worker in self._crew.all() if worker.pid},
            ended=list(self._ended),
        )

    def _welcome(self, hello: NodeHello) -> None:
        self._welcomed, self._reason = True, ""
        places = f"{hello.places} place" + ("s" if hello.places > 1 else "")
        where = ", ".join(hello.devices)
        self.say(f"{hello.node} trains for {self.settings.url}: {places} on {where}")

    def _closed(self, socket: ClientConnection) -> None:
        code, reason = socket.close_code, socket.close_reason
        if code in REFUSED:
            self._refused(reason or "")
        else:
            self._away("the connection was closed")

    def _refused(self, words: str) -> None:
        """It will not be let in as it is; one that was let in before waits for better times."""
        if not self._welcomed:
            raise NodeRefusedError(words)
        self._away(words)

    def _away(self, words: str) -> None:
        if words != self._reason:
            self._reason = words
            self.say(f"no server at {self.settings.url} ({words}); it is looked for")

    async def _tell(self, message: BaseModel) -> bool:
        if self._socket is None:
            return False
        try:
            await self._socket.send(message.model_dump_json())
        except (ConnectionClosed, OSError):
            return False
        return True

    # --- the workers ------------------------------------------------------------------------------

    async def _obey(self, order: NodeOrder) -> None:
        match order:
            case NodeReleased():
                self._released.set()
            case StartWorker():
                known = self._crew.get(order.worker)
                if known is None and not self._leaving.is_set():
                    self._crew.spawn(name=order.worker)
                elif known is not None and known.pid:
                    self._started(known)
            case SignalWorker():
                worker = self._crew.get(order.worker)
                if worker is not None and order.signal == "kill":
                    worker.kill()
                elif worker is not None:
                    worker.terminate()

    def _begun(self, worker: Worker) -> None:
        self._pids.add(worker.name, worker.pid)
        self._started(worker)

    async def _watch_adopted(self) -> None:
        """The nursery tells the ends of its own; these are looked for."""
        while adopted := [worker for worker in self._crew.all() if not worker.ours]:
            for worker in adopted:
                if not worker.alive():
                    self._crew.forget(worker)
                    await self._exited(worker, "no exit code is known")
            await asyncio.sleep(LOOK_S)

    def _started(self, worker: Worker) -> None:
        self._crew.tasks.start(self._told(NodeStarted(worker=worker.name, pid=worker.pid)))

    async def _exited(self, worker: Worker, words: str) -> None:
        self._pids.remove(worker.name)
        log.info("worker %s of %s ended: %s", worker.pid, self.settings.name, words)
        end = NodeEnded(worker=worker.name, code=worker.code, starved=worker.starved)
        if not await self._tell(end):
            self._ended.append(end)

    async def _told(self, message: BaseModel) -> None:
        await self._tell(message)  # what is lost, the next hello makes up for
