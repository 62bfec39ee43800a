"""One worker process as the backend sees it, on this machine or on another."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil
from pydantic import BaseModel

log = logging.getLogger(__name__)

Send = Callable[[str], Awaitable[None]]
Close = Callable[[int, str], Awaitable[None]]


class Worker:
    """One worker process; `send` is None while it is not connected, `pid` 0 until it was forked.

    `ours` says that its end will be reported, by the nursery or by its node; `starved` that it
    seems to have been killed by the system for want of memory.
    """

    #: Name of the node that it runs on; empty: this machine.
    place = ""

    def __init__(self, name: str, pid: int = 0, ours: bool = True) -> None:
        self.name = name
        self.pid = pid
        self.ours = ours
        self.ended = False
        self.starved = False
        #: Its exit code once it has ended, where it is known.
        self.code: int | None = None
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
