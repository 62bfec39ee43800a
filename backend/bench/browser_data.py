"""What the browser's benchmark looks at: an experiment of many runs with a long past, and the job
that goes on with it."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.synchronize import Event

import numpy as np

from backend.bench.curves import SLOTS, curves, noise
from backend.bench.host import Host
from backend.bench.source import linked
from backend.jobs.fresh import new_experiment
from backend.jobs.outbox import Outbox
from backend.protocol import ExperimentIn, Tensor
from backend.store import Store
from backend.store.frames import pack
from lrd_core.engine.experiment import check_experiment
from lrd_core.engine.frames import VERSION, Block, Frame, encode, packed

#: Rows of a stored frame: small enough that one fits for 20 runs.
FRAME_ROWS = 4096
TEST_EVERY = 25
#: Seconds for a process to begin or to end.
START_S = 30.0
#: Unix seconds at which a row left, in every row of the first run.
SENT = "sent"

#: Those of the digits' MLP: the page draws their masks.
TENSORS = {"fc1.weight": [64, 64], "fc1.bias": [64], "out.weight": [10, 64], "out.bias": [10]}


@dataclass(frozen=True)
class Stored:
    """An experiment in the store."""

    id: str
    runs: int
    steps: int

    @property
    def frames(self) -> int:
        return -(-self.steps // FRAME_ROWS)


def names(runs: int) -> list[str]:
    return [f"r{number + 1}" for number in range(runs)]


def _blocks(run: int, first: int, rows: int) -> Iterator[Block]:
    steps = np.arange(first, first + rows, dtype=float)
    yield Block(f"r{run + 1}", first, 1, rows, packed(curves(run, steps)))
    tested = np.flatnonzero(steps % TEST_EVERY == 0)
    if len(tested):
        scatter = noise(run, steps[tested], 4)
        loss = 2.5 * (1 + steps[tested] / 40) ** (-0.17 - 0.005 * run) * np.exp(0.03 * scatter)
        tests = {"test_loss": loss, "test_accuracy": np.exp(-0.3 * loss)}
        yield Block(f"r{run + 1}", int(steps[tested[0]]), TEST_EVERY, len(tested), packed(tests))


async def filled(store: Store, runs: int, steps: int) -> str:
    """A running experiment with so many steps of so many runs in chunks; its id."""
    given = ExperimentIn(problem="digits", steps=steps * 2)
    spec = check_experiment({"problem": "digits", "steps": given.steps})
    made = new_experiment(given, spec)
    first = made.runs[0]
    made.runs = [
        first.model_copy(
            update={
                "id": id,
                "slot": number % SLOTS,
                "label": f"run {number + 1}",
                "drop_rate": 0.05 * (number % SLOTS),
                "state": "running",
            }
        )
        for number, id in enumerate(names(runs))
    ]
    tensors = [Tensor(name=name, shape=shape) for name, shape in TENSORS.items()]
    told = {"state": "running", "message": "", "queue": None, "step": steps, "tensors": tensors}
    made = made.model_copy(update=told)
    await store.create(made, asdict(spec))
    for seq, start in enumerate(range(1, steps + 1, FRAME_ROWS), 1):
        rows = min(FRAME_ROWS, steps + 1 - start)
        blocks = [block for run in range(runs) for block in _blocks(run, start, rows)]
        frame = Frame(VERSION, seq, blocks)
        await store.append_frame(made.id, pack(frame, encode(frame)))
        await store.compact(made.id)
    return made.id


def prepare(url: str, sizes: Sequence[tuple[int, int]]) -> list[Stored]:
    """One experiment for each (runs, steps)."""

    async def fill() -> list[Stored]:
        store = Store(url)
        try:
            return [Stored(await filled(store, runs, steps), runs, steps) for runs, steps in sizes]
        finally:
            store.close()

    return asyncio.run(fill())


@contextmanager
def streaming(host: Host, stored: Stored, pace: float) -> Iterator[None]:
    """The experiment's job, once: it makes a step of all runs `pace` times a second, each in a
    frame of its own. A process like a worker's, since the server ends workers when it closes."""
    context = multiprocessing.get_context("spawn")
    begun, ending = context.Event(), context.Event()
    process = context.Process(target=_job, args=(host, stored, pace, begun, ending), daemon=True)
    process.start()
    begun.wait(START_S)
    try:
        yield
    finally:
        ending.set()
        process.join(START_S)
        process.kill()


def _job(host: Host, stored: Stored, pace: float, begun: Event, ending: Event) -> None:
    outbox = Outbox()
    outbox.begin(stored.frames)
    with linked(host.worker_url, host.token, stored.id, outbox):
        begun.set()
        due, step = time.monotonic(), stored.steps
        while not ending.is_set():
            due += 1 / pace
            time.sleep(max(0.0, due - time.monotonic()))
            step += 1
            blocks = [block for number in range(stored.runs) for block in _blocks(number, step, 1)]
            blocks[0].columns[SENT] = ("f8", np.array([time.time()], "<f8").tobytes())
            seq = outbox.next_seq()
            outbox.put_frame(seq, encode(Frame(VERSION, seq, blocks)))
