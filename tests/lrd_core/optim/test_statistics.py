"""Step statistics against sums written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim import StepStatistics
from lrd_core.optim.random_bits import keep_mask_numpy


def statistics(lrd: LRD) -> StepStatistics:
    assert lrd.statistics is not None
    return lrd.statistics


# The last shape is longer than a chunk of the measurement.
@pytest.mark.parametrize("shapes", [[(7, 5), (0,), (3,), ()], [(5,), (1_300_000,), (4, 2)]])
@pytest.mark.parametrize("rescale", [False, True])
def test_sums_and_cosines(shapes: list[tuple[int, ...]], rescale: bool) -> None:
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.randn(shape, dtype=torch.float64)) for shape in shapes]
    lrd = LRD(torch.optim.SGD(parameters, lr=0.5, weight_decay=0.1), 0.5, 6, rescale=rescale)
    lrd.collect_statistics = True
    full, masked, gradients = [], [], []
    kept = []
    for j, p in enumerate(parameters):
        p.grad = torch.randn_like(p)
        g, q = p.grad.numpy().ravel(), p.detach().numpy().ravel()
        step = -0.5 * (g + 0.1 * q)
        mask = keep_mask_numpy(6, 1, j, p.numel(), 0.5)
        gradients.append(g)
        full.append(step)
        masked.append(np.where(mask, step / 0.5 if rescale else step, 0.0))
        kept.append(int(mask.sum()))
    lrd.step()
    s = statistics(lrd)
    assert s.indices == tuple(range(len(shapes)))
    assert s.names == tuple(str(j) for j in range(len(shapes)))
    assert s.numel == tuple(p.numel() for p in parameters)
    assert s.kept == tuple(kept)

    def expect(a: list[np.ndarray], b: list[np.ndarray]) -> list[float]:
        return pytest.approx([float(x @ y) for x, y in zip(a, b, strict=True)], rel=1e-9)

    assert s.grad_sq == expect(gradients, gradients)
    assert s.full_sq == expect(full, full)
    assert s.masked_sq == expect(masked, masked)
    assert s.masked_dot_grad == expect(masked, gradients)
    assert s.full_dot_grad == expect(full, gradients)
    assert s.masked_dot_full == expect(masked, full)

    f, m, g = (np.concatenate(parts) for parts in (full, masked, gradients))
    norm = np.linalg.norm
    assert s.keep_rate == sum(kept) / m.size
    assert s.grad_norm == pytest.approx(norm(g))
    assert s.update_norm == pytest.approx(norm(m))
    assert s.full_norm == pytest.approx(norm(f))
    assert s.cos_full == pytest.approx(m @ f / norm(m) / norm(f))
    assert s.cos_grad == pytest.approx(-(m @ g) / norm(m) / norm(g))


def test_measuring_changes_no_bit() -> None:
    def end(measured: bool) -> torch.Tensor:
        p = nn.Parameter(torch.ones(100))
        lrd = LRD(torch.optim.Adam([p], lr=0.1), 0.5)
        lrd.collect_statistics = measured
        for _ in range(10):
            p.grad = torch.cos(p.detach())
            lrd.step()
        return p.detach()

    assert torch.equal(end(True), end(False))


def test_rate_0_keeps_everything() -> None:
    p = nn.Parameter(torch.ones(10))
    lrd = LRD(torch.optim.SGD([p], lr=0.1), 0.0)
    assert lrd.statistics is None
    lrd.collect_statistics = True
    p.grad = torch.ones(10)
    lrd.step()
    s = statistics(lrd)
    assert (s.keep_rate, s.keep_rates, s.kept) == (1.0, (1.0,), (10,))
    assert s.cos_full == pytest.approx(1.0)
    assert s.cos_grad == pytest.approx(1.0)
    assert s.update_norm == pytest.approx(0.1 * math.sqrt(10), rel=1e-6)
    lrd.collect_statistics = False
    lrd.step()
    assert lrd.statistics is None


def test_small_updates_of_small_dtypes_are_summed_in_float64() -> None:
    p = nn.Parameter(torch.zeros(100_000, dtype=torch.bfloat16))
    lrd = LRD(torch.optim.SGD([p], lr=1.0), 0.0)
    lrd.collect_statistics = True
    p.grad = torch.full_like(p, 1e-30)
    exact = float(p.grad[0]) ** 2 * 100_000
    lrd.step()
    assert statistics(lrd).grad_sq[0] == pytest.approx(exact, rel=1e-12, abs=0.0)
    assert statistics(lrd).full_sq[0] == pytest.approx(exact, rel=1e-12, abs=0.0)


def test_tensors_without_gradient_are_left_out_and_names_are_told() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    for p in net[1].parameters():
        p.grad = torch.ones_like(p)
    lrd = LRD(torch.optim.SGD(net.named_parameters(), lr=0.1), 0.5)
    lrd.collect_statistics = True
    lrd.step()
    assert statistics(lrd).indices == (2, 3)
    assert statistics(lrd).names == ("1.weight", "1.bias")
    assert statistics(lrd).numel == (3, 1)


def test_undefined_is_nan() -> None:
    p = nn.Parameter(torch.ones(10))
    lrd = LRD(torch.optim.SGD([p], lr=0.1), 0.5)
    lrd.collect_statistics = True
    lrd.step()
    nothing = statistics(lrd)
    assert nothing.indices == ()
    assert math.isnan(nothing.keep_rate)
    assert nothing.update_norm == 0.0
    p.grad = torch.zeros(10)
    lrd.step()
    assert math.isnan(statistics(lrd).cos_full)
    assert math.isnan(statistics(lrd).cos_grad)
    p.grad = torch.full((10,), math.nan)
    lrd.step()
    assert math.isnan(statistics(lrd).update_norm)
    assert statistics(lrd).keep_rate == sum(keep_mask_numpy(0, 3, 0, 10, 0.5)) / 10
