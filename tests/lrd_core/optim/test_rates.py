"""Drop rates by group and by name: who has which, when groups come late, through checkpoints."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.random_bits import keep_mask_numpy
from lrd_core.optim.schedules import Constant, Linear, Schedule
from lrd_core.settings import SettingError

SIZE = 256


def tensors(count: int) -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(SIZE)) for _ in range(count)]


def sgd(groups: object) -> torch.optim.SGD:
    return torch.optim.SGD(groups, lr=1.0)


def wrap(base: torch.optim.Optimizer, drop_rate: object = 0.5) -> LRD:
    return LRD(base, drop_rate, seed=6, kernel="torch")


def check(lrd: LRD, step: int, rates: list[float]) -> None:
    """Takes a step; every parameter moves where its own hash keeps it at its rate."""
    parameters = [p for group in lrd.param_groups for p in group["params"]]
    assert len(parameters) == len(rates)
    before = [p.detach().clone() for p in parameters]
    for p in parameters:
        p.grad = torch.ones_like(p)
    lrd.step()
    for j, (p, old, rate) in enumerate(zip(parameters, before, rates, strict=True)):
        kept = keep_mask_numpy(6, step, j, SIZE, 1 - rate).tolist()
        assert (p.detach() != old).tolist() == kept, (j, rate)


def test_numbers_and_schedules_of_groups() -> None:
    a, b, c = tensors(3)
    groups = [
        {"params": [a]},
        {"params": [b], "drop_rate": 0.25},
        {"params": [c], "drop_rate": Linear(0.2, 0.8, 4)},
    ]
    lrd = wrap(sgd(groups), Linear(0.9, 0.0, 10))
    check(lrd, 1, [0.9, 0.25, Linear(0.2, 0.8, 4)(1)])
    check(lrd, 2, [Linear(0.9, 0.0, 10)(2), 0.25, Linear(0.2, 0.8, 4)(2)])
    assert [type(group["drop_rate"]) for group in lrd.param_groups] == [float] * 3
    assert math.isnan(lrd.drop_rate)
    lrd.param_groups[1]["drop_rate"] = 0.75
    check(lrd, 3, [Linear(0.9, 0.0, 10)(3), 0.75, Linear(0.2, 0.8, 4)(3)])
    lrd.drop_rate = 0.4
    check(lrd, 4, [0.4, 0.4, 0.4])
    lrd.drop_rate = Constant(0.6)
    check(lrd, 5, [0.6, 0.6, 0.6])


def test_groups_that_come_late() -> None:
    a, b, c, d, e = tensors(5)
    schedule = Linear(0.1, 0.7, 5)
    lrd = wrap(sgd([a]), schedule)
    check(lrd, 1, [schedule(1)])
    lrd.add_param_group({"params": [b]})
    lrd.add_param_group({"params": [c], "drop_rate": 0.3})
    check(lrd, 2, [schedule(2), schedule(2), 0.3])
    lrd.add_param_group({"params": [d], "drop_rate": Linear(0.9, 0.5, 3)})
    lrd.optimizer.add_param_group({"params": [e]})
    check(lrd, 3, [schedule(3), schedule(3), 0.3, 0.5, schedule(3)])


def named(names: list[str]) -> list[tuple[str, nn.Parameter]]:
    return list(zip(names, tensors(len(names)), strict=True))


def test_patterns_of_names() -> None:
    rising = Linear(0.1, 0.9, 3)
    patterns: dict[str, float | Schedule] = {"*.bias": 0.0, "head.*": rising, "*": 0.6}
    lrd = wrap(sgd(named(["body.weight", "body.bias", "head.weight", "head.bias"])), patterns)
    check(lrd, 1, [0.6, 0.0, rising(1), 0.0])
    check(lrd, 2, [0.6, 0.0, rising(2), 0.0])
    assert math.isnan(lrd.drop_rate)
    lrd.add_param_group({"params": named(["tail.weight", "tail.bias"]), "drop_rate": 0.9})
    # Patterns go before a group's number.
    check(lrd, 3, [0.6, 0.0, rising(3), 0.0, 0.6, 0.0])
    lrd.drop_rate = 0.5
    check(lrd, 4, [0.5] * 6)
    lrd.drop_rate = {"*bias": 0.25, "*": 0.75}
    check(lrd, 5, [0.75, 0.25] * 3)


def test_one_rate_for_all_names_is_the_drop_rate() -> None:
    assert wrap(sgd(named(["a", "b"])), {"*": 0.6}).drop_rate == 0.6


def test_names_of_a_real_model() -> None:
    net = nn.Sequential(nn.Linear(16, 16), nn.LayerNorm(16))
    lrd = wrap(sgd(net.named_parameters()), {"0.*": 0.5, "1.*": 0.0})
    lrd.collect_statistics = True
    net(torch.randn(4, 16)).pow(3).sum().backward()
    lrd.step()
    assert lrd.statistics is not None
    assert lrd.statistics.names == ("0.weight", "0.bias", "1.weight", "1.bias")
    assert lrd.statistics.kept[2:] == (16, 16)
    assert 64 < lrd.statistics.kept[0] < 192


@pytest.mark.parametrize(
    "given",
    [0.35, Linear(0.1, 0.9, 6), {"a*": Linear(0.9, 0.1, 6), "*": 0.5}],
    ids=["number", "schedule", "patterns"],
)
def test_checkpoint_in_the_middle(given: float | Schedule | dict[str, float | Schedule]) -> None:
    def fresh(rate: object) -> LRD:
        return wrap(sgd(named(["a.weight", "b.weight"])), rate)

    straight, lrd = fresh(given), fresh(given)
    for one in (straight, lrd):
        one.add_param_group({"params": named(["c"]), "drop_rate": Constant(0.8)})
    for _ in range(3):
        for one in (straight, lrd):
            advance(one)
    buffer = io.BytesIO()
    torch.save(lrd.state_dict(), buffer)
    buffer.seek(0)
    again = fresh(0.0)
    again.add_param_group({"params": named(["c"])})
    for p, q in zip(parameters(again), parameters(lrd), strict=True):
        p.data.copy_(q.data)
    again.load_state_dict(torch.load(buffer, weights_only=True))
    for _ in range(4):
        advance(straight)
        advance(again)
    for p, q in zip(parameters(again), parameters(straight), strict=True):
        assert torch.equal(p, q)


def parameters(lrd: LRD) -> list[nn.Parameter]:
    return [p for group in lrd.param_groups for p in group["params"]]


def advance(lrd: LRD) -> None:
    for p in parameters(lrd):
        p.grad = torch.ones_like(p)
    lrd.step()


BAD: list[tuple[Callable[[], LRD], str]] = [
    (lambda: wrap(sgd(named(["a"])), {}), "drop_rate: {} .*at least one pattern"),
    (lambda: wrap(sgd(named(["a"])), {"a": 1.0}), r"drop_rate.a: 1.0 .*\[0, 1\)"),
    (lambda: wrap(sgd(named(["a"])), {"b": 0.5}), r"param_groups.0.params.0: 'a' .*a pattern"),
    (lambda: wrap(sgd(tensors(1)), {"*": 0.5}), r"drop_rate: .*named_parameters"),
    (lambda: wrap(sgd([{"params": tensors(1), "drop_rate": 2}])), r"param_groups.0.drop_rate: 2"),
    (lambda: wrap(sgd(tensors(1)), Wild()), r"param_groups.0.drop_rate: 1.5"),
    (lambda: wrap(sgd(named(["a"])), {"*": Wild()}), r"drop_rate.\*: 1.5 .*\[0, 1\)"),
]


class Wild(Schedule):
    """A user's own schedule that leaves the range."""

    kind = "wild"

    def __call__(self, step: int) -> float:
        return 1.5


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_rates_are_named(make: Callable[[], LRD], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make()


def test_a_bad_late_group_is_not_added() -> None:
    lrd = wrap(sgd(named(["a"])), {"a": 0.5})
    (late,) = named(["b"])
    with pytest.raises(SettingError, match=r"param_groups.1.params.0: 'b'"):
        lrd.add_param_group({"params": [late]})
    check(lrd, 1, [0.5])
    lrd = wrap(sgd(tensors(1)))
    (p,) = tensors(1)
    with pytest.raises(SettingError, match=r"param_groups.1.drop_rate: -1"):
        lrd.add_param_group({"params": [p], "drop_rate": -1})
    lrd.add_param_group({"params": [p], "drop_rate": 0.2})
    check(lrd, 1, [0.5, 0.2])
