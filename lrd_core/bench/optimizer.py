"""Optimizer: whole `step()` calls of `LRD` against torch's own and against the paper's loop."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

import psutil
import torch

from lrd_core.bench import arms, fresh, shapes
from lrd_core.bench.rounds import Times, interleave, median, ratio, rebuilt
from lrd_core.bench.shapes import Shapes, count
from lrd_core.settings import SettingError

#: Bytes that one step of Adam must read (p, g, m, v) and write (p, m, v) for a float32 parameter.
ADAM_BYTES = 28
#: Bytes of p, g, m and v.
_HELD_BYTES = 16


@dataclass(frozen=True)
class Plan:
    """What to measure, and how often.

    Attributes:
        resnet34, gpt2_small, flat, tiny: shape lists.
        fresh_list, small_list: keys of the shape lists of first steps in new processes.
        peak_list: of the one that memory is measured on: long, so that what does not grow with the
            parameters is little.
        builds: how often the arms that are about as quick as torch's fused optimizer are made.
        rounds: of those arms, each time.
        slow_rounds: for the other arms.
        repeat: steps in a turn on the tiny list.
        processes: number of new processes for each figure that needs one; 0 leaves them out.
        bandwidth_floats: size of the arrays that measure memory bandwidth.
        kernel: of the `LRD` arms; None takes compiled code where it can be had.
    """

    resnet34: Shapes = field(default_factory=shapes.resnet34)
    gpt2_small: Shapes = field(default_factory=shapes.gpt2_small)
    flat: Shapes = field(default_factory=shapes.flat)
    tiny: Shapes = field(default_factory=shapes.tiny)
    fresh_list: str = "resnet34"
    small_list: str = "tiny"
    peak_list: str = "gpt2_small"
    builds: int = 3
    rounds: int = 9
    slow_rounds: int = 5
    repeat: int = 25
    processes: int = 3
    bandwidth_floats: int = 64_000_000
    kernel: str | None = None


def measure(device: str = "cpu", plan: Plan | None = None) -> dict[str, float]:
    """Ratios of step times, drop rate 0.5 against torch's fused optimizer without a mask.

    Each is the median over interleaved rounds of the ratio within a round; every arm has tensors
    of its own (float32, fixed normal gradients). Keys, ResNet-34 for CIFAR where not said:

    - ``ratio_adam``, ``ratio_sgd_momentum``; ``_statistics`` measures all statistics, ``_fallback``
      has no compiled code, ``_foreach`` and ``_for_loop`` are torch's, ``_1_thread`` is one thread
      for both; ``_gpt2``, ``_flat`` (one tensor of 20 M) and ``_tiny`` (200 of 64) other shapes.
      GPT-2 is left out where memory for two optimizers is wanting.
    - ``speedup_over_paper_loop``, ``speedup_over_paper_loop_sgd_momentum``: the paper's loop over
      `LRD`.
    - ``extra_bytes_per_parameter``, and ``_fallback``: see `fresh.peak`; absent where the system
      has no peak to reset.
    - ``first_step_s``: first step in a new process, right after construction with kernel "auto";
      ``first_step_loaded_s`` with the compiled code already loaded, ``load_s`` what loading takes
      from the cache on disk; ``first_step_torch_s`` torch's own first step; both on the tiny list
      too. ``new_state_s``: making Adam's state alone, the least that a first step takes.
    - ``bandwidth_gb_s`` (10⁹ bytes) of an in-place add, ``adam_gb_s`` of `LRD` at 28 bytes a
      parameter, ``adam_ms`` and ``adam_torch_ms`` a step, ``threads`` of torch, ``compiled`` 1 if
      the `LRD` arms ran compiled code.

    Raises:
        SettingError: `device` is neither "cpu" nor a usable "cuda".
    """
    if device not in ("cpu", "cuda"):
        raise SettingError("device", device, "cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingError("device", device, "cpu: torch finds no CUDA device here")
    plan = plan or Plan()
    kernel = plan.kernel or arms.best_kernel(device)
    result = _adam(plan, device, kernel)
    result |= _sgd_momentum(plan, device, kernel)
    result |= _other_shapes(plan, device, kernel)
    if plan.processes:
        result |= _fresh(plan, device, kernel)
    result["bandwidth_gb_s"] = _bandwidth(plan, device)
    result["threads"] = float(torch.get_num_threads())
    result["compiled"] = float(kernel == "compiled")
    return {key: _rounded(key, value) for key, value in result.items()}


def _adam(plan: Plan, device: str, kernel: str) -> dict[str, float]:
    adam = ("adam", plan.resnet34, device)

    def quick() -> dict[str, arms.Step]:
        return {
            **_pair(*adam, kernel),
            "statistics": arms.lrd_arm(*adam, kernel, statistics=True),
            "fallback": arms.lrd_arm(*adam, "torch"),
        }

    times = rebuilt(quick, plan.builds, plan.rounds, device=device)
    lrd = median(times, "lrd")
    result = {
        "ratio_adam": ratio(times, "lrd", "torch"),
        "ratio_adam_statistics": ratio(times, "statistics", "torch"),
        "ratio_adam_fallback": ratio(times, "fallback", "torch"),
        "adam_ms": lrd * 1e3,
        "adam_torch_ms": median(times, "torch") * 1e3,
        "adam_gb_s": ADAM_BYTES * count(plan.resnet34) / lrd / 1e9,
    }
    if device == "cpu":
        result["ratio_adam_1_thread"] = ratio(_one_thread(plan, kernel), "lrd", "torch")
    slow = {
        **_pair(*adam, kernel),
        "foreach": arms.torch_arm(*adam, "foreach"),
        "for_loop": arms.torch_arm(*adam, "for_loop"),
        "paper": arms.paper_arm(*adam),
    }
    times = interleave(slow, plan.slow_rounds, device=device, warm_up=1)
    result["ratio_adam_foreach"] = ratio(times, "foreach", "torch")
    result["ratio_adam_for_loop"] = ratio(times, "for_loop", "torch")
    result["speedup_over_paper_loop"] = ratio(times, "paper", "lrd")
    return result


def _pair(rule: str, listed: Shapes, device: str, kernel: str) -> dict[str, arms.Step]:
    return {
        "torch": arms.torch_arm(rule, listed, device),
        "lrd": arms.lrd_arm(rule, listed, device, kernel),
    }


def _one_thread(plan: Plan, kernel: str) -> Times:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return rebuilt(
            lambda: _pair("adam", plan.resnet34, "cpu", kernel), plan.builds, plan.rounds
        )
    finally:
        torch.set_num_threads(threads)


def _sgd_momentum(plan: Plan, device: str, kernel: str) -> dict[str, float]:
    sgd = ("sgd_momentum", plan.resnet34, device)
    times = rebuilt(lambda: _pair(*sgd, kernel), plan.builds, plan.rounds, device=device)
    result = {"ratio_sgd_momentum": ratio(times, "lrd", "torch")}
    slow = {"lrd": arms.lrd_arm(*sgd, kernel), "paper": arms.paper_arm(*sgd)}
    times = interleave(slow, plan.slow_rounds, device=device, warm_up=1)
    result["speedup_over_paper_loop_sgd_momentum"] = ratio(times, "paper", "lrd")
    return result


def _other_shapes(plan: Plan, device: str, kernel: str) -> dict[str, float]:
    def trio() -> dict[str, arms.Step]:
        tiny = ("adam", plan.tiny, device)
        return {
            **_pair(*tiny, kernel),
            "statistics": arms.lrd_arm(*tiny, kernel, statistics=True),
        }

    times = rebuilt(trio, plan.builds, plan.rounds, plan.repeat, device)
    result = {
        "ratio_adam_tiny": ratio(times, "lrd", "torch"),
        "ratio_adam_statistics_tiny": ratio(times, "statistics", "torch"),
    }
    times = rebuilt(
        lambda: _pair("adam", plan.flat, device, kernel), plan.builds, plan.rounds, device=device
    )
    result["ratio_adam_flat"] = ratio(times, "lrd", "torch")
    if _fits(2.5 * _HELD_BYTES * count(plan.gpt2_small), device):
        # Made once: 4 GB for the two arms, which take seconds to fill.
        times = rebuilt(
            lambda: _pair("adam", plan.gpt2_small, device, kernel),
            1,
            plan.builds * plan.rounds,
            device=device,
        )
        result["ratio_adam_gpt2"] = ratio(times, "lrd", "torch")
    return result


def _fits(needed: float, device: str) -> bool:
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else psutil.virtual_memory().available
    return free > needed


def _fresh(plan: Plan, device: str, kernel: str) -> dict[str, float]:
    """Medians over new processes; the arms before have filled the cache on disk."""

    def several(job: str, which: str, shapes: str = plan.fresh_list) -> dict[str, float]:
        runs = [fresh.run(job, shapes, which, device) for _ in range(plan.processes)]
        return {key: statistics.median(run[key] for run in runs) for key in runs[0]}

    loaded = several("loaded_step", kernel)
    result = {
        "first_step_s": several("first_step", "auto")["seconds"],
        "first_step_torch_s": several("first_step", "none")["seconds"],
        "first_step_tiny_s": several("first_step", "auto", plan.small_list)["seconds"],
        "first_step_torch_tiny_s": several("first_step", "none", plan.small_list)["seconds"],
        "new_state_s": several("state", "none")["seconds"],
        "first_step_loaded_s": loaded["seconds"],
        "load_s": loaded["load_seconds"],
    }
    for key, which in (("", kernel), ("_fallback", "torch")):
        # Memory repeats to a thousandth of a byte: one process is enough.
        for unit, value in fresh.run("peak", plan.peak_list, which, device).items():
            result[f"extra_{unit}_per_parameter{key}"] = value
    return result


def _bandwidth(plan: Plan, device: str) -> float:
    """10⁹ bytes a second of ``a += b`` on arrays far larger than the caches.

    12 bytes a float: read a and b, write a. In place, since an array that is only written is
    first read into the cache, which nobody counts.
    """
    a = torch.ones(plan.bandwidth_floats, device=device)
    b = torch.ones(plan.bandwidth_floats, device=device)
    times = interleave({"add": lambda: a.add_(b)}, plan.rounds, device=device)
    return 12 * plan.bandwidth_floats / median(times, "add") / 1e9


def _rounded(key: str, value: float) -> float:
    if key.startswith("extra_bytes"):
        # Adding zero turns −0.0 into 0.0.
        return round(value, 2) + 0.0
    return round(value, 4 if key.endswith("_s") and not key.endswith("gb_s") else 3)
