"""Drop-rate schedules against closed forms; resuming needs their settings only."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.random_bits import keep_mask_numpy
from lrd_core.optim.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Linear,
    Schedule,
    StepDecay,
    WarmUp,
    schedule_from,
)
from lrd_core.settings import SettingError

#: Schedule, and its rate at step t told again.
FORMS: list[tuple[Schedule, Callable[[int], float]]] = [
    (Constant(0.3), lambda t: 0.3),
    (Linear(0.1, 0.9, 5), lambda t: [0.1, 0.3, 0.5, 0.7, 0.9][min(t, 5) - 1]),
    (Linear(0.8, 0.2, 1), lambda t: 0.2 if t > 1 else 0.8),
    (Cosine(0.8, 0.2, 11), lambda t: 0.5 + 0.3 * math.cos(math.pi * min(t - 1, 10) / 10)),
    (StepDecay(0.8, 0.5, 3), lambda t: 0.8 / 2 ** ((t - 1) // 3)),
    (StepDecay(0.8, 0.0, 3), lambda t: 0.8 if t <= 3 else 0.0),
    (WarmUp(4, Constant(0.6)), lambda t: 0.15 * min(t, 4)),
    (WarmUp(2, Linear(0.5, 0.1, 3)), lambda t: [0.25, 0.5, 0.5, 0.3, 0.1][min(t, 5) - 1]),
    (WarmUp(2, WarmUp(2, Constant(0.8))), lambda t: [0.2, 0.4, 0.4, 0.8, 0.8][min(t, 5) - 1]),
]
IDS = [f"{schedule!r}" for schedule, _ in FORMS]


@pytest.mark.parametrize(("schedule", "form"), FORMS, ids=IDS)
def test_closed_forms(schedule: Schedule, form: Callable[[int], float]) -> None:
    rates = [schedule(t) for t in range(1, 31)]
    assert rates == pytest.approx([form(t) for t in range(1, 31)], abs=1e-12)
    assert all(0 <= rate < 1 for rate in rates)


def test_ends_are_exact() -> None:
    for kind in (Linear, Cosine):
        schedule = kind(0.7, 0.1, 7)
        assert [schedule(t) for t in (1, 7, 10**9)] == [0.7, 0.1, 0.1]
    assert Linear(0.0, 0.1, 10**9)(10**9) == 0.1


@pytest.mark.parametrize(("schedule", "form"), FORMS, ids=IDS)
def test_plain_values_and_back(schedule: Schedule, form: Callable[[int], float]) -> None:
    assert schedule_from(json.loads(json.dumps(schedule.to_dict()))) == schedule


def test_every_schedule_is_in_the_forms() -> None:
    assert {type(schedule) for schedule, _ in FORMS} == set(SCHEDULES.values())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(1.0), r"rate: 1.0 .*\[0, 1\)"),
        (lambda: Linear(0.1, math.nan, 5), r"end: nan .*\[0, 1\)"),
        (lambda: Cosine(-0.1, 0.5, 5), r"start: -0.1 .*\[0, 1\)"),
        (lambda: Linear(0.1, 0.5, 0), r"steps: 0 .*a whole number"),
        (lambda: StepDecay(0.5, 1.5, 3), r"factor: 1.5 .*\[0, 1\]"),
        (lambda: StepDecay(0.5, 0.5, 0), r"every: 0 .*a whole number"),
        (lambda: WarmUp(0, Constant(0.5)), r"steps: 0 .*a whole number"),
        (lambda: WarmUp(5, 0.5), r"then: 0.5 .*a schedule"),
        (lambda: schedule_from({"kind": "sawtooth"}), r"kind: 'sawtooth' .*one of constant"),
        (lambda: schedule_from({"kind": "linear", "start": 0.1}), r"the values of linear"),
        (lambda: schedule_from({"kind": "warm_up", "steps": 2, "then": 0.5}), r"then: 0.5"),
    ],
)
def test_bad_values_are_named(make: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make()


def moved(lrd: LRD, p: nn.Parameter) -> list[bool]:
    """Which coordinates a step moves."""
    before = p.detach().clone()
    p.grad = torch.ones_like(p)
    lrd.step()
    return (p.detach() != before).tolist()


@pytest.mark.parametrize(("schedule", "form"), FORMS, ids=IDS)
def test_every_step_has_its_rate_and_resuming_goes_on(
    schedule: Schedule, form: Callable[[int], float]
) -> None:
    """Which coordinates move is the hash's at the closed form's rate, across a checkpoint."""
    p = nn.Parameter(torch.zeros(300))
    lrd = LRD(torch.optim.SGD([p], lr=1.0), schedule, seed=4, kernel="torch")
    for t in range(1, 9):
        if t == 4:
            state = json.loads(json.dumps(lrd.state_dict()["lrd"]))
            lrd = LRD(torch.optim.SGD([p], lr=1.0), kernel="torch")
            lrd.load_state_dict({**lrd.state_dict(), "lrd": state})
        assert lrd.drop_rate == schedule(t)
        expected = keep_mask_numpy(4, t, 0, 300, 1 - schedule(t)).tolist()
        assert moved(lrd, p) == expected, t
        assert lrd.param_groups[0]["drop_rate"] == pytest.approx(form(t), abs=1e-12)
