"""Columns of the update: one step or many at once, and against norms written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.measurement import StepSums
from lrd_core.probes.update import update, update_columns, update_ratios

NAMES = ["w", "b", "v"]


def trained(steps: int, **options: object) -> tuple[list[dict[str, float]], list, list[int]]:
    """Rows by `update` of a training, and the sums of its steps."""
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.randn(shape)) for shape in ((6, 7), (6,), (3, 6))]
    lrd = LRD(
        torch.optim.Adam(parameters, lr=0.1),
        kernel="torch",
        collect_statistics=True,
        **options,
    )
    rows, sums = [], []
    for step in range(steps):
        for p in parameters:
            p.grad = torch.zeros_like(p) if step == 2 else torch.randn(p.shape)
        lrd.step()
        rows.append(update(lrd.statistics, NAMES))
        sums.append(lrd._measured.sums())
    return rows, sums, [p.numel() for p in parameters]


@pytest.mark.parametrize("rescale", [False, True])
def test_many_steps_at_once_have_the_bits_of_each(rescale: bool) -> None:
    rows, sums, numel = trained(7, drop_rate=0.4, rescale=rescale)
    columns = update_columns(sums, NAMES, numel)
    assert list(columns) == list(rows[0])
    for name, values in columns.items():
        assert np.array_equal(values, [row[name] for row in rows], equal_nan=True), name
        # Whatever they are taken together with.
        split = [update_columns(part, NAMES, numel)[name] for part in (sums[:1], sums[1:])]
        assert np.array_equal(np.concatenate(split), values, equal_nan=True)
    # A step without a gradient: Adam still moves, but has no angle with it.
    assert math.isnan(rows[2]["cos_grad"])
    assert rows[2]["grad_norm"] == 0 < rows[2]["update_norm"]


def test_steps_of_different_tensors_are_not_mixed() -> None:
    p, q = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(2))
    lrd = LRD(torch.optim.Adam([p, q]), kernel="torch", collect_statistics=True)
    sums = []
    for both in (True, False):
        p.grad, q.grad = torch.ones(3), torch.ones(2) if both else None
        lrd.step()
        sums.append(lrd._measured.sums())
    assert [s.indices for s in sums] == [(0, 1), (0,)]
    with pytest.raises(ValueError, match="different tensors"):
        update_columns(sums, ["p", "q"], [3, 2])
    assert list(update_columns(sums[1:], ["p", "q"], [3, 2]))[-1] == "keep_rate/p"


def test_what_has_no_sums_says_so() -> None:
    """Steps of the base, and policies that keep all updates, have statistics only."""
    for base, policy in (
        (torch.optim.Rprop, "elementwise"),
        (torch.optim.Adam, "gradient_dropout"),
    ):
        p = nn.Parameter(torch.ones(9))
        lrd = LRD(base([p]), policy=policy, kernel="torch", collect_statistics=True)
        p.grad = torch.ones(9)
        lrd.step()
        assert lrd._measured.sums() is None
        assert update(lrd.statistics, ["p"])["grad_norm"] == pytest.approx(3.0)


def test_sums_stay_as_they_were() -> None:
    _, sums, _ = trained(2, drop_rate=0.5)
    _, fewer, _ = trained(1, drop_rate=0.5)
    assert np.array_equal(sums[0].sums, fewer[0].sums)
    assert not np.array_equal(sums[0].sums, sums[1].sums)


def test_update_ratios() -> None:
    torch.manual_seed(3)
    parameters = [nn.Parameter(torch.randn(5, 4)), nn.Parameter(torch.zeros(3))]
    lrd = LRD(torch.optim.SGD(parameters, lr=0.1), 0.5, collect_statistics=True)
    parameters[0].grad, parameters[1].grad = torch.randn(5, 4), torch.zeros(3)
    before = parameters[0].detach().clone()
    lrd.step()
    now = parameters[0].detach()
    ratios = update_ratios(lrd.statistics, ["w", "b"], parameters)()
    expected = float((now - before).norm() / now.norm())
    assert ratios["update_ratio/w"] == pytest.approx(expected, rel=1e-5)
    assert math.isnan(ratios["update_ratio/b"])
    for p in parameters:
        p.grad = None
    lrd.step()
    assert update_ratios(lrd.statistics, ["w", "b"], parameters)() == {}


def test_columns_of_many_tensors_don_t_depend_on_how_many_steps_are_taken_at_once() -> None:
    draws = np.random.default_rng(0)
    names, numel = [f"p{i}" for i in range(12)], [10 + i for i in range(12)]
    factors = list(draws.random(12))
    steps = [
        StepSums(tuple(range(12)), draws.standard_normal((12, 6)) ** 2, factors) for _ in range(7)
    ]
    whole = update_columns(steps, names, numel)
    for size in (1, 2, 3):
        parts = [update_columns(steps[at : at + size], names, numel) for at in range(0, 7, size)]
        for name, column in whole.items():
            assert np.concatenate([part[name] for part in parts]).tobytes() == column.tobytes()
