"""Optimizers that the benchmark compares, each on tensors of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lrd_core import LRD
from lrd_core.bench.paper_loop import PaperAdam, PaperMomentum
from lrd_core.bench.shapes import Shapes
from lrd_core.settings import SettingError

#: One step of an optimizer.
Step = Callable[[], object]
DROP_RATE = 0.5
#: Implementations of torch: its keyword arguments.
TORCH: dict[str, dict[str, Any]] = {
    "fused": {"fused": True},
    "foreach": {"foreach": True},
    "for_loop": {"foreach": False, "fused": False},
}


def parameters(shapes: Shapes, device: str) -> list[torch.Tensor]:
    """Float32 tensors with fixed normal gradients, the same ones in every call."""
    generator = torch.Generator(device).manual_seed(0)
    made = []
    for shape in shapes:
        p = torch.randn(shape, device=device, generator=generator)
        p.grad = torch.randn(shape, device=device, generator=generator)
        made.append(p)
    return made


def base(rule: str, params: list[torch.Tensor], how: str) -> torch.optim.Optimizer:
    """torch's own optimizer; `rule` is "adam" or "sgd_momentum", `how` a key of `TORCH`."""
    if rule == "adam":
        return torch.optim.Adam(params, lr=1e-3, **TORCH[how])
    return torch.optim.SGD(params, lr=1e-3, momentum=0.9, **TORCH[how])


def torch_arm(rule: str, shapes: Shapes, device: str, how: str = "fused") -> Step:
    """A step of torch's optimizer, without a mask."""
    return base(rule, parameters(shapes, device), how).step


def lrd_arm(rule: str, shapes: Shapes, device: str, kernel: str, statistics: bool = False) -> Step:
    """A step of `LRD` at drop rate 0.5 around torch's fused optimizer.

    With `statistics` all of them are measured; on a CPU a total of them is read too, on a GPU
    that would wait for the device.
    """
    wrapped = base(rule, parameters(shapes, device), "fused")
    lrd = LRD(wrapped, drop_rate=DROP_RATE, seed=1, kernel=kernel)
    if not statistics:
        return lrd.step
    lrd.collect_statistics = True

    def step() -> None:
        lrd.step()
        if device == "cpu" and lrd.statistics is not None:
            _ = lrd.statistics.keep_rate

    return step


def paper_arm(rule: str, shapes: Shapes, device: str) -> Step:
    """A step of the loop written from the paper."""
    params, keep = parameters(shapes, device), 1 - DROP_RATE
    paper = PaperAdam(params, keep) if rule == "adam" else PaperMomentum(params, keep)
    return paper.step


def best_kernel(device: str) -> str:
    """ "compiled" if compiled code can be had on this machine, else "torch".

    On return Adam's code is compiled and in the cache on disk.
    """
    try:
        lrd_arm("adam", [(64,)], device, "compiled")()
    except SettingError:
        return "torch"
    return "compiled"
