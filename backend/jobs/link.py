"""A worker's websocket to the backend: survives the backend's restarts, gives up after a minute."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from backend.jobs.messages import (
    Ack,
    Assign,
    BackendMessage,
    Shutdown,
    Stored,
    WorkerControl,
    WorkerHello,
)
from backend.jobs.outbox import Outbox

log = logging.getLogger(__name__)

GIVE_UP_S = 60.0
BACKOFF_S = (0.1, 2.0)
#: Close code with which the backend sends a worker away for good.
GO_AWAY = 4410

_messages: TypeAdapter[BackendMessage] = TypeAdapter(BackendMessage)


class Link:
    """Connects, sends what the outbox holds, hands on what comes.

    `on_control` and `on_shutdown` are called on the link's thread.
    """

    def __init__(
        self,
        url: str,
        token: str,
        hello: Callable[[], WorkerHello],
        outbox: Outbox,
        give_up: float = GIVE_UP_S,
    ) -> None:
        self._url = url
        self._token = token
        self._hello = hello
        self._outbox = outbox
        self._give_up = give_up
        self._ending = threading.Event()
        self.assignments: queue.SimpleQueue[Assign | None] = queue.SimpleQueue()
        self.on_control: Callable[[WorkerControl], None] = lambda _: None
        self.on_shutdown: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Wait until everything is stored, at most so long, then close the connection."""
        if not self._outbox.drain(seconds):
            log.warning("ends with %s", self._outbox.left())
        self._ending.set()
        self._outbox.close()
        self._thread.join(2.0)

    def _run(self) -> None:
        delay = BACKOFF_S[0]
        last_seen = time.monotonic()
        while not self._ending.is_set() and time.monotonic() - last_seen < self._give_up:
            try:
                with self._connect() as socket:
                    delay = BACKOFF_S[0]
                    if self._serve(socket):
                        break
                last_seen = time.monotonic()
            except (OSError, InvalidHandshake, ConnectionClosed) as error:
                log.debug("no backend: %s", error)
            self._ending.wait(delay)
            delay = min(2 * delay, BACKOFF_S[1])
        self._outbox.close()
        self.assignments.put(None)
        self.on_shutdown()

    def _connect(self) -> ClientConnection:
        return connect(
            self._url,
            additional_headers={"Authorization": f"Bearer {self._token}"},
            compression=None,
            proxy=None,
            open_timeout=5,
            close_timeout=1,
        )

    def _serve(self, socket: ClientConnection) -> bool:
        """Exchange messages until the connection ends; True if it shall not be made again."""
        hello = self._hello()
        socket.send(hello.model_dump_json())
        done = threading.Event()
        sender: threading.Thread | None = None

        def begin(seq: int) -> threading.Thread:
            self._outbox.restart(seq)
            thread = threading.Thread(target=self._send, args=(socket, done), daemon=True)
            thread.start()
            return thread

        if hello.experiment is None:
            sender = begin(0)
        try:
            for raw in socket:
                message = _messages.validate_json(raw)
                if sender is None and isinstance(message, Ack):
                    # The first answer to a returning worker says where the store stands.
                    sender = begin(message.seq)
                self._handle(message)
        except ConnectionClosed:
            pass
        finally:
            done.set()
            if sender is not None:
                sender.join(2.0)
        return socket.close_code == GO_AWAY

    def _handle(self, message: BackendMessage) -> None:
        match message:
            case Assign():
                self.assignments.put(message)
            case WorkerControl():
                self.on_control(message)
            case Ack():
                self._outbox.ack(message.seq)
            case Stored():
                self._outbox.stored(message.control)
            case Shutdown():
                self.assignments.put(None)
                self.on_shutdown()

    def _send(self, socket: ClientConnection, done: threading.Event) -> None:
        try:
            while not done.is_set():
                message = self._outbox.take(0.2)
                if message is not None:
                    socket.send(message)
                elif self._ending.is_set():
                    socket.close()
                    return
        except (ConnectionClosed, OSError):
            # What was taken and not delivered is sent again: the outbox keeps it till it is stored.
            return
