"""One experiment under one schedule, then what must be true of it."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import torch
from websockets.exceptions import WebSocketException

from lrd_core.engine.controls import Control
from tests.backend.node import Node
from tests.backend.server import ROOT, Rows, Server, everything, free_port, until
from tests.lrd_core.engine.recorder import spec, trained
from tests.torture.proxy import Proxy
from tests.torture.schedule import CHANGE, NODE, SPEED, STEPS, Event, Schedule

SITE = Path(__file__).parent / "faults"
NAMES = ["r1", "r2"]
#: Seconds in which everything must be done once the last fault is over.
SETTLE_S = 60.0
#: Memory and disk for frames that are not stored: so little that they are spilled, and that
#: training waits in a long fault.
UNSENT_BYTES, SPILL_BYTES = 20_000, 100_000

Bits = dict[tuple[str, int], dict[str, bytes]]


def bits(values: dict[tuple[str, int], dict[str, float]]) -> Bits:
    """Every column of every row, to the bit."""
    return {
        key: {name: struct.pack("<d", value) for name, value in row.items()}
        for key, row in values.items()
    }


class World:
    """A server whose workers, here and on a node, reach it through a proxy, and the switches of
    all faults."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.proxy = Proxy(port)
        self.faults = folder / "faults"
        self.faults.mkdir()
        environment = {
            "PYTHONPATH": f"{SITE}:{ROOT}",
            "LRD_FAULTS": str(self.faults),
            "LRD_WORKER_URL": f"ws://127.0.0.1:{self.proxy.port}/api/worker",
            "LRD_MAX_JOBS": "30",
            "LRD_RETURN_LIMIT": "30",
            "LRD_UNSENT_BYTES": str(UNSENT_BYTES),
            "LRD_SPILL_BYTES": str(SPILL_BYTES),
        }
        self.server = Server(folder, port, False, environment)
        self.server.start()
        self.node = Node(
            self.server, folder / NODE, NODE, 30, self.proxy.port, environment=environment
        )

    def switch(self, name: str, value: float | None = None) -> None:
        """Switch a fault on, or off (None)."""
        path = self.faults / name
        if value is None:
            path.unlink(missing_ok=True)
            return
        fresh = path.with_suffix(".new")
        fresh.write_text(str(value))
        fresh.rename(path)

    def alive(self) -> bool:
        return self.server.process.poll() is None

    def close(self) -> None:
        self.proxy.close()
        if self.node.runs():
            self.node.kill()
        if self.alive():
            self.server.process.kill()
            self.server.process.wait()
        for worker in self.server.workers():
            worker.kill()

    def calm(self, node: bool) -> None:
        """No fault any more, a server that answers, and the node if it is wanted."""
        self.proxy.mend()
        for switch in self.faults.iterdir():
            switch.unlink()
        if not self.alive():
            self.server.start()
        if node:
            self.start_node()
            until(self.node.known, what="the return of the node")

    def start_node(self) -> None:
        """Start the node if it does not run."""
        if not self.node.runs():
            self.node.start(wait=False)


@contextmanager
def made(folder: Path) -> Iterator[World]:
    """A world for the length of a block; nothing of it stays."""
    world = World(folder)
    try:
        yield world
    finally:
        world.close()


class Watcher:
    """A viewer that comes back after every cut, and keeps what it was shown: committed rows."""

    def __init__(self, world: World, id: str) -> None:
        self._world = world
        self._id = id
        self._done = threading.Event()
        self.rows = Rows()
        self.fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self) -> Rows:
        """All that it has seen.

        Raises:
            AssertionError: a frame or row came twice.
        """
        self._done.set()
        self._thread.join(30)
        if self.fault is not None:
            raise self.fault
        return self.rows

    def _run(self) -> None:
        while not self._done.is_set():
            try:
                with self._world.server.watch(self._id, after=self.rows.seq) as socket:
                    while not self._done.is_set():
                        with suppress(TimeoutError):
                            message = socket.recv(timeout=0.2)
                            if isinstance(message, bytes):
                                self.rows.add(message)
            except (OSError, WebSocketException):
                time.sleep(0.1)
            except BaseException as error:
                self.fault = error
                return


@dataclass
class Ordeal:
    """An experiment of `world` that goes through `schedule`."""

    world: World
    schedule: Schedule
    id: str = field(init=False)
    answered: list[Any] = field(default_factory=list)
    killed: bool = False
    _asking: list[threading.Thread] = field(default_factory=list)

    def run(self) -> None:
        """Go through it, settle, and check everything."""
        world = self.world
        world.calm(node=bool(self.schedule.parts["node"]))
        self.id = world.server.create(**self.schedule.parts, speed=SPEED)["id"]
        watcher = Watcher(world, self.id)
        began = time.monotonic()
        for event in self.schedule.events:
            time.sleep(max(0.0, began + event.at - time.monotonic()))
            self._act(event)
        world.calm(node=bool(self.schedule.parts["node"]))
        until(self._finished, SETTLE_S, what=f"the end of {self.schedule}")
        for thread in self._asking:
            thread.join(30)
        self._check(watcher.finish())
        self._ask(kind="stop")

    # --- faults -----------------------------------------------------------------------------------

    def _act(self, event: Event) -> None:
        begin, end = self._acts()[event.what]
        (begin if event.begins else end)(event.value)

    def _acts(self) -> dict[str, tuple[Callable[[float], object], Callable[[float], object]]]:
        world = self.world
        return {
            "kill worker": (lambda _: self._kill_worker(), lambda _: self._later(self._resume)),
            "kill node": (lambda _: world.node.kill(), lambda _: world.start_node()),
            "kill backend": (lambda _: self._kill_backend(), lambda _: self._start_backend()),
            "cut": (lambda _: world.proxy.cut(), lambda _: world.proxy.mend()),
            "stall": (lambda _: world.proxy.stall(), lambda _: world.proxy.mend()),
            "half close": (lambda _: world.proxy.half_close(), lambda _: world.proxy.mend()),
            "slow disk": (lambda v: world.switch("slow", v), lambda _: world.switch("slow")),
            "full disk": (lambda v: world.switch("full", v), lambda _: self._room()),
            "clock": (lambda v: world.switch("clock", v), lambda _: world.switch("clock")),
            CHANGE: (lambda v: self._later(lambda: self._change(v)), lambda _: None),
        }

    def _kill_worker(self) -> None:
        self.killed = True
        for worker in self.world.server.workers():
            worker.kill()

    def _kill_backend(self) -> None:
        if self.world.alive():
            self.world.server.kill()

    def _start_backend(self) -> None:
        if not self.world.alive():
            self.world.server.start()

    def _room(self) -> None:
        self.world.switch("full")
        self._later(lambda: self._ask(kind="play"))

    # --- somebody at the controls -----------------------------------------------------------------

    def _later(self, ask: Callable[[], object]) -> None:
        """Ask without holding up the schedule; the server may be away."""
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        self._asking.append(thread)

    def _change(self, rate: float) -> None:
        self._ask(kind="set", run="r1", setting="drop_rate", value=rate)

    def _ask(self, **asked: Any) -> None:
        with suppress(httpx.HTTPError):
            answer = self._client().post(f"/api/experiments/{self.id}/controls", json=asked)
            if answer.status_code == 200:
                self.answered.append(answer.json())

    def _resume(self) -> None:
        with suppress(httpx.HTTPError):
            self._client().post(f"/api/experiments/{self.id}/resume", json={"paused": False})

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.world.server.url, timeout=30)

    def _finished(self) -> bool:
        """Whether it is; whatever it needs to get there is asked for."""
        experiment = self.world.server.experiment(self.id)
        if experiment["state"] == "finished":
            return True
        if experiment["state"] == "paused":
            self._ask(kind="play")
        elif experiment["state"] in ("failed", "cancelled"):
            assert self.killed, experiment["message"]  # nothing else ends it
            self._resume()
        elif experiment["speed"] and experiment["state"] == "running":
            self._ask(kind="speed", value=0.0)
        return False

    # --- what must be true ------------------------------------------------------------------------

    def _check(self, seen: Rows) -> None:
        server = self.world.server
        stored = everything(server, self.id)  # fails on a row that is there twice
        stored.check_gapless(NAMES, STEPS)
        found = bits(stored.values)
        for key, row in bits(seen.values).items():
            assert row.items() <= found[key].items(), f"{key} was acknowledged and is not there"
        log = server.get(f"/api/experiments/{self.id}/controls")
        known = {control["id"]: control for control in log}
        for answer in self.answered:
            assert known[answer["id"]] == answer
        ended = server.experiment(self.id)
        # One that was killed goes on elsewhere while its machine is away.
        assert ended["node"] == self.schedule.parts["node"] or (self.killed and not ended["node"])
        assert ended["step"] == STEPS
        assert self.killed or not any(control["kind"] == "resume" for control in log)
        assert {run["replay"] for run in ended["runs"]} <= {"", "equal"}
        assert found == undisturbed(self.schedule.parts, log)
        assert "Traceback" not in server.log, server.log


def undisturbed(parts: dict[str, Any], log: list[Any]) -> Bits:
    """The experiment with the same changes in this process, where nothing befalls it."""
    changes = [
        (change["step"], Control(f"c{n}", "set", "r1", "drop_rate", change["new"]))
        for n, control in enumerate(log)
        for change in control["changes"]
        if control["kind"] == "set"
    ]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return bits(trained(spec(**{k: v for k, v in parts.items() if k != "node"}), changes).rows)
    finally:
        torch.set_num_threads(threads)
