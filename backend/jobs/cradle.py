"""The nursery's process, as the server or node has it that asks it for workers.

The first one is forked from the program itself, before its loop begins: what both need is imported
once, and lies in memory once. One that has ended is followed by one that starts anew.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

#: In which a nursery that is not asked for anything any more must have ended.
CLOSE_S = 0.5
#: Exit code of one that somebody else has waited for.
UNKNOWN = 255


class Cradle:
    """A nursery that runs.

    Args:
        pid: its process.
        orders: the end of a pipe that is its stdin.
        news: the end of a pipe that is its stdout.
    """

    def __init__(self, pid: int, orders: int, news: int) -> None:
        self.pid = pid
        self._orders = orders
        self._news = news
        self._ended: asyncio.Future[int] | None = None

    def tell(self, **message: Any) -> None:
        """See `backend.jobs.nursery`; whoever has ended hears nothing."""
        # The pipe holds a thousand orders, and the nursery forks in milliseconds: it never waits.
        with suppress(OSError):
            os.write(self._orders, json.dumps(message).encode() + b"\n")

    async def listen(self, heard: Callable[[dict[str, Any]], None]) -> int:
        """Hand on what it tells until it ends; gives its exit code."""
        loop = asyncio.get_running_loop()
        self._ended = ended = loop.create_future()

        def wait() -> None:
            try:
                code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:  # the system reaps it where SIGCHLD is ignored
                code = UNKNOWN
            with suppress(RuntimeError):  # the loop may have ended before
                loop.call_soon_threadsafe(_settle, ended, code)

        threading.Thread(target=wait, name="nursery", daemon=True).start()
        reader = asyncio.StreamReader()
        pipe = os.fdopen(self._news, "rb")
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            while line := await reader.readline():
                heard(json.loads(line))
            return await asyncio.shield(ended)
        finally:
            transport.close()
            self._hang_up()

    async def close(self) -> None:
        """Let it end; workers that run live on."""
        self._hang_up()
        ended = self._ended
        if ended is None:
            return
        try:
            await asyncio.wait_for(asyncio.shield(ended), CLOSE_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            await ended

    def _hang_up(self) -> None:
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1


def _settle(future: asyncio.Future[int], code: int) -> None:
    if not future.done():
        future.set_result(code)


_first: Cradle | None = None


def fork_first() -> None:
    """Fork the first nursery. To be called while the program has one thread and no loop."""
    global _first
    from backend.jobs import nursery  # imports torch

    its_orders, orders = os.pipe()
    news, its_news = os.pipe()
    # What was imported is shared until it is written to, as a collection would.
    gc.freeze()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(its_orders, 0)
            os.dup2(its_news, 1)
            # None but these two: a worker that inherits one would hold the pipe open.
            for end in {orders, news, its_orders, its_news} - {0, 1}:
                os.close(end)
            nursery.main()
        except BaseException:
            logging.exception("nursery")
        finally:
            os._exit(1)
    os.close(its_orders)
    os.close(its_news)
    _first = Cradle(pid, orders, news)


def begin(environment: Mapping[str, str]) -> Cradle:
    """A nursery: the first one, if nobody has it; `environment` is its workers' beside this
    process's own."""
    global _first
    cradle, _first = _first or _spawned(), None
    cradle.tell(environment=dict(environment))
    return cradle


def _spawned() -> Cradle:
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    # One experiment, one core: several jobs side by side must not fight for threads.
    threads = {"OMP_NUM_THREADS": "1"}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | threads
    return spawn([sys.executable, "-m", "backend.jobs.nursery"], environment)


def spawn(command: list[str], environment: Mapping[str, str]) -> Cradle:
    """A nursery in a process that starts anew; `command` begins with the path of a program."""
    its_orders, orders = os.pipe()
    news, its_news = os.pipe()
    ends = [(os.POSIX_SPAWN_DUP2, its_orders, 0), (os.POSIX_SPAWN_DUP2, its_news, 1)]
    pid = os.posix_spawn(command[0], command, environment, file_actions=ends)
    os.close(its_orders)
    os.close(its_news)
    return Cradle(pid, orders, news)
