"""Learning-rate schedules, step by step against torch's schedulers."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
)

from lrd_core.optim.lr_schedules import LR_SCHEDULES, check_lr_schedule, lr_factor
from lrd_core.settings import SettingError, Value

LR, EPOCH = 0.1, 7
Make = Callable[[torch.optim.Optimizer], LRScheduler]


def of_torch(make: Make, steps: int, every: int = 1) -> list[float]:
    """The learning rate of each step by torch; its scheduler is called every `every` steps."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=LR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = make(optimizer)
        found = []
        for step in range(1, steps + 1):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if step % every == 0:
                scheduler.step()
    return found


def ours(name: str, settings: dict[str, Value], steps: int) -> list[float]:
    name, checked = check_lr_schedule(name, settings, steps, "task")
    factor = lr_factor(name, checked, EPOCH)
    assert factor is not None
    return [LR * factor(step) for step in range(1, steps + 1)]


@pytest.mark.parametrize(
    ("name", "settings", "make", "every"),
    [
        ("step", {"at": "3,5"}, lambda o: MultiStepLR(o, [3, 5], 0.1), EPOCH),
        ("step", {"at": 3, "factor": 0.5}, lambda o: MultiStepLR(o, [3], 0.5), EPOCH),
        (
            "step",
            {"at": "1, 2,40", "unit": "steps", "factor": 0.3},
            lambda o: MultiStepLR(o, [1, 2, 40], 0.3),
            1,
        ),
        ("cosine", {}, lambda o: CosineAnnealingLR(o, 50), 1),
        ("cosine", {"steps": 60, "floor": 0.05}, lambda o: CosineAnnealingLR(o, 60, LR / 20), 1),
        ("constant", {"warm_up": 8}, lambda o: LinearLR(o, 1 / 8, 1.0, 7), 1),
        (
            "cosine",
            {"warm_up": 8},
            lambda o: ChainedScheduler([LinearLR(o, 1 / 8, 1.0, 7), CosineAnnealingLR(o, 50)]),
            1,
        ),
    ],
)
def test_every_step_is_torchs(
    name: str, settings: dict[str, Value], make: Make, every: int
) -> None:
    assert ours(name, settings, 50) == pytest.approx(of_torch(make, 50, every), rel=1e-9)


def test_after_its_steps_a_cosine_stays_at_the_floor() -> None:
    found = ours("cosine", {"steps": 10, "floor": 0.25}, 30)
    assert found[10:] == [LR * 0.25] * 20
    assert min(found[:10]) > LR * 0.25
    assert ours("cosine", {"steps": 10}, 12)[-1] == 0.0


@pytest.mark.parametrize("settings", [{}, {"warm_up": 0}, {"warm_up": 1}])
def test_a_constant_schedule_is_none_at_all(settings: dict[str, Value]) -> None:
    name, checked = check_lr_schedule("constant", settings, 10, "surface")
    assert lr_factor(name, checked, 0) is None


def test_a_cosine_is_told_its_steps_when_it_is_checked() -> None:
    assert check_lr_schedule("cosine", {}, 123, "task")[1]["steps"] == 123
    assert check_lr_schedule("cosine", {"steps": 9}, 123, "task")[1]["steps"] == 9


def test_what_is_missing_in_a_stored_one_has_its_default() -> None:
    factor = lr_factor("step", {}, 2)
    assert factor is not None
    assert [factor(200), factor(201), factor(301)] == pytest.approx([1, 0.1, 0.01])


@pytest.mark.parametrize(
    ("name", "settings", "field", "mend"),
    [
        ("stairs", {}, "schedule", "step"),
        (3, {}, "schedule", "cosine"),
        ("step", {"gamma": 1}, "schedule_settings.gamma", "factor"),
        ("step", {"at": ""}, "schedule_settings.at", "rising whole numbers"),
        ("step", {"at": "150,100"}, "schedule_settings.at", "rising"),
        ("step", {"at": "100,100"}, "schedule_settings.at", "rising"),
        ("step", {"at": "0,100"}, "schedule_settings.at", "[1"),
        ("step", {"at": "1.5"}, "schedule_settings.at", "whole"),
        ("step", {"at": True}, "schedule_settings.at", "whole"),
        ("step", {"at": "99999999"}, "schedule_settings.at", "1e+07"),
        ("step", {"at": "٣"}, "schedule_settings.at", "whole"),
        ("step", {"at": ",".join(map(str, range(1, 66)))}, "schedule_settings.at", "64"),
        ("step", {"factor": 0}, "schedule_settings.factor", "(0, 1]"),
        ("step", {"unit": "hours"}, "schedule_settings.unit", "epochs, steps"),
        ("cosine", {"floor": 1.5}, "schedule_settings.floor", "[0, 1]"),
        ("cosine", {"steps": -1}, "schedule_settings.steps", "whole number"),
        ("constant", {"warm_up": 2.5}, "schedule_settings.warm_up", "whole number"),
    ],
)
def test_a_bad_schedule_is_refused(
    name: object, settings: dict[str, Value], field: str, mend: str
) -> None:
    with pytest.raises(SettingError) as raised:
        check_lr_schedule(name, settings, 100, "task")
    assert raised.value.field == field
    assert mend in raised.value.allowed


def test_a_surface_has_no_epochs() -> None:
    with pytest.raises(SettingError, match="steps: a surface has no epochs"):
        check_lr_schedule("step", {"at": "5"}, 100, "surface")
    _, checked = check_lr_schedule("step", {"at": "5", "unit": "steps"}, 100, "surface")
    assert checked["at"] == "5"


@pytest.mark.parametrize("name", LR_SCHEDULES)
def test_nothing_of_a_schedule_changes_while_it_runs(name: str) -> None:
    assert not any(setting.live for setting in LR_SCHEDULES[name].settings)
    checked = check_lr_schedule(name, {}, 50, "task")[1]
    assert check_lr_schedule(name, checked, 90, "task")[1] == checked
