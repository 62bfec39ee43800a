"""Every rule under masks: torch wrapped in LRD against the float64 reference, same masks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from lrd_core import LRD
from lrd_core.optim.reference import Reference
from lrd_core.optim.rules import RULES, get_rule
from lrd_core.settings import SettingError, Value, check_settings

CASES: list[tuple[str, dict[str, Value]]] = [(name, {}) for name in RULES] + [
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("sgd", {"momentum": 0.9, "dampening": 0.3}),
    ("rmsprop", {"momentum": 0.9, "weight_decay": 0.1}),
    ("rmsprop", {"centered": True, "alpha": 0.9}),
    ("adam", {"weight_decay": 0.1, "beta1": 0.0, "lr": 0.01}),
    ("adamw", {"weight_decay": 0.5, "lr": 0.1}),
    ("amsgrad", {"beta2": 0.5, "weight_decay": 0.1}),
    ("nadam", {"momentum_decay": 0.5, "weight_decay": 0.1}),
    ("radam", {"beta2": 0.6}),
    ("radam", {"beta2": 0.9, "weight_decay": 0.1}),
    ("adagrad", {"lr_decay": 0.1, "weight_decay": 0.1}),
    ("adadelta", {"rho": 0.5, "weight_decay": 0.1}),
]
IDS = [" ".join([name, *(f"{k}={v}" for k, v in given.items())]) for name, given in CASES]
SHAPES: list[tuple[int, ...]] = [(7, 5), (13,), (), (0, 3), (2, 3, 4)]
Arrays = list[NDArray[np.float64]]


class Pair:
    """A wrapped torch optimizer and the reference, fed the same gradients."""

    def __init__(
        self, rule: str, given: dict[str, Value], drop_rate: float = 0.5, rescale: bool = False
    ) -> None:
        rng = np.random.default_rng(4)
        start: Arrays = [np.asarray(rng.normal(size=shape)) for shape in SHAPES]
        self.rng = rng
        self.parameters = [nn.Parameter(torch.tensor(p)) for p in start]
        settings = check_settings(get_rule(rule).settings, given)
        base = get_rule(rule).optimizer(self.parameters, settings)
        # Compiled code is compared step by step in kernels/test_cpu_equals_reference.py.
        self.lrd = LRD(base, drop_rate, seed=11, rescale=rescale, kernel="torch")
        self.reference = Reference(rule, start, given, drop_rate, seed=11, rescale=rescale)

    def step(self) -> Iterator[tuple[NDArray[np.float64], ...]]:
        """(before, after, expected, mask) of every tensor that had a gradient."""
        gradients: list[NDArray[np.float64] | None] = [
            None if self.rng.random() < 0.2 else self.rng.normal(size=shape) for shape in SHAPES
        ]
        before = [p.detach().numpy().copy() for p in self.parameters]
        for p, g in zip(self.parameters, gradients, strict=True):
            p.grad = None if g is None else torch.as_tensor(g, dtype=torch.float64)
        self.lrd.step()
        expected = self.reference.step(gradients)
        for i, p in enumerate(self.parameters):
            after = p.detach().numpy()
            mask = self.reference.masks[i]
            if mask is None:
                assert np.array_equal(after, before[i])
            else:
                yield before[i], after, expected[i], mask


@pytest.mark.parametrize(("rule", "given"), CASES, ids=IDS)
@pytest.mark.parametrize("rescale", [False, True], ids=["", "rescaled"])
def test_half_dropped_equals_the_reference(
    rule: str, given: dict[str, Value], rescale: bool
) -> None:
    pair = Pair(rule, given, rescale=rescale)
    for _ in range(60):
        for before, after, expected, mask in pair.step():
            np.testing.assert_allclose(after, expected, rtol=1e-6, atol=1e-12)
            assert np.array_equal(after != before, mask)


def test_drop_rate_changed_on_the_way() -> None:
    pair = Pair("adam", {})
    for rate in (0.5, 0.0, 0.9, 0.25):
        pair.lrd.param_groups[0]["drop_rate"] = rate
        pair.reference.drop_rate = rate
        for _ in range(10):
            for before, after, expected, mask in pair.step():
                np.testing.assert_allclose(after, expected, rtol=1e-6, atol=1e-12)
                assert np.array_equal(after != before, mask)


@pytest.mark.parametrize("rule", RULES)
def test_live_settings_by_options_equal_the_reference(rule: str) -> None:
    pair = Pair(rule, {})
    settings = dict(pair.reference.settings)
    for factor in (1.0, 0.5):
        settings["lr"] = float(settings["lr"]) * factor
        settings["weight_decay"] = 0.05 * factor
        pair.lrd.param_groups[0].update(get_rule(rule).group_options(settings))
        pair.reference.settings = dict(settings)
        for _ in range(10):
            for _, after, expected, _ in pair.step():
                np.testing.assert_allclose(after, expected, rtol=1e-6, atol=1e-12)


def test_reference_names_bad_input() -> None:
    with pytest.raises(SettingError, match="one of sgd, rmsprop, adam"):
        Reference("adm", [np.zeros(1)])
    with pytest.raises(SettingError, match=r"settings.lr: -1 .* \[0, 1000\]"):
        Reference("sgd", [np.zeros(1)], {"lr": -1})
    with pytest.raises(SettingError, match="drop_rate"):
        Reference("sgd", [np.zeros(1)], drop_rate=1.0).step([np.ones(1)])
