"""Basin pictures: thousands of starts on a surface, computed while the request waits.

The answer is MessagePack (little-endian columns as ``bin``)::

    {"v": 1, "n", "steps", "masks", "seed",
     "x": [low, high], "y": [low, high],
     "minima": [{"x", "y", "kind"}],
     "seconds": computing alone, "compiled": whether it had to compile first,
     "pictures": [{"which": u1 (n · n; row i at y[i] ascending), "reached_at": u2,
                   "curve": f4 (steps + 1), "reached", "median", "shares", "diverged"}]}

``which`` is an index into the minima, 255 for none; ``reached_at`` 65535 for never (see
`lrd_core.swarm.Basins`). One request is computed at a time. Of a client's requests that wait only
the newest stays, in the place of the one it replaces, which is answered 409.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial

import msgspec
import numpy as np
from fastapi import APIRouter, Request, Response

from backend.api.swarm_pictures import Picture, Pictures
from backend.errors import ApiError
from backend.protocol import RunIn, SwarmIn
from backend.services import kept
from lrd_core.engine.experiment import MAX_RUNS, SEED, RunSpec, check_run
from lrd_core.optim.lr_schedules import CONSTANT, lr_factor
from lrd_core.problems import Surface, get_surface
from lrd_core.settings import Setting, SettingError
from lrd_core.swarm import NEVER, Basins, Masks, basins, is_prepared, minima_of, prepare

router = APIRouter(prefix="/swarms", tags=["swarms"])

VERSION = 1
N = Setting("n", 128, low=16, high=512)
STEPS = Setting("steps", 500, low=1, high=5000)
#: Starts times steps of one request; a few seconds on two cores.
BUDGET = 2_000_000_000
#: Clients that may wait.
MAX_WAITING = 32
#: What 16 bits have for `NEVER`.
NEVER_16 = 0xFFFF


@dataclass(frozen=True, slots=True)
class Order:
    """A checked request."""

    surface: Surface
    n: int
    steps: int
    seed: int
    masks: Masks
    runs: Sequence[RunSpec]
    #: By run all that its picture depends on.
    keys: Sequence[str]


def check_order(given: SwarmIn) -> Order:
    """Raises:
    SettingError: with the dotted path of the field, e.g. ``runs.2.settings.lr``.
    """
    surface = get_surface(given.problem).settled(given.settings)
    n, steps = int(N.check(given.n)), int(STEPS.check(given.steps))
    if not 1 <= len(given.runs) <= MAX_RUNS:
        raise SettingError("runs", len(given.runs), f"a list of 1 to {MAX_RUNS} runs")
    runs = []
    for i, run in enumerate(given.runs):
        try:
            runs.append(_check_run(run, i, surface, steps))
        except SettingError as error:
            raise error.within(f"runs.{i}") from None
    fits = BUDGET // (n * n * len(runs))
    if steps > fits:
        mend = f"at most {fits} steps for {len(runs)} runs of {n} × {n} starts, or a smaller n"
        raise SettingError("steps", steps, mend)
    shared = given.model_dump_json(exclude={"client", "runs"})
    keys = [
        f"{i}{run.model_dump_json(exclude={'label'})}{shared}" for i, run in enumerate(given.runs)
    ]
    return Order(surface, n, steps, int(SEED.check(given.seed)), given.masks, runs, keys)


def _check_run(run: RunIn, place: int, surface: Surface, steps: int) -> RunSpec:
    checked = check_run(run.model_dump(), place, surface.suggested_lr, surface.kind, steps)
    if lr_factor(checked.schedule, checked.schedule_settings, 0) is not None:
        mend = f"{CONSTANT} without warm-up: a swarm's learning rate stays as it is"
        raise SettingError("schedule", checked.schedule, mend)
    return checked


class Turns:
    """One computation at a time; of each client the newest request waits."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: dict[str, asyncio.Future[bool]] = {}

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Held while it computes.

        Raises:
            ApiError: 409, a newer request of the client came while this one waited; 503, too many
                clients wait.
        """
        await self._wait(client)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, client: str) -> None:
        if not self._busy:
            self._busy = True
            return
        older = self._waiting.get(client)
        if older is None and len(self._waiting) >= MAX_WAITING:
            message = "client: too many pictures are waiting to be computed; use a later attempt"
            raise ApiError(503, "client", client, "a later attempt", message)
        mine = self._waiting[client] = asyncio.get_running_loop().create_future()
        if older is not None and not older.done():
            older.set_result(False)
        try:
            granted = await mine
        except asyncio.CancelledError:
            if self._waiting.get(client) is mine:
                del self._waiting[client]
            elif mine.done() and not mine.cancelled() and mine.result():
                self._pass_on()
            raise
        if not granted:
            message = "client: a newer request of this client took the place of this one"
            raise ApiError(409, "client", client, "the answer to the newer request", message)

    def _pass_on(self) -> None:
        while self._waiting:
            future = self._waiting.pop(next(iter(self._waiting)))
            if not future.done():
                future.set_result(True)
                return
        self._busy = False


@router.post("", response_class=Response, responses={200: {"content": {"application/msgpack": {}}}})
async def compute(given: SwarmIn, request: Request) -> Response:
    """Basin pictures as MessagePack; the first of its kind takes seconds longer: it compiles."""
    # Minima of a formula that was never asked for are looked for first.
    order = await asyncio.to_thread(check_order, given)
    async with kept(request, Turns).turn(given.client):
        if await request.is_disconnected():
            return Response(status_code=204)
        compiled = await _prepared(order, given)
        content = await asyncio.to_thread(pictures, order, compiled, kept(request, Pictures))
    # Compressing takes longer than computing.
    headers = {"Content-Encoding": "identity"}
    return Response(content, media_type="application/msgpack", headers=headers)


async def _prepared(order: Order, given: SwarmIn) -> bool:
    """Sees to it that compiled code is on the disk; whether it was missing.

    A process of its own compiles: in this one the event loop would stand still meanwhile. Should
    it fail, `pictures` compiles here.
    """
    ready = await asyncio.to_thread(lambda: [is_prepared(order.surface, r) for r in order.runs])
    if all(ready):
        return False
    missing = [run for run, there in zip(given.runs, ready, strict=True) if not there]
    runs = [run.model_dump() for run in missing]
    wish = {"problem": given.problem, "settings": given.settings, "runs": runs}
    command = (sys.executable, "-m", "lrd_core.swarm")
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    try:
        await process.communicate(msgspec.json.encode(wish))
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return True


def pictures(order: Order, compiled: bool, known: Pictures) -> bytes:
    """The answer."""
    for run in order.runs:
        prepare(order.surface, run)
    began = time.perf_counter()

    def make(run: RunSpec) -> Picture:
        return _picture(basins(order.surface, run, order.n, order.steps, order.seed, order.masks))

    starts = order.n * order.n
    found = [
        known.of(key, starts, partial(make, run))
        for key, run in zip(order.keys, order.runs, strict=True)
    ]
    view = order.surface.view
    return msgspec.msgpack.encode(
        {
            "v": VERSION,
            "n": order.n,
            "steps": order.steps,
            "masks": order.masks,
            "seed": order.seed,
            "x": view.x,
            "y": view.y,
            "minima": [asdict(point) for point in minima_of(order.surface)],
            "seconds": time.perf_counter() - began,
            "compiled": compiled,
            "pictures": found,
        }
    )


def _picture(found: Basins) -> Picture:
    steps = np.where(found.reached_at == NEVER, NEVER_16, found.reached_at)
    return {
        "which": found.which.tobytes(),
        "reached_at": steps.astype("<u2").tobytes(),
        "curve": found.curve.astype("<f4").tobytes(),
        "reached": found.reached,
        "median": found.median,
        "shares": found.shares,
        "diverged": found.diverged,
    }
