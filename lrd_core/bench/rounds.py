"""Times of several things measured in turns, so that a slow moment hits all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping

import torch

#: Seconds of one call, by arm, one entry a round.
Times = dict[str, list[float]]


def interleave(
    arms: Mapping[str, Callable[[], object]],
    rounds: int,
    repeat: int = 1,
    device: str = "cpu",
    warm_up: int = 2,
) -> Times:
    """Calls every arm once a round, the garbage collector off.

    The order rotates, and every other round runs backwards: no arm always follows the same one.

    Args:
        arms: what to time, by name.
        rounds: turns that are timed.
        repeat: calls in one turn, for arms too quick for the clock; times are of one call.
        device: "cuda" waits for the device before and after each turn.
        warm_up: turns of every arm before the first round.
    """
    names = list(arms)
    for name in names:
        for _ in range(warm_up * repeat):
            arms[name]()
    times: Times = {name: [] for name in names}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for i in range(rounds):
            start = i // 2 % len(names)
            order = names[start:] + names[:start]
            for name in reversed(order) if i % 2 else order:
                times[name].append(_turn(arms[name], repeat, device))
    finally:
        if collecting:
            gc.enable()
    return times


def rebuilt(
    make: Callable[[], Mapping[str, Callable[[], object]]],
    builds: int,
    rounds: int,
    repeat: int = 1,
    device: str = "cpu",
) -> Times:
    """`interleave` on arms made anew `builds` times, `rounds` each time; all times together.

    Where its tensors happen to lie in memory makes an arm some percent faster or slower.
    """
    together: Times = {}
    for _ in range(builds):
        # Arms of the build before may wait for the collector: memory for two builds otherwise.
        gc.collect()
        for name, times in interleave(make(), rounds, repeat, device).items():
            together.setdefault(name, []).extend(times)
    return together


def _turn(call: Callable[[], object], repeat: int, device: str) -> float:
    synchronize(device)
    began = time.perf_counter()
    for _ in range(repeat):
        call()
    synchronize(device)
    return (time.perf_counter() - began) / repeat


def synchronize(device: str) -> None:
    """Waits for what a GPU was given to do; nothing on a CPU."""
    if device == "cuda":
        torch.cuda.synchronize()


def ratio(times: Times, arm: str, to: str) -> float:
    """Median over rounds of the arm's time over the other's in the same round."""
    return statistics.median(a / b for a, b in zip(times[arm], times[to], strict=True))


def median(times: Times, arm: str) -> float:
    """Median seconds of one call."""
    return statistics.median(times[arm])
