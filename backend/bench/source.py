"""The job's side of the stream benchmark: a process that sends frames as workers do.

It has the worker's own link and outbox. `Paced` makes frames of a chosen size at a chosen pace;
`Training` is the engine's loop at full speed. Both put the moment at which a frame leaves into it,
as the column `SENT`.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Protocol

import numpy as np

from backend.jobs.link import Link
from backend.jobs.messages import LINK_VERSION, WorkerHello
from backend.jobs.outbox import Outbox
from backend.jobs.worker import BackendSink
from lrd_core.engine.controls import Control
from lrd_core.engine.experiment import check_experiment
from lrd_core.engine.frames import VERSION, Block, Frame, Taken, encode, packed
from lrd_core.engine.loop import Loop

#: Monotonic seconds at which a frame left, in every row of its first block.
SENT = "sent"
RUNS = ("r1", "r2", "r3", "r4")
ROWS = 6
#: Float32 columns beside the loss: frames of 4 kB.
COLUMNS = tuple(f"column_{number}" for number in range(20))
#: Frames that are there before the first viewer comes.
EARLY = 20
DRAIN_S = 20.0


class TimedOutbox(Outbox):
    """Knows how long every row waited for its acknowledgement."""

    def __init__(self) -> None:
        super().__init__()
        self.made: deque[tuple[int, list[float]]] = deque()
        #: (when it was acknowledged, seconds since it was made) of every row.
        self.waited: list[tuple[float, float]] = []

    def ack(self, seq: int) -> bool:
        now = time.monotonic()
        while self.made and self.made[0][0] <= seq:
            self.waited += [(now, now - made) for made in self.made.popleft()[1]]
        return super().ack(seq)


class Source(Protocol):
    """Sends frames of one experiment until it is ended."""

    outbox: TimedOutbox

    def start(self) -> None: ...

    def end(self) -> dict[str, Any]: ...


@contextmanager
def linked(url: str, token: str, experiment: str, outbox: Outbox) -> Iterator[None]:
    """The worker's link for `experiment`; all is stored when it ends."""
    hello = WorkerHello(
        link=LINK_VERSION, worker=f"bench-{experiment}", pid=os.getpid(), experiment=experiment
    )
    link = Link(url, token, lambda: hello, outbox)
    link.start()
    try:
        yield
    finally:
        link.finish(DRAIN_S)


class Paced:
    """A step of all runs as often as `ROWS` rows a frame ask for, `frames_per_s` frames."""

    def __init__(self, url: str, token: str, experiment: str, frames_per_s: float) -> None:
        self.outbox = TimedOutbox()
        self._link = linked(url, token, experiment, self.outbox)
        self._pause = 1 / (frames_per_s * ROWS)
        self._ending = threading.Event()
        self._random = np.random.default_rng(0)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._link.__enter__()
        for _ in range(EARLY):
            self._send([time.monotonic()] * ROWS)
        self._thread.start()

    def end(self) -> dict[str, Any]:
        self._ending.set()
        self._thread.join()
        self._link.__exit__(None, None, None)
        return {"seq": self.outbox.seq, "waited": self.outbox.waited}

    def _run(self) -> None:
        due, made = time.monotonic(), []
        while not self._ending.is_set():
            due += self._pause
            time.sleep(max(0.0, due - time.monotonic()))
            made.append(time.monotonic())
            if len(made) == ROWS:
                self._send(made)
                made = []

    def _send(self, made: list[float]) -> None:
        seq = self.outbox.next_seq()
        first = (seq - 1) * ROWS + 1
        blocks = [Block(run, first, 1, ROWS, self._columns()) for run in RUNS]
        self.outbox.made.append((seq, made))
        self.outbox.put_frame(seq, encode(Frame(VERSION, seq, stamped(blocks))))

    def _columns(self) -> dict[str, tuple[str, bytes]]:
        values = self._random.normal(size=(len(COLUMNS) + 1, ROWS))
        return packed(dict(zip(("loss", *COLUMNS), values, strict=True)))


def stamped(blocks: list[Block]) -> list[Block]:
    """`blocks`, the first of which says when they leave: now."""
    if not blocks:
        return blocks
    first, *others = blocks
    now = np.full(first.rows, time.monotonic(), "<f8")
    columns = {**first.columns, SENT: ("f8", now.tobytes())}
    return [Block(first.run, first.first, first.every, first.rows, columns), *others]


class StampingSink(BackendSink):
    """What a job's sink is, but every frame has the moment at which it leaves."""

    def __init__(self, outbox: TimedOutbox) -> None:
        super().__init__(outbox)
        #: (monotonic seconds, newest step) of every frame.
        self.steps: list[tuple[float, int]] = []

    def frame(self, rows: Taken) -> None:
        blocks = rows.blocks()
        newest = max((block.last for block in blocks), default=0)
        self.steps.append((time.monotonic(), newest))
        super().frame(Taken(stamped(blocks)))


class Training:
    """A real experiment, trained at full speed."""

    def __init__(self, url: str, token: str, experiment: str, parts: dict[str, Any]) -> None:
        self.outbox = TimedOutbox()
        self._link = linked(url, token, experiment, self.outbox)
        self._sink = StampingSink(self.outbox)
        self._loop = Loop(check_experiment(parts), self._sink)
        self._thread = threading.Thread(target=self._loop.run, daemon=True)

    def start(self) -> None:
        self._link.__enter__()
        self._thread.start()

    def end(self) -> dict[str, Any]:
        self._loop.post(Control("end", "stop"))
        self._thread.join()
        self._link.__exit__(None, None, None)
        return {"seq": self.outbox.seq, "steps": self._sink.steps}


def run(pipe: Connection, url: str, token: str) -> None:
    """The process: starts and ends sources as it is told."""
    source: Source | None = None
    while True:
        word, *given = pipe.recv()
        if word == "paced":
            source = Paced(url, token, *given)
            source.start()
            pipe.send(None)
        elif word == "training":
            source = Training(url, token, *given)
            source.start()
            pipe.send(None)
        elif word == "end" and source is not None:
            pipe.send(source.end())
            source = None
        else:
            return
