"""Drop rate 0: the base optimizer's very bits, and nothing copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from lrd_core import LRD

Build = Callable[[list[nn.Parameter]], torch.optim.Optimizer]

OPTIMIZERS: dict[str, Build] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05, weight_decay=1e-3),
    "SGD momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.1),
    "Nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.5, centered=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=1e-3, weight_decay=1e-2),
    "Adam for-loop": lambda p: torch.optim.Adam(p, lr=1e-3, foreach=False),
    "Adam foreach": lambda p: torch.optim.Adam(p, lr=1e-3, foreach=True),
    "Adam fused": lambda p: torch.optim.Adam(p, lr=1e-3, fused=True),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.1),
    "AMSGrad": lambda p: torch.optim.Adam(p, lr=1e-3, amsgrad=True),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=2e-3),
    "RAdam": lambda p: torch.optim.RAdam(p, lr=1e-3),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2),
    "Adadelta": lambda p: torch.optim.Adadelta(p, lr=1.0),
}


def network() -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(9, 13), nn.BatchNorm1d(13), nn.Tanh(), nn.Linear(13, 3))
    return net, torch.randn(32, 9), torch.randint(3, (32,))


def train(build: Build, wrap: Callable[[torch.optim.Optimizer], torch.optim.Optimizer]) -> str:
    """All bits after 200 steps."""
    net, x, y = network()
    optimizer = wrap(build(list(net.parameters())))
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return "".join(p.detach().numpy().tobytes().hex() for p in net.parameters())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_200_steps_bit_for_bit(name: str) -> None:
    build = OPTIMIZERS[name]
    plain = train(build, lambda base: base)
    assert train(build, lambda base: LRD(base, drop_rate=0.0)) == plain
    assert train(build, lambda base: LRD(base, drop_rate=0.0, rescale=True, seed=7)) == plain
    assert train(build, lambda base: LRD(base, drop_rate=0.5, kernel="torch")) != plain


class Operations(TorchDispatchMode):
    """Records every operation on tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func.namespace == "aten":
            self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def operations(optimizer: torch.optim.Optimizer, *parameters: nn.Parameter) -> list[str]:
    """Names of what a step runs, its state being there already."""
    for p in parameters:
        p.grad = torch.ones_like(p)
    optimizer.step()
    with Operations() as seen:
        optimizer.step()
    return seen.names


def test_rate_0_copies_nothing() -> None:
    p, q, r = (nn.Parameter(torch.ones(100)) for _ in range(3))
    plain = operations(torch.optim.SGD([p], lr=0.1), p)
    assert plain
    assert operations(LRD(torch.optim.SGD([q], lr=0.1), drop_rate=0.0), q) == plain
    half = LRD(torch.optim.SGD([r], lr=0.1), drop_rate=0.5, kernel="torch")
    assert len(operations(half, r)) > len(plain)


def test_a_compiled_step_allocates_nothing() -> None:
    p, q = nn.Parameter(torch.ones(100)), nn.Parameter(torch.ones(7, 5))
    base = torch.optim.Adam([p, q], lr=0.01, weight_decay=0.1)
    assert operations(LRD(base, 0.5, kernel="compiled"), p, q) == []


def test_putting_back_copies_each_masked_parameter_once() -> None:
    p, q, r = (nn.Parameter(torch.ones(100)) for _ in range(3))
    groups = [{"params": [p, q]}, {"params": [r], "drop_rate": 0.0}]
    lrd = LRD(torch.optim.SGD(groups, lr=0.1, foreach=False), 0.5)
    assert operations(lrd, p, q, r).count("aten.clone.default") == 2
