"""Every policy's torch form around torch's optimizers against the float64 reference."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from lrd_core.optim.policies import POLICIES, get_policy
from lrd_core.optim.reference import Reference
from lrd_core.optim.rules import get_rule
from lrd_core.settings import SettingError, Value, check_settings
from tests.lrd_core.optim.draws import draw

SHAPES: list[tuple[int, ...]] = [(7, 5), (13,), (), (0, 3), (2, 3, 4), (4, 3, 2, 2), (1, 6)]
RULES: list[tuple[str, dict[str, Value]]] = [
    ("sgd", {"lr": 0.1}),
    ("sgd", {"lr": 0.1, "momentum": 0.9}),
    ("adamw", {"lr": 0.05, "weight_decay": 0.1}),
    ("rmsprop", {"lr": 0.05}),
    ("rmsprop", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1}),
]
CASES: list[tuple[str, dict[str, Value]]] = [(name, {}) for name in POLICIES] + [
    ("momentum_aligned", {"rest": 0.25}),
    ("gradient_noise", {"scale": 3.0}),
]


class Wrapped:
    """A plain restatement of what the wrapper does with a policy, around torch's optimizer."""

    def __init__(
        self,
        rule: tuple[str, Mapping[str, Value]],
        policy: tuple[str, Mapping[str, Value]],
        start: list[NDArray[np.float64]],
        rescale: bool,
    ) -> None:
        self.parameters = [nn.Parameter(torch.tensor(p)) for p in start]
        settings = check_settings(get_rule(rule[0]).settings, rule[1])
        self.base = get_rule(rule[0]).optimizer(self.parameters, settings)
        self.policy, self.given, self.rescale = get_policy(policy[0]), policy[1], rescale
        self.steps = 0

    def step(self, gradients: list[NDArray[np.float64] | None], keep: float) -> None:
        self.steps += 1
        before = [p.detach().clone() for p in self.parameters]
        given = [None if g is None else torch.tensor(g) for g in gradients]
        common = {"keep": keep, "seed": 11, "step": self.steps, "settings": self.given}
        for j, (p, g) in enumerate(zip(self.parameters, given, strict=True)):
            p.grad = g
            if g is not None and self.policy.gradient is not None:
                p.grad = self.policy.gradient(
                    draw(self.policy.name, before[j], g, tensor=j, rescale=self.rescale, **common)
                )
        self.base.step()
        for j, (p, g) in enumerate(zip(self.parameters, given, strict=True)):
            if g is None or self.policy.mask is None:
                continue
            drawn = draw(
                self.policy.name,
                before[j],
                g,
                p.detach().clone(),
                tensor=j,
                state=self.base.state[p],
                **common,
            )
            mask = self.policy.mask(drawn).expand(p.shape)
            scale: float | torch.Tensor = 1.0
            if self.rescale:
                scale = 1 / keep if self.policy.scale is None else self.policy.scale(drawn, mask)
            delta = p.detach() - before[j]
            rest = float(self.given.get("rest", 0))
            with torch.no_grad():
                p.copy_(before[j] + torch.where(mask, scale * delta, rest * delta))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule[0]}{len(rule[1])}")
@pytest.mark.parametrize("policy", CASES, ids=lambda case: f"{case[0]}{case[1] or ''}")
@pytest.mark.parametrize("rescale", [False, True], ids=["", "rescaled"])
def test_torch_form_equals_the_reference(
    rule: tuple[str, dict[str, Value]], policy: tuple[str, dict[str, Value]], rescale: bool
) -> None:
    rng = np.random.default_rng(7)
    start = [np.asarray(rng.normal(size=shape)) for shape in SHAPES]
    wrapped = Wrapped(rule, policy, start, rescale)
    reference = Reference(
        rule[0], start, rule[1], 0.5, 11, rescale, policy=policy[0], policy_settings=policy[1]
    )
    for step, keep in enumerate((0.5, 0.5, 0.1, 0.9, 1.0, 0.3)):
        # Every tensor has a gradient at first: torch's fused SGD can't add a buffer later.
        gradients = [
            None if step and rng.random() < 0.2 else np.asarray(rng.normal(size=shape))
            for shape in SHAPES
        ]
        reference.drop_rate = 1.0 - keep
        before = list(reference.parameters)
        expected = reference.step(gradients)
        wrapped.step(gradients, 1.0 - (1.0 - keep))
        for j, p in enumerate(wrapped.parameters):
            np.testing.assert_allclose(p.detach().numpy(), expected[j], rtol=1e-7, atol=1e-12)
            mask = reference.masks[j]
            if gradients[j] is None:
                assert mask is None
                continue
            assert mask is not None
            assert mask.shape == p.shape
            if policy[1].get("rest", 0) == 0:
                assert np.array_equal(expected[j][~mask], before[j][~mask])


@pytest.mark.parametrize("name", POLICIES)
def test_drop_rate_0_is_the_rule_alone(name: str) -> None:
    rng = np.random.default_rng(3)
    start = [np.asarray(rng.normal(size=shape)) for shape in SHAPES]
    plain = Reference("adam", start, drop_rate=0.0)
    under = Reference("adam", start, drop_rate=0.0, rescale=True, policy=name)
    for _ in range(3):
        gradients = [np.asarray(rng.normal(size=shape)) for shape in SHAPES]
        for a, b in zip(plain.step(gradients), under.step(gradients), strict=True):
            assert np.array_equal(a, b)


def test_masks_of_a_gradient_policy_leave_nothing_out() -> None:
    reference = Reference("sgd", [np.ones(4), np.ones(2)], policy="gradient_dropout")
    reference.step([np.ones(4), None])
    assert reference.masks[0] is not None
    assert reference.masks[0].all()
    assert reference.masks[1] is None


def test_gradient_dropout_reaches_the_moments_and_a_mask_does_not() -> None:
    ones = [np.ones(1000)]
    masked = Reference("adam", ones, seed=2)
    dropped = Reference("adam", ones, seed=2, policy="gradient_dropout")
    masked.step(ones)
    dropped.step(ones)
    kept = masked.masks[0]
    assert kept is not None
    assert np.allclose(masked.state(0)["m"], 0.1)
    # The same coins, before the moments.
    assert np.array_equal(dropped.state(0)["m"] != 0, kept)


def test_cautious_at_a_drop_rate_next_to_1_is_the_published_adam() -> None:
    rng = np.random.default_rng(0)
    lr, beta1, beta2, eps = 0.1, 0.9, 0.99, 1e-8
    p = rng.normal(size=50)
    reference = Reference(
        "adam", [p], {"lr": lr, "beta2": beta2}, 1 - 1e-10, rescale=True, policy="cautious"
    )
    m = v = np.zeros(50)
    for t in range(1, 20):
        g = rng.normal(size=50)
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        u = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
        agree = (m * g > 0).astype(float)
        p = p - lr * u * agree / max(agree.mean(), 1e-3)
        np.testing.assert_allclose(reference.step([g])[0], p, rtol=1e-9, atol=1e-12)


def test_momentum_aligned_with_rest_is_the_published_mgup() -> None:
    rng = np.random.default_rng(1)
    lr, beta, tau = 0.1, 0.9, 0.5
    p, m = rng.normal(size=41), np.zeros(41)
    reference = Reference(
        "sgd",
        [p],
        {"lr": lr, "momentum": beta},
        1 - tau,
        rescale=True,
        policy="momentum_aligned",
        policy_settings={"rest": tau},
    )
    for _ in range(10):
        g = rng.normal(size=41)
        m = beta * m + g
        top = np.argsort(m * g)[::-1][: math.floor(tau * 41)]
        factor = np.full(41, tau)
        factor[top] = 1 / tau
        p = p - lr * factor * m
        np.testing.assert_allclose(reference.step([g])[0], p, rtol=1e-9, atol=1e-12)


def test_bad_input_is_named() -> None:
    one = [np.zeros(1)]
    with pytest.raises(SettingError, match=r"policy: 'per_layer' .* one of elementwise, per_row"):
        Reference("sgd", one, policy="per_layer")
    with pytest.raises(SettingError, match=r"policy_settings.rest: 2 .* \[0, 1\]"):
        Reference("sgd", one, policy="momentum_aligned", policy_settings={"rest": 2})
    with pytest.raises(SettingError, match=r"policy_settings.scale: -1 .* \[0, 100\]"):
        Reference("sgd", one, policy="gradient_noise", policy_settings={"scale": -1})
    with pytest.raises(SettingError, match=r"policy_settings.rest: 0 .* none: it has no settings"):
        Reference("sgd", one, policy_settings={"rest": 0})
