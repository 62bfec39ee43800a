"""The menu of optimizers: discovery, settings with ranges, options for torch, binding."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from torch import nn

from lrd_core.optim.policies import POLICIES, get_policy
from lrd_core.optim.rules import RULES, get_rule
from lrd_core.optim.rules.blocks import NUMPY, bind
from lrd_core.settings import SettingError, check_settings

MENU = [
    "sgd",
    "rmsprop",
    "adam",
    "adamw",
    "amsgrad",
    "nadam",
    "radam",
    "adagrad",
    "adadelta",
    "lion",
]


def test_the_menu_in_order() -> None:
    assert list(RULES) == MENU
    assert all(get_rule(name) is rule and rule.name == name for name, rule in RULES.items())
    with pytest.raises(SettingError, match=r"optimizer: 'adem' .* one of sgd, rmsprop, adam,"):
        get_rule("adem")


def test_policies_by_name() -> None:
    assert "elementwise" in POLICIES
    assert get_policy("elementwise").label == "element-wise"
    with pytest.raises(SettingError, match=r"policy: 'none' .* one of .*elementwise"):
        get_policy("none")


@pytest.mark.parametrize("name", MENU)
def test_update_takes_its_state_and_settings_and_nothing_else(name: str) -> None:
    rule = RULES[name]
    settings = [setting.name for setting in rule.settings]
    expected = ["p", "g", "step", *rule.state, *(rule.scalars or {}), *settings]
    assert sorted(inspect.signature(rule.update).parameters) == sorted(expected)
    assert len(set(expected)) == len(expected)
    assert rule.paper
    assert rule.label


@pytest.mark.parametrize("name", MENU)
def test_update_leans_on_the_blocks_alone(name: str) -> None:
    rule = RULES[name]
    assert set(rule.update.__code__.co_names) <= set(NUMPY)
    update = bind(rule.update, NUMPY)
    state = {name: np.zeros(3) for name in rule.state} | dict(rule.scalars or {})
    delta, *after = update(
        p=np.ones(3), g=np.ones(3), step=1, **state, **check_settings(rule.settings, {})
    )
    assert delta.shape == (3,)
    assert (delta < 0).all()
    assert len(after) == len(state)


def test_bind_refuses_what_has_no_code() -> None:
    with pytest.raises(TypeError, match="plain function"):
        bind(len, NUMPY)


@pytest.mark.parametrize("name", [name for name in MENU if name != "lion"])
def test_defaults_are_torch_s(name: str) -> None:
    rule = RULES[name]
    settings = check_settings(rule.settings, {})
    built = rule.optimizer([nn.Parameter(torch.ones(1))], settings)
    plain = type(built)([nn.Parameter(torch.ones(1))])
    for option in rule.group_options(settings):
        # torch's RMSprop defaults to lr 0.01; the paper of LRD trains it at 0.001.
        if option == "lr":
            continue
        assert built.defaults[option] == plain.defaults[option], option
    assert rule.group_options(settings).items() <= built.param_groups[0].items()


@pytest.mark.parametrize("name", MENU)
def test_ranges_fit_each_setting(name: str) -> None:
    rule = RULES[name]
    known = {setting.name: setting for setting in rule.settings}
    assert known["lr"].log
    for good in ({"lr": 0.0}, {"lr": 1000}, {"weight_decay": 0.01}, {"weight_decay": 10}):
        check_settings(rule.settings, good)
    bad: list[dict[str, object]] = [
        {"lr": -1e-9},
        {"lr": 1e6},
        {"lr": "abc"},
        {"lr": float("nan")},
        {"lr": True},
        {"weight_decay": 11},
        {"learning_rate": 0.1},
        {"drop_rate": 0.1},
    ]
    for rate in ("beta1", "beta2", "momentum", "alpha", "rho"):
        if rate in known:
            check_settings(rule.settings, {rate: 0.0})
            bad.append({rate: 1.0})
    if "eps" in known:
        bad.append({"eps": 0.0})
    for given in bad:
        with pytest.raises(SettingError, match=f"settings.{next(iter(given))}"):
            check_settings(rule.settings, given)


@pytest.mark.parametrize("name", MENU)
def test_the_ends_of_the_ranges_build_and_step(name: str) -> None:
    rule = RULES[name]
    for end in ("low", "high"):
        given: dict[str, object] = {}
        for setting in rule.settings:
            value = getattr(setting, end)
            if setting.kind != "float" or getattr(setting, f"{end}_open"):
                continue
            given[setting.name] = value
        p = nn.Parameter(torch.ones(3))
        p.grad = torch.ones(3)
        optimizer = rule.optimizer([p], check_settings(rule.settings, given))
        optimizer.step()
        assert p.isfinite().all()


def test_nesterov_needs_momentum_without_dampening() -> None:
    rule = RULES["sgd"]
    p = [nn.Parameter(torch.ones(1))]
    for given, field in (
        ({"nesterov": True}, "momentum"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.5}, "dampening"),
    ):
        with pytest.raises(SettingError, match=f"{field}: .* with nesterov"):
            rule.optimizer(p, check_settings(rule.settings, given))
