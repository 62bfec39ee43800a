"""Optimizers that are wrong on purpose: the known slips of public code, written anew and small.

Each takes parameters and `keep`, the probability that a coordinate is kept, and draws its masks as
`LRD` with seed 0 does. So a test may ask the same of both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lrd_core.optim.random_bits import keep_mask_numpy


class Twin(torch.optim.Optimizer):
    """Steps counted from 1, and a mask for each tensor."""

    def __init__(self, params: list[nn.Parameter], **options: Any) -> None:
        super().__init__(params, options)
        self.steps = 0

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        self.steps += 1
        for group in self.param_groups:
            for j, p in enumerate(group["params"]):
                mask = keep_mask_numpy(0, self.steps, j, p.numel(), group["keep"])
                self.move(p, p.grad.clone(), torch.from_numpy(mask).view(p.shape), group)

    def move(
        self, p: nn.Parameter, g: torch.Tensor, mask: torch.Tensor, group: dict[str, Any]
    ) -> None:
        raise NotImplementedError

    def buffer(self, p: nn.Parameter, name: str) -> torch.Tensor:
        found: torch.Tensor = self.state[p].setdefault(name, torch.zeros_like(p))
        return found


class AliasedBuffer(Twin):
    """The momentum buffer itself is multiplied by the mask, in place."""

    def __init__(self, params: list[nn.Parameter], keep: float) -> None:
        super().__init__(params, keep=keep)

    def move(
        self, p: nn.Parameter, g: torch.Tensor, mask: torch.Tensor, group: dict[str, Any]
    ) -> None:
        p.sub_(self.buffer(p, "b").mul_(0.9).add_(g).mul_(mask))


class GradientMaskedRMSprop(Twin):
    """The mask is multiplied into the gradient, before weight decay, and only without momentum.

    So weight decay reaches the denominator alone, and with momentum nothing is masked.
    """

    def __init__(
        self,
        params: list[nn.Parameter],
        keep: float,
        lr: float = 0.01,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(params, keep=keep, lr=lr, weight_decay=weight_decay, momentum=momentum)

    def move(
        self, p: nn.Parameter, g: torch.Tensor, mask: torch.Tensor, group: dict[str, Any]
    ) -> None:
        masked = g * mask
        g = g + group["weight_decay"] * p
        root = self.buffer(p, "v").mul_(0.99).addcmul_(g, g, value=0.01).sqrt().add(1e-8)
        if group["momentum"] > 0:
            b = self.buffer(p, "b").mul_(group["momentum"]).add_(g / root)
            p.sub_(group["lr"] * b)
        else:
            p.sub_(group["lr"] * masked / root)


class MomentumOnlySGD(Twin):
    """The masked update exists only with momentum; Nesterov's form is taken and ignored."""

    def __init__(
        self,
        params: list[nn.Parameter],
        keep: float,
        lr: float = 0.1,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, keep=keep, lr=lr, momentum=momentum, nesterov=nesterov)

    def move(
        self, p: nn.Parameter, g: torch.Tensor, mask: torch.Tensor, group: dict[str, Any]
    ) -> None:
        if group["momentum"] > 0:
            b = self.buffer(p, "b").mul_(group["momentum"]).add_(g)
            masked = b * mask
        p.sub_(group["lr"] * masked)


class KeepCalledDropout(Twin):
    """An argument called `dropout` that is the probability to keep, and 0 unless given."""

    def __init__(self, params: list[nn.Parameter], lr: float = 0.1, dropout: float = 0.0) -> None:
        super().__init__(params, lr=lr, keep=dropout)

    def move(
        self, p: nn.Parameter, g: torch.Tensor, mask: torch.Tensor, group: dict[str, Any]
    ) -> None:
        p.sub_(group["lr"] * torch.where(mask, g, 0.0))
