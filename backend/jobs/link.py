"""A worker's websocket to the backend: survives the backend's restarts, and gives up in the end."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from backend.jobs.closing import FINAL, MAX_MESSAGE, REFUSED, Close, first_fault
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
from backend.jobs.seal import sealed

log = logging.getLogger(__name__)

#: Until the backend says how long it may be away (`Assign.away_limit`).
GIVE_UP_S = 60.0
BACKOFF_S = (0.1, 2.0)
#: What was refused so often, with no progress between, will not be taken.
MOST_REFUSALS = 3

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
        #: Seconds without a backend after which it is not looked for any more.
        self.give_up = give_up
        self._refusals = 0
        self._refusal = ""
        self._ending = threading.Event()
        #: Seconds before the next attempt to connect.
        self.delay = BACKOFF_S[0]
        #: The experiment this worker was told to train.
        self.assigned: str | None = None
        self.assignments: queue.SimpleQueue[Assign | None] = queue.SimpleQueue()
        self.on_control: Callable[[WorkerControl], None] = lambda _: None
        self.on_shutdown: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Wait until everything is stored, at most so long without any progress, then close the
        connection."""
        left = self._outbox.unstored()
        while not self._outbox.drain(seconds):
            before, left = left, self._outbox.unstored()
            if left >= before:
                log.warning("ends with %s", self._outbox.left())
                break
        self._ending.set()
        self._outbox.close()
        self._thread.join(2.0)

    def _run(self) -> None:
        try:
            self._stay_connected()
        finally:
            # However this thread ends, the training thread must not wait for it.
            self._outbox.close()
            self.assignments.put(None)
            self.on_shutdown()

    def _stay_connected(self) -> None:
        last_seen = time.monotonic()
        while not self._ending.is_set() and time.monotonic() - last_seen < self.give_up:
            try:
                with self._connect() as socket:
                    last_seen = time.monotonic()
                    try:
                        self._serve(socket)
                    finally:
                        last_seen = time.monotonic()
                if self._closed(socket):
                    return
            except InvalidStatus as error:
                self._turned_away(error)
            except (OSError, InvalidHandshake, ConnectionClosed) as error:
                log.debug("no backend: %s", error)
            self._ending.wait(self.delay)
            # Only progress (see `_handle`) sets it back: a backend that lets workers in and then
            # fails to store what they send must not be stormed.
            self.delay = min(2 * self.delay, BACKOFF_S[1])

    def _turned_away(self, error: InvalidStatus) -> None:
        # It may be another server on the same port: ours may come back.
        words = (error.response.body or b"").decode("utf-8", "replace") or str(error)
        if words != self._refusal:
            log.warning("the backend refuses this worker: %s", words)
        self._refusal = words

    def _closed(self, socket: ClientConnection) -> bool:
        """A connection has ended: whether none is to be made again."""
        code, reason = socket.close_code, socket.close_reason
        if code == Close.AGAIN:
            self.delay = BACKOFF_S[0]
        if code in REFUSED:
            log.warning("the backend refused what was sent: %s (%s)", reason, code)
            self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            self._refusals = 0
            self._outbox.break_off(f"the server refuses what this worker sends: {reason}")
            self.on_shutdown()
        if code == Close.VERSION:
            log.error("the backend refuses this worker: %s", reason)
        return code in FINAL

    def _connect(self) -> ClientConnection:
        return connect(
            self._url,
            additional_headers={"Authorization": f"Bearer {self._token}"},
            compression=None,
            proxy=None,
            max_size=MAX_MESSAGE,
            open_timeout=5,
            close_timeout=1,
        )

    def _serve(self, socket: ClientConnection) -> None:
        """Exchange messages until the connection ends."""
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
        except ValidationError as error:
            log.warning("connects anew after a message it does not know: %s", first_fault(error))
        finally:
            done.set()
            if sender is not None:
                sender.join(2.0)
            self._outbox.lost()

    def _handle(self, message: BackendMessage) -> None:
        match message:
            case Assign():
                # After a cut link it may come twice.
                if message.experiment != self.assigned:
                    self.assigned = message.experiment
                    self.give_up = message.away_limit
                    self.assignments.put(message)
            case WorkerControl():
                self.on_control(message)
            case Ack():
                if self._outbox.ack(message.seq):
                    self._progress()
            case Stored():
                self._outbox.stored(message.control)
                self._progress()
            case Shutdown():
                self.assignments.put(None)
                self.on_shutdown()

    def _progress(self) -> None:
        self.delay = BACKOFF_S[0]
        self._refusals = 0

    def _send(self, socket: ClientConnection, done: threading.Event) -> None:
        try:
            while not done.is_set():
                message = self._outbox.take(0.2)
                if message is not None:
                    socket.send(message if isinstance(message, str) else sealed(message))
                elif self._ending.is_set():
                    socket.close()
                    return
        except (ConnectionClosed, OSError):
            # What was taken and not delivered is sent again: the outbox keeps it till it is stored.
            return
