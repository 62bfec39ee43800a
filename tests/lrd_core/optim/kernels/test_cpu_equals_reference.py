"""Both CPU engines against the float64 reference, with the same masks, step by step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.kernels.entry import Mode
from lrd_core.optim.reference import Reference
from tests.lrd_core.optim.kernels.cpu_cases import (
    CASES,
    SIZES,
    agree,
    base,
    copies,
    give,
    gradients,
    kernel_of,
    tensors,
)

STEPS = 30
SEED = 7
#: (relative, absolute) after 30 steps of about 0.01 from parameters of about 1.
TOLERANCE = {torch.float32: (1e-4, 2e-5), torch.float64: (1e-9, 1e-11)}
#: Rule, policy, rescale; policies of one mode share a kernel.
VARIANTS = [
    ("adam", "per_tensor", False),
    ("adam", "per_step", False),
    ("adam", "elementwise", True),
    ("adam", "per_tensor", True),
    ("adam", "per_step", True),
    ("adamw", "elementwise", True),
    ("sgd nesterov", "elementwise", True),
    ("adam", "gradient_dropout", False),
    ("adam", "gradient_dropout", True),
    ("sgd momentum", "gradient_dropout", False),
]


class Sides:
    """Compiled code, torch's operations and the reference, fed the same gradients."""

    def __init__(
        self,
        case: str,
        dtype: torch.dtype,
        policy: str = "elementwise",
        rescale: bool = False,
        statistics: bool = False,
    ) -> None:
        self.dtype = dtype
        start = tensors(SIZES, dtype)
        self.sides = {name: copies(start) for name in ("compiled", "torch")}
        self.lrd = {
            name: LRD(base(case, own), 0.5, SEED, policy, rescale, kernel=name)
            for name, own in self.sides.items()
        }
        for lrd in self.lrd.values():
            lrd.collect_statistics = statistics
        rule, settings = CASES[case]
        values = [p.detach().numpy() for p in start]
        self.reference = Reference(rule, values, settings, 0.5, SEED, rescale, policy)
        self.rng = np.random.default_rng(1)

    def step(self) -> None:
        """One step of all three; the engines to the bit, the reference within rounding."""
        ours, theirs = self.sides["compiled"], self.sides["torch"]
        before = [p.detach().numpy().copy() for p in ours]
        expected_before = [p.copy() for p in self.reference.parameters]
        # Rounded to the dtype once, for all.
        given = gradients(self.rng, ours, missing=0.1)
        for name, own in self.sides.items():
            give(own, given)
            self.lrd[name].step()
        assert agree(ours, self.lrd["compiled"], theirs, self.lrd["torch"].state)
        expected = self.reference.step([None if g is None else g.numpy() for g in given])
        rtol, atol = TOLERANCE[self.dtype]
        if self.reference.rule.scalars:
            # torch keeps NAdam's product of momenta in float32.
            rtol, atol = max(rtol, 1e-6), max(atol, 1e-8)
        for j, p in enumerate(ours):
            after, mask = p.detach().numpy(), self.reference.masks[j]
            np.testing.assert_allclose(after, expected[j], rtol=rtol, atol=atol)
            if mask is None:
                assert np.array_equal(after, before[j])
                continue
            moved = np.abs(expected[j] - expected_before[j])
            visible = moved > 4 * np.finfo(after.dtype).eps * np.abs(before[j])
            assert np.array_equal(after[~mask], before[j][~mask])
            assert (after != before[j])[mask & visible].all()

    def check(self, mode: Mode = "update", scaled: bool = False, statistics: bool = False) -> None:
        """It was compiled code that ran."""
        kernel = kernel_of(self.lrd["compiled"], self.dtype, mode, scaled, statistics)
        assert (kernel.state, kernel.reason) == ("ready", "")


@pytest.mark.parametrize("case", CASES)
def test_float32_equals_the_reference_on_both_engines(case: str) -> None:
    sides = Sides(case, torch.float32)
    for _ in range(STEPS):
        sides.step()
    sides.check()


def sums(lrd: LRD) -> Mapping[str, tuple[float, ...]]:
    s = lrd.statistics
    assert s is not None
    return {
        name: getattr(s, name)
        for name in ("grad_sq", "full_sq", "masked_sq", "masked_dot_grad", "full_dot_grad")
    } | {"masked_dot_full": s.masked_dot_full, "kept": s.kept, "numel": s.numel}


def close(lrd: LRD, other: LRD, tolerance: float) -> None:
    """Sums within `tolerance` of the product of the norms they are made of."""
    a, b = sums(lrd), sums(other)
    assert a["kept"] == b["kept"]
    assert a["numel"] == b["numel"]
    norms = {"grad": a["grad_sq"], "full": a["full_sq"], "masked": a["full_sq"]}
    for name in a.keys() - {"kept", "numel"}:
        left, right = name.removesuffix("_sq"), name.removesuffix("_sq")
        if "_dot_" in name:
            left, right = name.split("_dot_")
        scale = np.sqrt(np.array(norms[left]) * np.array(norms[right]))
        off = np.abs(np.array(a[name]) - np.array(b[name]))
        assert (off <= tolerance * scale).all(), name


@pytest.mark.parametrize("case", [c for c in CASES if c not in ("sgd", "sgd momentum", "rmsprop")])
def test_float64_equals_the_reference_on_both_engines_and_is_measured(case: str) -> None:
    sides = Sides(case, torch.float64, statistics=True)
    for _ in range(STEPS):
        sides.step()
        close(sides.lrd["compiled"], sides.lrd["torch"], 1e-6)
    sides.check(statistics=True)


@pytest.mark.parametrize(("case", "policy", "rescale"), VARIANTS)
def test_policies_and_rescaling_equal_the_reference(case: str, policy: str, rescale: bool) -> None:
    sides = Sides(case, torch.float32, policy, rescale)
    for _ in range(STEPS):
        sides.step()
    sides.check("gradient" if policy == "gradient_dropout" else "update", rescale)


@pytest.mark.parametrize(
    ("case", "policy", "rescale"),
    [
        ("adam", "elementwise", False),
        ("adam", "gradient_dropout", False),
    ],
)
def test_float32_sums_of_both_engines_and_of_the_base_s_own_loop(
    case: str, policy: str, rescale: bool
) -> None:
    sides = Sides(case, torch.float32, policy, rescale, statistics=True)
    # The base's own loop: another order of rounding, the same quantities.
    third: list[nn.Parameter] = copies(sides.sides["torch"])
    plain = LRD(base(case, third, fused=None, foreach=False), 0.5, SEED, policy, rescale)
    plain.collect_statistics = True
    for _ in range(3):
        sides.step()
        give(third, [p.grad for p in sides.sides["torch"]])
        plain.step()
        close(sides.lrd["compiled"], sides.lrd["torch"], 1e-6)
        close(sides.lrd["compiled"], plain, 1e-4)
