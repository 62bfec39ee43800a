"""What the tests of the CPU engines share: rules with settings, tensors, and torch masked by hand.

Every (program, variant) of a test is a kernel to compile, about a second each on an empty cache. So
all tests draw from the same `CASES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.kernels import cpu
from lrd_core.optim.kernels.entry import Mode, Variant
from lrd_core.optim.kernels.program import known_settings, program
from lrd_core.optim.random_bits import keep_mask_numpy
from lrd_core.optim.rules import RULES, get_rule
from lrd_core.optim.stepping.binding import bind_group
from lrd_core.settings import Value, check_settings

Settings = Mapping[str, Value]
Build = Callable[[list[nn.Parameter]], torch.optim.Optimizer]

#: Around a vector, a block, a page; together below what wakes the pool.
SIZES = (1, 7, 8, 63, 64, 1023, 1024, 1025)
#: Large enough for the pool.
LARGE = 40_000

CASES: dict[str, tuple[str, Settings]] = {
    "sgd": ("sgd", {"lr": 0.05}),
    "sgd momentum": (
        "sgd",
        {"lr": 0.05, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.1},
    ),
    "sgd nesterov": (
        "sgd",
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    "rmsprop": ("rmsprop", {"lr": 0.01, "weight_decay": 0.1}),
    "rmsprop centered": (
        "rmsprop",
        {"lr": 0.01, "momentum": 0.9, "centered": True, "weight_decay": 0.1},
    ),
    "adam": ("adam", {"lr": 0.01, "weight_decay": 0.1}),
    "adamw": ("adamw", {"lr": 0.01, "weight_decay": 0.1}),
    "amsgrad": ("amsgrad", {"lr": 0.01, "beta2": 0.9, "weight_decay": 0.1}),
    "nadam": ("nadam", {"lr": 0.01, "weight_decay": 0.1}),
    "radam": ("radam", {"lr": 0.01, "beta2": 0.9, "weight_decay": 0.1}),
    "adagrad": ("adagrad", {"lr": 0.05, "lr_decay": 0.05, "weight_decay": 0.1}),
    "adadelta": ("adadelta", {"weight_decay": 0.1}),
    "lion": ("lion", {"lr": 0.01, "weight_decay": 0.1}),
}
#: Those that torch has a fused loop for.
FUSED = [name for name, (rule, _) in CASES.items() if RULES[rule].fused]


def base(case: str, parameters: list[Any], **options: Any) -> torch.optim.Optimizer:
    """The case's own optimizer; for torch's, `options` replace those of its groups."""
    name, given = CASES[case]
    rule = get_rule(name)
    optimizer = rule.optimizer(parameters, check_settings(rule.settings, given))
    for group in optimizer.param_groups:
        group.update(options)
    return optimizer


def tensors(sizes: Sequence[int], dtype: torch.dtype, seed: int = 0) -> list[nn.Parameter]:
    rng = np.random.default_rng(seed)
    return [nn.Parameter(torch.from_numpy(rng.normal(size=n)).to(dtype)) for n in sizes]


def copies(parameters: list[nn.Parameter]) -> list[nn.Parameter]:
    return [nn.Parameter(p.detach().clone()) for p in parameters]


def gradients(
    rng: np.random.Generator, parameters: list[nn.Parameter], missing: float = 0.0
) -> list[torch.Tensor | None]:
    """Normal gradients of the parameters' shapes, a share of them None."""
    return [
        None
        if rng.random() < missing
        else torch.from_numpy(np.asarray(rng.normal(size=tuple(p.shape)))).to(p.dtype)
        for p in parameters
    ]


def give(parameters: list[nn.Parameter], grads: Sequence[torch.Tensor | None]) -> None:
    for p, g in zip(parameters, grads, strict=True):
        p.grad = None if g is None else g.clone()


def bits(tensor: torch.Tensor) -> torch.Tensor:
    flat = tensor.detach().contiguous().view(-1)
    return flat.view(torch.uint8) if flat.numel() else torch.zeros(0, dtype=torch.uint8)


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """The very bits: NaN equals NaN, −0 is not 0."""
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(bits(a), bits(b))


def same_state(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """States with the same tensors; what torch leaves None may be missing."""
    left = {k: v for k, v in a.items() if v is not None}
    right = {k: v for k, v in b.items() if v is not None}
    return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)


def agree(
    ours: list[nn.Parameter],
    lrd: torch.optim.Optimizer,
    theirs: list[nn.Parameter],
    other: Mapping[Any, Any],
) -> bool:
    """Parameters and states to the bit."""
    return all(
        same(p, q) and same_state(lrd.state.get(p, {}), other.get(q, {}))
        for p, q in zip(ours, theirs, strict=True)
    )


class ByHand:
    """torch's optimizers, one a tensor, with dropped coordinates put back or gradients masked.

    (One a tensor, since torch's fused SGD fails where a tensor gets its first gradient late.)
    """

    def __init__(
        self,
        parameters: list[nn.Parameter],
        build: Build,
        drop_rate: float = 0.5,
        seed: int = 0,
        gradient: bool = False,
    ) -> None:
        self.parameters = parameters
        self.bases = [build([p]) for p in parameters]
        self.drop_rate, self.seed, self.gradient = drop_rate, seed, gradient
        self.steps = 0
        #: Position of the first tensor among all of the optimizer's.
        self.first = 0

    @property
    def state(self) -> dict[Any, Any]:
        return {p: b.state[p] for p, b in zip(self.parameters, self.bases, strict=True)}

    def mask(self, j: int) -> torch.Tensor:
        p = self.parameters[j]
        kept = keep_mask_numpy(self.seed, self.steps, self.first + j, p.numel(), 1 - self.drop_rate)
        return torch.from_numpy(kept).view(p.shape)

    @torch.no_grad()
    def step(self) -> None:
        self.steps += 1
        for j, (p, one) in enumerate(zip(self.parameters, self.bases, strict=True)):
            if p.grad is None:
                continue
            before, mask = p.detach().clone(), self.mask(j)
            if self.gradient:
                p.grad = torch.where(mask, p.grad, torch.zeros_like(p))
            one.step()
            if not self.gradient:
                p.copy_(torch.where(mask, p, before))


def kernel_of(
    lrd: LRD,
    dtype: torch.dtype,
    mode: Mode = "update",
    scaled: bool = False,
    statistics: bool = False,
) -> cpu.Kernel:
    """The kernel that steps the first group of an optimizer."""
    binding = bind_group(lrd.optimizer, lrd.param_groups[0])
    assert not isinstance(binding, str), binding
    known = known_settings(binding.rule, binding.settings)
    chosen = program(binding.rule, known, binding.maximize)
    return cpu.wait(cpu.request(chosen, Variant(dtype, mode, scaled, statistics)))
