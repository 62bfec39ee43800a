"""Stacked training: 64 small networks as one against the same 64 one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from lrd_core import LRD
from lrd_core.bench.rounds import interleave, median, ratio
from lrd_core.engine.stack import Stacks
from lrd_core.optim.stepping.together import step_together
from lrd_core.problems import get_problem
from lrd_core.problems.tasks.task import TaskInstance

COPIES = 64
LR, DROP_RATE = 0.003, 0.5
ROUNDS, REPEAT = 15, 10


@dataclass(eq=False)
class _Copy:
    """A digits MLP 64-64-10 with start, data order and masks of its own."""

    instance: TaskInstance
    optimizer: LRD


def _copy(seed: int) -> _Copy:
    instance: Any = get_problem("digits").build({}, seed)
    base = torch.optim.Adam(instance.parameters, lr=LR, fused=True)
    return _Copy(instance, LRD(base, DROP_RATE, seed, kernel="compiled"))


def _plain(copy: _Copy, step: int) -> None:
    """A step as a person would write it: torch's own layers and autograd, then `LRD`."""
    first, bias, last, shift = copy.instance.parameters
    images, labels = copy.instance.batches.batch(step)
    copy.optimizer.zero_grad()
    hidden = F.relu(F.linear(images, first, bias))
    loss = F.cross_entropy(F.linear(hidden, last, shift), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    copy.optimizer.step()


def _one_by_one() -> Callable[[], None]:
    copies = [_copy(seed) for seed in range(COPIES)]
    steps = iter(range(1, 1 << 60))

    def step() -> None:
        number = next(steps)
        for copy in copies:
            _plain(copy, number)

    return step


def _stacked(together: bool) -> Callable[[], None]:
    """All at once, or each as the engine trains a single run."""
    copies = [_copy(seed) for seed in range(COPIES)]
    groups = [copies] if together else [[copy] for copy in copies]
    stacks, steps = Stacks(), iter(range(1, 1 << 60))

    def step() -> None:
        number = next(steps)
        for group in groups:
            stacks.backward(group, number)
            step_together([copy.optimizer for copy in group])

    return step


def measure(rounds: int = ROUNDS, repeat: int = REPEAT) -> dict[str, float]:
    """Adam at drop rate 0.5 on 64 digits MLPs, a start, a data order and masks for each of 64
    seeds; torch's threads, no probes, interleaved rounds.

    ``stacked_speedup_64_mlps``: time of a step of all 64 one by one, as a person would write it
    (``F.linear``, autograd, `LRD.step`), over that of a stacked step; ``stacked_over_single_runs``
    the same against the engine's own way with a single run, which is quicker; ``stacked_step_ms``,
    ``one_by_one_step_ms``: medians of a step of all 64.
    """
    arms = {"one by one": _one_by_one(), "stacked": _stacked(True), "single": _stacked(False)}
    times = interleave(arms, rounds, repeat, warm_up=1)
    return {
        "stacked_speedup_64_mlps": round(ratio(times, "one by one", "stacked"), 1),
        "stacked_over_single_runs": round(ratio(times, "single", "stacked"), 1),
        "stacked_step_ms": round(1e3 * median(times, "stacked"), 2),
        "one_by_one_step_ms": round(1e3 * median(times, "one by one"), 2),
    }
