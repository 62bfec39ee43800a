"""Threads, strides and addresses: nothing of them reaches a bit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lrd_core import LRD
from tests.lrd_core.optim.kernels.cpu_cases import (
    CASES,
    LARGE,
    ByHand,
    agree,
    base,
    bits,
    copies,
    give,
    gradients,
    same,
    tensors,
)

F32 = torch.float32
ENGINES = ("compiled", "torch")


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("case", ["adam", "adamw", "sgd nesterov", "nadam", "lion"])
def test_thread_count_changes_no_bit(case: str) -> None:
    found = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        own = tensors((63, LARGE, 1025, 7), F32)
        lrd = LRD(base(case, own), 0.5, kernel="compiled")
        rng = np.random.default_rng(4)
        for _ in range(3):
            give(own, gradients(rng, own))
            lrd.step()
        tensors_of = [*own, *(t for p in own for t in lrd.state[p].values())]
        found.append(torch.cat([bits(t) for t in tensors_of]))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.usefixtures("threads")
def test_sums_of_two_threads_are_those_of_one() -> None:
    found = []
    for count in (1, 2):
        torch.set_num_threads(count)
        own = tensors((63, LARGE, 1025), torch.float64)
        lrd = LRD(base("adam", own), 0.5, kernel="compiled")
        lrd.collect_statistics = True
        give(own, gradients(np.random.default_rng(4), own))
        lrd.step()
        assert lrd.statistics is not None
        found.append(lrd.statistics)
    one, two = found
    assert one.kept == two.kept
    assert two.masked_sq == pytest.approx(one.masked_sq, rel=1e-9)
    assert two.full_dot_grad == pytest.approx(one.full_dot_grad, rel=1e-9)


def matrix(rows: int, columns: int, how: str) -> nn.Parameter:
    values = torch.from_numpy(np.random.default_rng(5).normal(size=(rows, columns))).float()
    if how == "transposed":
        values = values.t().contiguous().t()
    elif how == "every other":
        values = values.repeat_interleave(2, dim=1)[:, ::2]
    elif how == "odd address":
        values = torch.cat([torch.zeros(1), values.reshape(-1)])[1:].view(rows, columns)
    return nn.Parameter(values)


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize("how", ["transposed", "every other", "odd address"])
def test_a_parameter_s_strides_and_address(how: str, kernel: str) -> None:
    shapes = [(5, 13), (33, 40)]
    ours = [matrix(*shape, how) for shape in shapes]
    theirs = [matrix(*shape, "") for shape in shapes]
    # torch's fused loop misreads a parameter and a gradient of different strides.
    fused = True if how == "odd address" else None
    build = partial(base, "adam", fused=fused)
    lrd, other = LRD(build(ours), 0.5, 3, kernel=kernel), ByHand(theirs, build, 0.5, 3)
    rng = np.random.default_rng(2)
    for _ in range(5):
        given = gradients(rng, ours)
        give(ours, given)
        give(theirs, given)
        lrd.step()
        other.step()
        assert all(same(p, q) for p, q in zip(ours, theirs, strict=True))


def gradient(values: torch.Tensor, how: str) -> torch.Tensor:
    if how == "transposed":
        return values.t().contiguous().t()
    if how == "every other":
        return values.repeat_interleave(2, dim=1)[:, ::2]
    if how == "odd address":
        return torch.cat([torch.zeros(1), values.reshape(-1)])[1:].view(values.shape)
    if how == "negated lazily":
        return torch.complex(torch.zeros_like(values), -values).conj().imag
    return values[:, :1].expand(values.shape)


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize(
    "how", ["transposed", "every other", "odd address", "negated lazily", "expanded"]
)
def test_a_gradient_s_strides_and_address(how: str, kernel: str) -> None:
    ours = [matrix(5, 13, ""), matrix(33, 40, ""), matrix(1, 1, "")]
    theirs = copies(ours)
    build = partial(base, "adam", fused=True)
    lrd, other = LRD(build(ours), 0.5, 3, kernel=kernel), ByHand(theirs, build, 0.5, 3)
    rng = np.random.default_rng(2)
    for _ in range(5):
        for p, q in zip(ours, theirs, strict=True):
            values = torch.from_numpy(rng.normal(size=tuple(p.shape))).float()
            p.grad = gradient(values, how)
            q.grad = p.grad.resolve_neg().contiguous()
        given = [p.grad for p in ours]
        lrd.step()
        other.step()
        assert agree(ours, lrd, theirs, other.state)
        # The caller's gradient is as it was.
        assert all(p.grad is g for p, g in zip(ours, given, strict=True))


@pytest.mark.parametrize("case", CASES)
def test_special_values_are_selected_not_multiplied(case: str) -> None:
    """inf, NaN and −0, in parameters and gradients: equal bits on both engines."""
    found = []
    for kernel in ENGINES:
        rng = np.random.default_rng(6)
        own = tensors((7, 1025), F32)
        odd = torch.tensor([-0.0, 0.0, torch.inf, -torch.inf, torch.nan, 1e-42, 3e38])
        for p in own:
            p.data[: 7 * (p.numel() // 7)] = odd.repeat(p.numel() // 7)
        lrd = LRD(base(case, own), 0.5, kernel=kernel)
        for _ in range(3):
            before = [p.detach().clone() for p in own]
            for p in own:
                p.grad = odd[torch.from_numpy(rng.integers(0, 7, size=p.numel()))]
            lrd.step()
        for j, (p, old) in enumerate(zip(own, before, strict=True)):
            kept = ByHand(own, partial(base, case), 0.5)
            kept.steps = 3
            mask = kept.mask(j)
            assert torch.equal(bits(p[~mask]), bits(old[~mask]))
        found.append(own)
    for p, q in zip(*found, strict=True):
        nan = p.isnan()
        # Which NaN is left is the processor's choice.
        assert torch.equal(nan, q.isnan())
        assert torch.equal(bits(p[~nan]), bits(q[~nan]))


def test_empty_tensors_and_scalars() -> None:
    ours = [nn.Parameter(torch.zeros(0, 3)), nn.Parameter(torch.tensor(2.0))]
    ours.append(nn.Parameter(torch.ones(3)))
    theirs = copies(ours)
    build = partial(base, "adam", fused=True)
    lrd, other = LRD(build(ours), 0.5, 3, kernel="compiled"), ByHand(theirs, build, 0.5, 3)
    rng = np.random.default_rng(2)
    for _ in range(6):
        given = gradients(rng, ours)
        give(ours, given)
        give(theirs, given)
        lrd.step()
        other.step()
        assert agree(ours, lrd, theirs, other.state)
