"""Kernels against torch's own fused loops, to the bit: parameters and states."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.kernels.entry import Mode
from lrd_core.optim.rules import get_rule
from lrd_core.optim.rules.optimizer import RuleOptimizer
from lrd_core.settings import check_settings
from tests.lrd_core.optim.kernels.cpu_cases import (
    CASES,
    FUSED,
    LARGE,
    SIZES,
    ByHand,
    agree,
    base,
    copies,
    give,
    gradients,
    kernel_of,
    same,
    tensors,
)

F32, F64 = torch.float32, torch.float64
ENGINES = ("compiled", "torch")


def follow(
    case: str,
    sizes: tuple[int, ...],
    kernel: str,
    drop_rate: float,
    steps: int,
    dtype: torch.dtype = F32,
    policy: str = "elementwise",
    missing: float = 0.0,
    **options: object,
) -> LRD:
    """Steps beside torch's fused loop with masks by hand; equal bits after every step."""
    ours = tensors(sizes, dtype)
    theirs = copies(ours)
    build = partial(base, case, fused=True, **options)
    gradient = policy == "gradient_dropout"
    lrd = LRD(build(ours), drop_rate, 3, policy, kernel=kernel)
    other = ByHand(theirs, build, drop_rate, 3, gradient)
    rng = np.random.default_rng(2)
    for _ in range(steps):
        given = gradients(rng, ours, missing)
        give(ours, given)
        give(theirs, given)
        lrd.step()
        other.step()
        assert agree(ours, lrd, theirs, other.state)
    return lrd


def ran(lrd: LRD, dtype: torch.dtype = F32, mode: Mode = "update") -> bool:
    return kernel_of(lrd, dtype, mode).state == "ready"


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize("drop_rate", [0.0, 0.5])
@pytest.mark.parametrize("case", FUSED)
def test_fused_bases_to_the_bit(case: str, drop_rate: float, kernel: str) -> None:
    lrd = follow(case, (*SIZES, LARGE), kernel, drop_rate, 12)
    if kernel == "compiled":
        assert ran(lrd)
    # Nothing was left to the base, at drop rate 0 neither.
    assert not lrd._fused.reasons


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize("case", FUSED)
def test_settings_across_their_ranges_to_the_bit(case: str, kernel: str) -> None:
    rng = np.random.default_rng(8)
    # From a weight, 1 − beta1, of 0.5 on torch's lerp goes from its other end. (At 0 it is a
    # kernel of its own.)
    for beta1 in (0.0, 0.3, 0.5, 0.9) if case == "adam" else (0.1, 0.5, 0.9):
        options: dict[str, object] = {
            name: float(rng.uniform(1e-3, 0.5)) for name in ("lr", "weight_decay")
        }
        if (case.startswith("ad") and case != "adagrad") or case == "amsgrad":
            options["betas"] = (beta1, float(rng.uniform(0.1, 0.999)))
        elif case == "adagrad":
            options["lr_decay"] = float(rng.uniform(1e-3, 0.5))
        elif case != "sgd":
            options["momentum"] = float(rng.uniform(0.01, 0.99))
        if case == "sgd":
            options["weight_decay"] = 0.0
        follow(case, SIZES, kernel, 0.0, 25, **options)


@pytest.mark.parametrize("drop_rate", [0.0, 0.3])
def test_fused_bases_of_float64_to_the_bit(drop_rate: float) -> None:
    assert ran(follow("adam", SIZES, "compiled", drop_rate, 12, F64), F64)


@pytest.mark.parametrize("case", ["adam", "sgd momentum"])
def test_gradient_dropout_gives_torch_s_loop_a_masked_gradient(case: str) -> None:
    lrd = follow(case, SIZES, "compiled", 0.5, 12, policy="gradient_dropout")
    assert ran(lrd, mode="gradient")


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize("case", ["adam", "sgd momentum"])
def test_maximize_to_the_bit(case: str, kernel: str) -> None:
    lrd = follow(case, SIZES, kernel, 0.5, 6, maximize=True)
    if kernel == "compiled":
        assert ran(lrd)


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize("case", FUSED)
def test_gradients_that_come_and_go(case: str, kernel: str) -> None:
    follow(case, SIZES, kernel, 0.5, 20, missing=0.4)


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize("case", sorted(set(CASES) - set(FUSED)))
def test_rules_without_a_fused_loop_round_every_operation(case: str, kernel: str) -> None:
    name, given = CASES[case]
    rule = get_rule(name)
    settings = check_settings(rule.settings, given)
    ours = tensors(SIZES, F32)
    plain = copies(ours)
    lrd = LRD(base(case, ours), 0.5, 3, kernel=kernel)
    other = ByHand(plain, lambda p: RuleOptimizer(p, rule, settings), 0.5, 3)
    keys = rule.form.state if rule.form else {s: s for s in rule.state}
    for q, one in zip(plain, other.bases, strict=True):
        # As torch keeps them.
        one.state[q] = {name: torch.tensor(value) for name, value in (rule.scalars or {}).items()}
    rng = np.random.default_rng(2)
    for _ in range(12):
        given_now = gradients(rng, ours, 0.2)
        give(ours, given_now)
        give(plain, given_now)
        lrd.step()
        other.step()
        for p, q in zip(ours, plain, strict=True):
            assert same(p, q)
            for key, own in keys.items():
                if key in other.state[q]:
                    assert same(lrd.state[p][own], other.state[q][key])


@pytest.mark.parametrize("case", [name for name in CASES if name != "lion"])
def test_rate_0_without_fused_is_the_base_s_own_loop(case: str) -> None:
    options = [{"foreach": True}, {"foreach": False}, {}]
    if case in FUSED:
        options += [{"fused": False, "foreach": None}]
    for flags in options:
        ours = tensors((7, 65), F32)
        theirs = copies(ours)
        lrd = LRD(base(case, ours, **{"fused": None, **flags}), 0.0, kernel="compiled")
        other = base(case, theirs, **{"fused": None, **flags})
        rng = np.random.default_rng(2)
        for _ in range(12):
            given = gradients(rng, ours)
            give(ours, given)
            give(theirs, given)
            lrd.step()
            other.step()
            assert agree(ours, lrd, theirs, other.state)


@pytest.mark.parametrize("flags", [{"foreach": True}, {"foreach": False}, {"fused": False}])
def test_a_loop_asked_for_is_the_one_that_steps(flags: dict[str, bool]) -> None:
    ours = tensors((7, 65), F32)
    theirs = copies(ours)

    def build(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=0.01, weight_decay=0.1, **flags)

    lrd, other = LRD(build(ours), 0.5, 3, kernel="compiled"), ByHand(theirs, build, 0.5, 3)
    rng = np.random.default_rng(2)
    for _ in range(12):
        given = gradients(rng, ours)
        give(ours, given)
        give(theirs, given)
        lrd.step()
        other.step()
        assert agree(ours, lrd, theirs, other.state)
    assert all("its own loop steps" in reason for reason in lrd._fused.reasons.values())
