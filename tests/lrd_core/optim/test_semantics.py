"""What Learning Rate Dropout is, in numbers that wrong versions fail."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.random_bits import keep_mask_numpy


class AliasedBuffer(torch.optim.Optimizer):
    """Wrong on purpose: multiplies the momentum buffer itself by the mask."""

    def __init__(self, params: list[nn.Parameter], keep: float) -> None:
        super().__init__(params, {"keep": keep})
        self.steps = 0

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        self.steps += 1
        for group in self.param_groups:
            for j, p in enumerate(group["params"]):
                assert p.grad is not None
                buffer = self.state[p].setdefault("b", torch.zeros_like(p))
                mask = keep_mask_numpy(0, self.steps, j, p.numel(), group["keep"])
                buffer.mul_(0.9).add_(p.grad).mul_(torch.from_numpy(mask))
                p.sub_(buffer)


def mean_step(optimizer: torch.optim.Optimizer, p: nn.Parameter) -> float:
    """Mean size of a step under gradient 1, over 50 steps once the momentum is full."""
    p.grad = torch.ones_like(p)
    for _ in range(150):
        optimizer.step()
    start = p.detach().clone()
    for _ in range(50):
        optimizer.step()
    return float((start - p.detach()).mean()) / 50


def test_constant_gradient_tells_the_versions_apart() -> None:
    def fresh() -> nn.Parameter:
        return nn.Parameter(torch.zeros(20_000, dtype=torch.float64))

    def heavy(p: nn.Parameter) -> torch.optim.Optimizer:
        return torch.optim.SGD([p], lr=1.0, momentum=0.9)

    p = fresh()
    assert mean_step(heavy(p), p) == pytest.approx(10.0, abs=1e-4)
    p = fresh()
    assert mean_step(LRD(heavy(p), 0.5), p) == pytest.approx(5.0, abs=0.03)
    p = fresh()
    assert mean_step(LRD(heavy(p), 0.5, rescale=True), p) == pytest.approx(10.0, abs=0.06)
    p = fresh()
    wrong = mean_step(AliasedBuffer([p], 0.5), p)
    assert wrong == pytest.approx(0.5 / (1 - 0.5 * 0.9), abs=0.03)
    assert wrong != pytest.approx(5.0, abs=0.03)


def test_moments_accumulate_on_dropped_coordinates() -> None:
    torch.manual_seed(0)
    p, q = nn.Parameter(torch.zeros(50)), nn.Parameter(torch.zeros(50))
    lrd, plain = LRD(torch.optim.Adam([p]), 0.9), torch.optim.Adam([q])
    for _ in range(20):
        p.grad = torch.randn(50)
        q.grad = p.grad.clone()
        lrd.step()
        plain.step()
    assert not torch.equal(p, q)
    assert lrd.state[p].keys() == plain.state[q].keys()
    for name, value in plain.state[q].items():
        assert torch.equal(lrd.state[p][name], value), name


def test_weight_decay_is_dropped_with_the_update() -> None:
    for optimizer in (torch.optim.AdamW, torch.optim.SGD):
        p = nn.Parameter(torch.full((4000,), 2.0))
        lrd = LRD(optimizer([p], lr=0.1, weight_decay=0.5), 0.5)
        p.grad = torch.zeros_like(p)
        lrd.step()
        kept = keep_mask_numpy(0, 1, 0, 4000, 0.5)
        assert np.array_equal(p.detach().numpy() != 2.0, kept)


def test_selected_not_multiplied() -> None:
    special = torch.tensor([-0.0, math.inf, -math.inf, math.nan, 1.0] * 40)
    p = nn.Parameter(special.clone())
    lrd = LRD(torch.optim.SGD([p], lr=1.0), 0.5, seed=3)
    p.grad = torch.full_like(p, math.nan)
    lrd.step()
    kept = torch.from_numpy(keep_mask_numpy(3, 1, 0, 200, 0.5))
    bits, before = p.detach().view(torch.int32), special.view(torch.int32)
    assert torch.equal(bits[~kept], before[~kept])
    assert p.detach()[kept].isnan().all()
    assert 0 < int(kept.sum()) < 200


def test_a_dropped_nan_gradient_leaves_the_parameter_finite() -> None:
    p = nn.Parameter(torch.ones(100))
    lrd = LRD(torch.optim.SGD([p], lr=1.0), 0.5)
    p.grad = torch.full_like(p, math.inf)
    lrd.step()
    kept = keep_mask_numpy(0, 1, 0, 100, 0.5)
    assert np.array_equal(np.isinf(p.detach().numpy()), kept)


def test_seeds_share_or_separate_masks() -> None:
    def moved(seed: int) -> list[bool]:
        p = nn.Parameter(torch.zeros(64))
        p.grad = torch.ones(64)
        LRD(torch.optim.SGD([p], lr=1.0), 0.5, seed=seed).step()
        return (p.detach() != 0).tolist()

    assert moved(5) == moved(5)
    assert moved(5) != moved(6)
    assert moved(-1) == moved(2**64 - 1)
