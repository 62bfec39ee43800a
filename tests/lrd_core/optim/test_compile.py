"""torch.compile around a training step: the step of LRD is a graph break, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.random_bits import keep_mask_numpy

Build = Callable[[Any], torch.optim.Optimizer]
BASES: dict[str, Build] = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "adam, lr a tensor": lambda p: torch.optim.Adam(p, lr=torch.tensor(0.05)),
    "adam, foreach": lambda p: torch.optim.Adam(p, lr=0.05, foreach=True),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.05),
}


@pytest.fixture(autouse=True)
def _forget_graphs() -> Iterator[None]:
    yield
    torch._dynamo.reset()


def train(
    build: Build, compiled: Callable[[Any], Any], kernel: str = "torch"
) -> tuple[list[float], list[list[bool]], int]:
    """Losses, the first layer's coordinates that moved, and steps counted."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    x, y = torch.randn(16, 4), torch.randn(16, 1)
    lrd = LRD(build(net.parameters()), 0.5, seed=2, kernel=kernel)

    def step(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        lrd.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        lrd.step()
        return loss

    run = compiled(step)
    first = next(net.parameters())
    losses, moved = [], []
    for _ in range(5):
        before = first.detach().clone()
        losses.append(float(run(x, y).detach()))
        moved.append((first.detach() != before).flatten().tolist())
    return losses, moved, lrd.steps


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("base", BASES)
def test_same_losses_and_masks_advance(base: str, backend: str) -> None:
    plain = train(BASES[base], lambda step: step)
    graph = train(BASES[base], lambda step: torch.compile(step, backend=backend))
    assert graph == plain
    losses, moved, steps = graph
    assert steps == 5
    expected = [keep_mask_numpy(2, t, 0, 32, 0.5).tolist() for t in range(1, 6)]
    assert moved == expected
    assert losses[-1] < losses[0]


def test_compiled_kernels_inside_a_compiled_step() -> None:
    plain = train(BASES["adam"], lambda step: step, "compiled")
    graph = train(BASES["adam"], lambda step: torch.compile(step, backend="eager"), "compiled")
    assert graph == plain
    assert plain == train(BASES["adam"], lambda step: step, "torch")


def test_the_step_alone() -> None:
    p = nn.Parameter(torch.zeros(200))
    lrd = LRD(torch.optim.SGD([p], lr=1.0), 0.5, seed=2, kernel="torch")
    step = torch.compile(lrd.step, backend="eager")
    for t in (1, 2, 3):
        before = p.detach().clone()
        p.grad = torch.ones(200)
        step()
        moved = (p.detach() != before).tolist()
        assert moved == keep_mask_numpy(2, t, 0, 200, 0.5).tolist()
