"""A worker process: connects, waits for its assignment, trains one experiment, ends.

It is forked from the nursery (`backend.jobs.nursery`), where everything slow is imported already.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from backend.jobs.compare import MOST_LOSSES, in_pieces
from backend.jobs.link import Link
from backend.jobs.memory import first_line, out_of_memory
from backend.jobs.messages import (
    ENDING,
    FAILED,
    LINK_VERSION,
    PAUSING,
    Assign,
    WorkerApplied,
    WorkerControl,
    WorkerEnding,
    WorkerFailed,
    WorkerHello,
    WorkerKept,
    WorkerPausing,
    WorkerReady,
    WorkerReplayed,
    WorkerStatus,
    WorkerView,
    replayed_name,
)
from backend.jobs.outbox import LinkBrokenError, LinkGoneError, Outbox
from backend.jobs.past import spec_of
from backend.jobs.spill import Spill
from backend.jobs.vault import WatchedVault
from backend.jobs.watchdog import Watchdog
from backend.protocol import Tensor, Usage
from lrd_core.engine.checkpoint import Checkpoint
from lrd_core.engine.controls import Applied, Control, Replayed, Status
from lrd_core.engine.experiment import RunSpec, check_experiment
from lrd_core.engine.frames import VERSION, Frame, Taken, encode
from lrd_core.engine.loop import Loop
from lrd_core.engine.timeline import Changed, Past, Resume, RunRecord
from lrd_core.optim import LRD
from lrd_core.optim.kernels import cpu
from lrd_core.optim.kernels.entry import Variant
from lrd_core.optim.kernels.program import known_settings, program
from lrd_core.optim.rules import RULES, Rule
from lrd_core.problems import PROBLEMS
from lrd_core.problems.problem import Problem
from lrd_core.settings import check_settings

log = logging.getLogger(__name__)

FLUSH_S = 3.0
STOP_ID = "shutdown"


def resume_of(parts: dict[str, Any]) -> Resume:
    """Where an experiment goes on, from the dictionary that travelled."""
    records = []
    for record in parts["runs"]:
        changes = [Changed(**change) for change in record["past"]["changes"]]
        past = Past(RunSpec(**record["past"]["spec"]), changes)
        records.append(RunRecord(**{**record, "past": past, "spec": RunSpec(**record["spec"])}))
    return Resume(**{**parts, "runs": records})


class BackendSink:
    """Hands a loop's output to the outbox; at most `losses` of a replay in one message."""

    def __init__(self, outbox: Outbox, losses: int = MOST_LOSSES) -> None:
        self._outbox = outbox
        self._losses = losses
        self._lock = threading.Lock()
        self._known: dict[str, WorkerControl] = {}
        #: Tell one list of checkpoints from the next.
        self._numbers = itertools.count(1)
        #: Called when steps were made.
        self.on_steps: Callable[[], None] = lambda: None

    def remember(self, message: WorkerControl) -> None:
        """A control is on its way to the loop; its answer will carry it."""
        with self._lock:
            self._known[message.control["id"]] = message

    def awaits(self, control: str) -> bool:
        """Whether the loop has not answered this one yet."""
        with self._lock:
            return control in self._known

    def frame(self, rows: Taken) -> None:
        self.on_steps()
        seq = self._outbox.next_seq()
        self._outbox.put_frame(seq, lambda: encode(Frame(VERSION, seq, rows.blocks())))

    def applied(self, applied: Applied) -> None:
        with self._lock:
            message = self._known.pop(applied.id, None)
        if message is None:  # the worker's own stop
            return
        answer = WorkerApplied(
            applied=asdict(applied), control=message.control, who=message.who, at=time.time()
        )
        self._outbox.put_applied(applied.id, answer.model_dump_json())

    def status(self, status: Status) -> None:
        self._outbox.put_status(WorkerStatus(status=status.as_dict()).model_dump_json())

    def replayed(self, run: str, parts: list[Replayed]) -> None:
        pieces = in_pieces(parts, self._losses)
        texts = [
            WorkerReplayed(
                run=run,
                parts=[asdict(part) for part in piece],
                first=number == 0,
                last=number == len(pieces) - 1,
            ).model_dump_json()
            for number, piece in enumerate(pieces)
        ]
        self._outbox.put_applied(replayed_name(run), *texts)

    def view(self, name: str, content: dict[str, Any]) -> None:
        self._outbox.put_view(WorkerView(name=name, content=content).model_dump_json())

    def usage(self, usage: Usage) -> None:
        self.view("usage", usage.model_dump())

    def ending(self, words: str) -> None:
        self._outbox.put_applied(ENDING, WorkerEnding(words=words).model_dump_json())

    def pausing(self, words: str) -> None:
        self._outbox.put_applied(PAUSING, WorkerPausing(words=words).model_dump_json())

    def kept(self, run: str, checkpoints: list[Checkpoint]) -> None:
        name = f"kept:{next(self._numbers)}"
        entries = [(one.step, one.size, one.pinned) for one in checkpoints]
        message = WorkerKept(name=name, run=run, checkpoints=entries)
        self._outbox.put_applied(name, message.model_dump_json())

    def ready(self, tensors: list[tuple[str, list[int]]]) -> None:
        message = WorkerReady(tensors=[Tensor(name=name, shape=shape) for name, shape in tensors])
        self._outbox.put_ready(message.model_dump_json())

    def failed(self, error: Exception) -> None:
        if out_of_memory(error):
            message = WorkerFailed(message=first_line(error), out_of_memory=True)
        elif isinstance(error, LinkBrokenError):
            message = WorkerFailed(message=f"ended: {error}")
        else:
            message = WorkerFailed(message=f"raised {type(error).__name__}: {error}")
        self._outbox.put_applied(FAILED, message.model_dump_json())


@dataclass(frozen=True)
class Home:
    """Where a worker process lives: the node's name, and its folder for files; both empty on the
    backend's own machine."""

    node: str = ""
    files: str = ""

    def folder(self, assignment: Assign) -> Path:
        """The folder of the experiment's checkpoints."""
        if not self.files:
            return Path(assignment.checkpoints)
        return Path(self.files) / "checkpoints" / assignment.experiment


class Worker:
    """The process: one link, at most one loop."""

    def __init__(self, url: str, token: str, name: str, home: Home) -> None:
        self._name = name
        self._home = home
        self._outbox = Outbox()
        self._sink = BackendSink(self._outbox)
        self._link = Link(url, token, self._hello, self._outbox)
        #: Id of the pause that it asked its loop for.
        self._pausing = ""

    def _hello(self) -> WorkerHello:
        return WorkerHello(
            link=LINK_VERSION,
            worker=self._name,
            pid=os.getpid(),
            experiment=self._link.assigned,
            node=self._home.node,
        )

    def run(self) -> int:
        """Wait for the assignment, train, end; gives the exit code."""
        self._link.start()
        assignment = self._link.assignments.get()
        code = 0 if assignment is None else self._train(assignment)
        self._link.finish(FLUSH_S)
        return code

    def stop(self) -> None:
        """Asked from outside to end (SIGTERM)."""
        self._link.assignments.put(None)
        self._link.on_shutdown()

    def _train(self, assignment: Assign) -> int:
        spec = spec_of(assignment.spec)
        watchdog = Watchdog(assignment.limits, spec.device, self._sink.usage, self._end)
        self._sink.on_steps = watchdog.stepped
        try:
            torch.set_num_threads(spec.threads)
            folder = self._home.folder(assignment)
            spill = Spill(folder, assignment.spill_bytes)
            self._outbox.begin(assignment.seq, assignment.unsent_bytes, spill)
            loop = Loop(
                spec,
                self._sink,
                paused=assignment.paused,
                vault=WatchedVault(folder, spec, self._pause, self._sink.kept),
                resume=resume_of(assignment.resume) if assignment.resume else None,
            )
            self._attend(loop)
            if not self._link.assignments.empty():  # the shutdown came while the loop was built
                return 0
            if assignment.first is not None:
                self._link.on_control(assignment.first)
            self._sink.ready(loop.tensors)
            watchdog.start()
            loop.run()
            # What cannot be packed is told while there is somebody to tell it.
            self._outbox.pack()
            self._outbox.check()
        except LinkGoneError:
            return 3
        except LinkBrokenError as error:
            log.error("experiment %s: %s", assignment.experiment, error)
            self._sink.failed(error)
            return 1
        except Exception as error:
            log.exception("training of experiment %s failed", assignment.experiment)
            self._sink.failed(error)
            return 1
        finally:
            watchdog.stop()
        return 0

    def _attend(self, loop: Loop) -> None:
        """Hand what comes over the link to the loop."""

        def control(message: WorkerControl) -> None:
            self._sink.remember(message)
            loop.post(Control(**message.control))

        self._link.on_control = control
        self._link.on_shutdown = lambda: loop.post(Control(STOP_ID, "stop"))

    def _pause(self, words: str) -> None:
        """The disk is full: the reason goes first, then the loop pauses as if somebody asked."""
        if self._sink.awaits(self._pausing):
            return  # the next run's checkpoint fails as well
        self._sink.pausing(words)
        self._pausing = secrets.token_hex(6)
        pause = Control(self._pausing, "pause")
        self._link.on_control(WorkerControl(control=asdict(pause), who=""))

    def _end(self, words: str) -> None:
        """A limit is reached: the reason goes first, then the loop ends as when it is stopped."""
        self._sink.ending(words)
        self._link.on_shutdown()


class _Nowhere:
    """A sink for rows that nobody wants."""

    def frame(self, rows: Taken) -> None: ...

    def applied(self, applied: Applied) -> None: ...

    def status(self, status: Status) -> None: ...

    def replayed(self, run: str, parts: list[Replayed]) -> None: ...

    def view(self, name: str, content: dict[str, Any]) -> None: ...


def warm_ups() -> list[Callable[[], None]]:
    """What a first step would wait for, the most general first: what torch imports late, the data
    of the first task, then the kernels of every rule."""
    names = [next(name for name, problem in PROBLEMS.items() if problem.kind == "surface")]
    names += [next(name for name, problem in PROBLEMS.items() if _ready_made(problem))]
    kinds = itertools.product(RULES.values(), (torch.float32, torch.float64))
    return [
        *(partial(_train_one_step, name) for name in names),
        *(partial(_load_kernel, rule, dtype) for rule, dtype in kinds),
    ]


def _ready_made(problem: Problem) -> bool:
    """A task that needs no download: its data are there, and small."""
    return problem.kind == "task" and not problem.data


def _load_kernel(rule: Rule, dtype: torch.dtype) -> None:
    """Compiles a rule's kernel, unless that was done before on this machine: loading is quick."""
    settings = check_settings(rule.settings, {})
    chosen = program(rule, known_settings(rule, settings))
    if cpu.on_disk(chosen, Variant(dtype, statistics=True)):
        return
    parameter = torch.ones(1, dtype=dtype, requires_grad=True)
    LRD(rule.optimizer([parameter], settings), kernel="compiled", collect_statistics=True)


def _train_one_step(problem: str) -> None:
    # On the CPU: a process that has used a GPU can't be forked any more.
    spec = check_experiment({"problem": problem, "steps": 1, "speed": 0, "device": "cpu"})
    Loop(spec, _Nowhere(), stay=False).run()


def work(url: str, token: str, name: str) -> int:
    """The life of a worker process; gives its exit code."""
    home = Home(os.environ.get("LRD_WORKER_NODE", ""), os.environ.get("LRD_WORKER_FILES", ""))
    worker = Worker(url, token, name, home)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    return worker.run()
