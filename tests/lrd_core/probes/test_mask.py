"""The watched mask: what the optimizer really left out, counted by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.policies import POLICIES, get_policy
from lrd_core.probes.mask import MaskWatch, bin_starts

RATE = 0.6


def watched(
    policy: str,
    steps: int,
    shape: tuple[int, ...] = (12, 9),
    rate: float = RATE,
    base=torch.optim.SGD,
) -> tuple[MaskWatch, list[np.ndarray], list[np.ndarray]]:
    """A watch on the second tensor of a training, and after every step its mask and what the
    tensor's change says."""
    torch.manual_seed(1)
    parameters = [nn.Parameter(torch.randn(5)), nn.Parameter(torch.randn(shape))]
    lrd = LRD(base(parameters, lr=0.1), rate, seed=11, policy=policy, kernel="torch")
    watch = MaskWatch(parameters[1], 1, get_policy(policy), 11)
    masks, changes = [], []
    for step in range(1, steps + 1):
        for p in parameters:
            p.grad = torch.randn(p.shape)
        before = parameters[1].detach().clone()
        watch.before()
        lrd.step()
        watch.after(step, rate, lrd.policy_settings)
        masks.append(watch.mask.copy())
        changes.append((parameters[1].detach() != before).numpy())
    return watch, masks, changes


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_is_what_the_step_left_out(policy: str) -> None:
    watch, masks, changes = watched(policy, 8)
    for mask, change in zip(masks, changes, strict=True):
        assert np.array_equal(mask, change)
    drawn = policy in ("elementwise", "per_row", "per_column", "per_tensor", "per_step")
    assert watch.source == ("coins" if drawn else "change")


def test_coins_are_kept_even_where_the_update_is_0() -> None:
    p = nn.Parameter(torch.ones(1000))
    lrd = LRD(torch.optim.SGD([p], lr=0.1), 0.5, seed=2)
    watch = MaskWatch(p, 0, get_policy("elementwise"), 2)
    p.grad = torch.zeros(1000)
    watch.before()
    lrd.step()
    watch.after(1, 0.5)
    assert 400 < watch.mask.sum() < 600
    picture = watch.picture()
    assert np.array_equal(picture.pixels[0] == 1, watch.mask[:128])
    assert math.isnan(picture.high)


def test_rate_0_keeps_all() -> None:
    watch, masks, _ = watched("elementwise", 3, rate=0.0)
    assert all(mask.all() for mask in masks)
    assert watch.overlap() == (1.0, 1.0)


def test_steps_since_the_last_update() -> None:
    watch, masks, _ = watched("elementwise", 120)
    expected = np.array(
        [
            next((ago for ago, mask in enumerate(reversed(masks)) if mask[place]), len(masks))
            for place in np.ndindex(12, 9)
        ]
    ).reshape(12, 9)
    assert watch.since.dtype == np.int32
    assert np.array_equal(watch.since, expected)
    firsts, counts = watch.histogram()
    assert firsts == [0, 1, 2, 3, 5, 9, 17, 33, 65]
    ends = [*firsts, 10**9]
    counted = [int(((expected >= a) & (expected < b)).sum()) for a, b in pairwise(ends)]
    assert counts == counted
    touched = {n: np.logical_or.reduce(masks[-n:]).mean() for n in (1, 10, 100)}
    assert watch.touched() == pytest.approx(touched)


def test_what_was_not_watched_is_not_told() -> None:
    watch, masks, _ = watched("elementwise", 9)
    assert watch.touched()[1] == masks[-1].mean()
    assert math.isnan(watch.touched()[10])
    fresh, _, _ = watched("elementwise", 1)
    assert all(map(math.isnan, fresh.overlap()))
    assert fresh.histogram()[0] == [0, 1]
    assert np.array_equal(fresh.since == 0, fresh.mask)


def test_overlap() -> None:
    watch, masks, _ = watched("elementwise", 4, shape=(100, 100))
    a, b = masks[-2:]
    overlap, independent = watch.overlap()
    assert overlap == (a & b).sum() / (a | b).sum()
    assert independent == pytest.approx(0.4 * 0.4 / (0.8 - 0.16), rel=0.05)
    assert overlap == pytest.approx(independent, abs=0.03)


def test_bins() -> None:
    assert bin_starts(0) == [0]
    assert bin_starts(4) == [0, 1, 2, 3]
    assert bin_starts(5) == [0, 1, 2, 3, 5]
    assert bin_starts(20) == [0, 1, 2, 3, 5, 9, 17]


def test_picture() -> None:
    p = nn.Parameter(torch.zeros(2, 3))
    watch = MaskWatch(p, 0, get_policy("cautious"), 0)
    watch.before()
    with torch.no_grad():
        p.copy_(torch.tensor([[1.0, 0.1, 0.0], [-1e-9, 1e-2, math.inf]]))
    watch.after(1, 0.5)
    picture = watch.picture()
    assert picture.pixels.dtype == np.uint8
    assert picture.high == pytest.approx(0.0)
    assert picture.low == pytest.approx(-4.0)
    assert picture.pixels.tolist() == [[255, 192, 0], [1, 128, 255]]
    assert picture.shape == (2, 3)
    assert picture.shown == "all of it"


@pytest.mark.parametrize(
    ("shape", "pixels", "shown"),
    [
        ((300, 20), (128, 20), "the first 128 of 300 rows and the first 20 of 20 columns"),
        ((2, 5, 50), (2, 128), "the first 2 of 2 rows and the first 128 of 250 columns"),
        ((200,), (1, 128), "the first 1 of 1 rows and the first 128 of 200 columns"),
        ((7,), (1, 7), "all of it"),
        ((), (1, 1), "all of it"),
    ],
)
def test_large_tensors_are_cut(shape: tuple[int, ...], pixels: tuple[int, int], shown: str) -> None:
    watch, masks, _ = watched("elementwise", 2, shape=shape)
    picture = watch.picture()
    assert picture.pixels.shape == pixels
    assert picture.shown == shown
    rows = shape[0] if len(shape) > 1 else 1
    assert np.array_equal(picture.pixels > 0, masks[-1].reshape(rows, -1)[:128, :128])


def test_watching_changes_nothing() -> None:
    def end(watching: bool) -> torch.Tensor:
        p = nn.Parameter(torch.ones(50))
        lrd = LRD(torch.optim.Adam([p], lr=0.1), 0.5)
        watch = MaskWatch(p, 0, get_policy("elementwise"), 0)
        for step in range(1, 6):
            p.grad = torch.cos(p.detach())
            if watching:
                watch.before()
            lrd.step()
            if watching:
                watch.after(step, 0.5)
                watch.picture()
        return p.detach()

    assert torch.equal(end(True), end(False))
