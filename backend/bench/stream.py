"""The stream: how many viewers one server holds, what a stuck one costs, how soon rows are safe.

A real server, a process that sends frames over the worker's link, two that hold real websockets,
all on this machine: what the viewers take of the processors counts.
"""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

import httpx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from backend.bench import source, viewers
from backend.bench.host import Host, folder, serving, store_url
from backend.jobs.fresh import new_experiment
from backend.protocol import ExperimentIn
from backend.store import Store
from lrd_core.engine.experiment import check_experiment

FRAMES_PER_S = 20.0
#: What the engine's loop sends.
ENGINE_FRAMES_PER_S = 30.0
LIMIT_MS = 100.0
#: The first number of viewers, and by what it is multiplied.
FIRST, GROWTH = 300, 1.5
MOST = 4000
#: Two numbers of viewers closer than this are not told apart.
CLOSE = 1.1
LADDER_S = 110.0
WATCHING = 50
PROCESSES = 2
#: What a job takes until its pace is steady.
WARM_UP_S = 5.0
#: At most so long is waited for those who have come.
SETTLE_S = 20.0


class Pipe:
    """A process that does what it is told."""

    def __init__(self, target: Any, *given: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._mine, other = context.Pipe()
        self._process = context.Process(target=target, args=(other, *given), daemon=True)
        self._process.start()

    def send(self, word: str, *given: object) -> None:
        self._mine.send((word, *given))

    def answer(self) -> Any:
        return self._mine.recv()

    def ask(self, word: str, *given: object) -> Any:
        self.send(word, *given)
        return self.answer()

    def close(self) -> None:
        with suppress(OSError):  # it has ended by itself
            self.send("quit")
        self._process.join(5)
        self._process.kill()


class Stage:
    """The server with its job and its viewers."""

    def __init__(self, host: Host, experiments: list[str], stack: ExitStack) -> None:
        self.host = host
        self._experiments = iter(experiments)
        self.job = Pipe(source.run, host.worker_url, host.token)
        self._crowds = [Pipe(viewers.run, host.port) for _ in range(PROCESSES)]
        for process in (*self._crowds, self.job):
            stack.callback(process.close)

    def next(self) -> str:
        """An experiment that has no frames yet."""
        return next(self._experiments)

    def all(self, word: str, *given: object) -> list[Any]:
        """The answers of all processes with viewers, which work at the same time."""
        for crowd in self._crowds:
            crowd.send(word, *given)
        return [crowd.answer() for crowd in self._crowds]

    def connect(self, experiment: str, count: int) -> None:
        shares = [count // PROCESSES + (n < count % PROCESSES) for n in range(PROCESSES)]
        for crowd, share in zip(self._crowds, shares, strict=True):
            crowd.send("connect", experiment, share)
        for crowd in self._crowds:
            crowd.answer()

    def settle(self) -> None:
        """Wait until everyone is live: who has just come is caught up first."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            time.sleep(0.5)
            if httpx.get(f"{self.host.url}/api/system", timeout=60).json()["behind"] == 0:
                break

    def latencies_ms(self) -> NDArray[np.float64]:
        return np.concatenate([np.asarray(found) for found in self.all("latencies")]) * 1000

    def expected(self, experiment: str) -> viewers.Expected:
        """The final series of every run, from the store."""
        found: viewers.Expected = {}
        for run in source.RUNS:
            path = f"{self.host.url}/api/experiments/{experiment}/series"
            columns = httpx.get(path, params={"run": run}, timeout=60).json()["columns"]
            found[run] = {name: np.asarray(c["values"], float) for name, c in columns.items()}
        return found


def measure(short: bool = False) -> dict[str, float]:
    """The figures.

    ``viewers`` is the largest number found that holds ``p99_ms`` (frame sent to frame read) at 100
    at most, ``missing`` the values that any viewer's final series lacks at any number that was
    tried. ``slow_viewer_cost`` is the rise of the others' median latency while one viewer reads
    nothing, ``slow_viewer_job_cost`` what the job's steps per second lose. ``ack_p99_ms`` is from
    the end of a step to its acknowledgement, one viewer looking on, in the engine's own rhythm.
    What is tried is told on stderr.
    """
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        names = asyncio.run(_prepare(place, 24))
        # The experiments have no process until their source comes: nobody gives them up.
        host = stack.enter_context(serving(place, return_limit=100_000))
        stage = Stage(host, names, stack)
        host.rest()
        result = _acknowledged(stage, 3.0 if short else 10.0)
        result |= _ladder(stage, 2.0 if short else 10.0, 15.0 if short else LADDER_S)
        result |= _slow_viewer(stage, *((4.0, 8.0) if short else (10.0, 60.0)))
        return result


async def _prepare(place: Path, count: int) -> list[str]:
    """Experiments that wait for their worker, as after a restart of the server."""
    given = ExperimentIn(problem="beale")
    spec = check_experiment({"problem": "beale"})
    store = Store(store_url(place))
    names = []
    for _ in range(count):
        made = new_experiment(given, spec)
        made = made.model_copy(update={"state": "running", "message": "", "queue": None})
        await store.create(made, asdict(spec))
        names.append(made.id)
    store.close()
    return names


def _acknowledged(stage: Stage, seconds: float) -> dict[str, float]:
    experiment = stage.next()
    stage.job.ask("paced", experiment, ENGINE_FRAMES_PER_S)
    stage.connect(experiment, 1)
    stage.settle()
    began = time.monotonic()
    time.sleep(seconds)
    waited = [ms * 1000 for at, ms in stage.job.ask("end")["waited"] if at >= began]
    stage.all("close")
    if not waited:
        raise RuntimeError("the server took no frame; its log, above, says why")
    return {"ack_p99_ms": _percentile(waited, 99), "ack_p50_ms": _percentile(waited, 50)}


def _ladder(stage: Stage, seconds: float, budget: float) -> dict[str, float]:
    """The largest number of viewers that holds, between one that does and one that does not."""
    deadline = time.monotonic() + budget
    best: dict[str, float] = {"viewers": 0, "p99_ms": 0.0, "p50_ms": 0.0}
    missing, count, bound = 0, FIRST, MOST + 1
    while True:
        found = _rung(stage, count, seconds)
        sys.stderr.write(f"{found}\n")
        missing += int(found.pop("missing"))
        if found["p99_ms"] <= LIMIT_MS:
            best = found
        else:
            bound = count
        low = int(best["viewers"])
        grown = int(low * GROWTH) if low else count // 2
        count = grown if grown < bound else (low + bound) // 2
        count = count if count < 100 else count // 10 * 10
        late = time.monotonic() + seconds > deadline
        if late or count < 10 or count > MOST or bound < low * CLOSE:
            return {**best, "missing": missing, "frames_per_s": FRAMES_PER_S}


def _rung(stage: Stage, count: int, seconds: float) -> dict[str, float]:
    experiment = stage.next()
    stage.job.ask("paced", experiment, FRAMES_PER_S)
    stage.connect(experiment, count)
    stage.settle()
    stage.all("measure")
    time.sleep(seconds)
    found = stage.latencies_ms()
    seq = stage.job.ask("end")["seq"]
    stage.all("reach", seq, 20.0)
    missing = sum(stage.all("missing", stage.expected(experiment)))
    stage.all("close")
    return {
        "viewers": count,
        "p99_ms": _percentile(found, 99),
        "p50_ms": _percentile(found, 50),
        "missing": missing,
    }


def _slow_viewer(stage: Stage, around: float, stuck: float) -> dict[str, float]:
    """A real experiment at full speed: some viewers, then one more that reads nothing, then not."""
    experiment = stage.next()
    parts = {"problem": "digits", "steps": 10_000_000, "speed": 0.0}
    stage.job.ask("training", experiment, parts)
    stage.connect(experiment, WATCHING)
    stage.settle()
    time.sleep(WARM_UP_S)
    spans, medians = [], []
    for slow in (False, True, False):
        with ExitStack() as stack:
            if slow:
                stack.enter_context(_reads_nothing(stage.host.port, experiment))
            began = time.monotonic()
            medians.append(_latency(stage, stuck if slow else around))
            spans.append((began, time.monotonic()))
    steps = stage.job.ask("end")["steps"]
    stage.all("close")
    speeds = [_speed(steps, *span) for span in spans]
    return {
        "slow_viewer_cost": round(medians[1] / fmean(medians[::2]) - 1, 4),
        "slow_viewer_job_cost": round(1 - speeds[1] / fmean(speeds[::2]), 4),
        "watched_steps_per_s": round(speeds[0], 1),
    }


def _latency(stage: Stage, seconds: float) -> float:
    """The median of a second, milliseconds: that of the quarter least disturbed by other programs.
    What a viewer costs, it costs in every second."""
    medians = []
    for _ in range(round(seconds)):
        stage.all("measure")
        time.sleep(1.0)
        medians.append(_percentile(stage.latencies_ms(), 50))
    return _percentile(medians, 25)


def _speed(steps: list[tuple[float, int]], began: float, ended: float) -> float:
    """Steps made in a second, in the quarter least disturbed."""
    counts = []
    inside = [(at, step) for at, step in steps if began <= at <= ended]
    before = inside[0]
    for at, step in inside:
        if at - before[0] >= 1.0:
            counts.append((step - before[1]) / (at - before[0]))
            before = (at, step)
    return _percentile(counts, 75)


@contextmanager
def _reads_nothing(port: int, experiment: str) -> Iterator[None]:
    """A viewer that is connected and stops reading at once; its buffer is small."""
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", port))
        stuck.sendall(
            f"GET /api/experiments/{experiment}/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        yield


def _percentile(values: ArrayLike, percent: float) -> float:
    """Rounded; infinite if there are no values."""
    found = np.asarray(values)
    return round(float(np.percentile(found, percent)), 2) if found.size else math.inf
