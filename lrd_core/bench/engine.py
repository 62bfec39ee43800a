"""Engine: many runs as one, swarms, and what probes and frames cost."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from lrd_core.bench import overhead, stack, swarm
from lrd_core.bench.overhead import Encoded
from lrd_core.bench.rounds import interleave, median
from lrd_core.engine.experiment import check_experiment
from lrd_core.engine.loop import Loop

STEPS = 300
ROUNDS = 5


def _steps_per_s() -> dict[str, float]:
    """Steps/s of the default comparisons, four runs each, probes and frames included."""
    specs = {
        name: replace(check_experiment({"problem": name, "steps": STEPS}), speed=0.0)
        for name in ("digits", "beale")
    }

    def train(name: str) -> None:
        Loop(specs[name], Encoded(), stay=False).run()

    arms = {name: partial(train, name) for name in specs}
    times = interleave(arms, ROUNDS, warm_up=1)
    return {f"{name}_steps_per_s": round(STEPS / median(times, name), 1) for name in specs}


def measure() -> dict[str, float]:
    """The figures of `stack`, `swarm` and `overhead` (the last with one torch thread, as jobs on
    small models have), and ``*_steps_per_s`` of the default comparisons."""
    result = stack.measure() | swarm.measure()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return result | overhead.measure() | _steps_per_s()
    finally:
        torch.set_num_threads(threads)
