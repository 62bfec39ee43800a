"""Engine: what frames and probes cost, and how fast the default comparisons train."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from lrd_core.engine import frames
from lrd_core.engine.controls import Applied, Replayed, Status
from lrd_core.engine.experiment import ExperimentSpec, check_experiment
from lrd_core.engine.frames import Block, Frame
from lrd_core.engine.loop import Loop
from lrd_core.optim import LRD
from lrd_core.problems import get_problem

STEPS = 600
ROUNDS = 7


class _Encoded:
    """A sink that makes the bytes and drops them."""

    def __init__(self) -> None:
        self.bytes = 0

    def frame(self, blocks: list[Block]) -> None:
        self.bytes += len(frames.encode(Frame(frames.VERSION, 1, blocks)))

    def applied(self, applied: Applied) -> None:
        pass

    def replayed(self, run: str, parts: list[Replayed]) -> None:
        pass

    def view(self, name: str, content: dict[str, Any]) -> None:
        pass

    def status(self, status: Status) -> None:
        pass


def _loop(spec: ExperimentSpec) -> None:
    Loop(spec, _Encoded(), stay=False).run()


def _plain(spec: ExperimentSpec) -> None:
    """The same run as a person would write it: LRD, no probes, no frames."""
    run = spec.runs[0]
    instance = get_problem(spec.problem).build(spec.settings, spec.seed)
    base = torch.optim.Adam(instance.parameters, lr=float(run.settings["lr"]))
    optimizer = LRD(base, run.drop_rate, spec.seed)
    for step in range(1, spec.steps + 1):
        optimizer.zero_grad()
        instance.loss(step).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _seconds(work: Callable[[ExperimentSpec], None], spec: ExperimentSpec) -> float:
    began = time.perf_counter()
    work(spec)
    return time.perf_counter() - began


def measure() -> dict[str, float]:
    """Medians of interleaved rounds, one torch thread.

    ``*_steps_per_s``: steps of the whole default comparison (4 runs); ``*_overhead``: time of one
    run in the loop with probes and frames over the plain training loop, minus one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        result: dict[str, float] = {}
        for name in ("digits", "beale"):
            spec = replace(check_experiment({"problem": name, "steps": STEPS}), speed=0.0)
            one = replace(spec, runs=[spec.runs[1]])
            four, single, plain = [], [], []
            for _ in range(ROUNDS):
                plain.append(_seconds(_plain, one))
                single.append(_seconds(_loop, one))
                four.append(_seconds(_loop, spec))
            result[f"{name}_steps_per_s"] = round(STEPS / statistics.median(four), 1)
            ratio = statistics.median(single) / statistics.median(plain)
            result[f"{name}_overhead"] = round(ratio - 1, 3)
        return result
    finally:
        torch.set_num_threads(threads)
