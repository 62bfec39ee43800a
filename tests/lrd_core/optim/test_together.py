"""Optimizers that step together: the bits of stepping one after the other, whatever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lrd_core import LRD
from lrd_core.optim.kernels import cpu
from lrd_core.optim.rules import get_rule
from lrd_core.optim.schedules import Linear
from lrd_core.optim.stepping.together import Together, step_together
from lrd_core.settings import check_settings

SHAPES = ((13, 5), (13,), (4, 13), (4,))
Change = Callable[[LRD], None]


def parameters(
    seed: int, dtype: torch.dtype = torch.float32, shapes: Any = SHAPES
) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(s, generator=generator, dtype=dtype)) for s in shapes]


def of_rule(name: str, seed: int = 0, shapes: Any = SHAPES, **options: Any) -> LRD:
    """An `LRD` around a rule's optimizer; options that are not the wrapper's are the rule's."""
    own = ("drop_rate", "policy", "rescale", "kernel", "collect_statistics", "policy_settings")
    given = {"kernel": "compiled", "collect_statistics": True}
    given |= {k: v for k, v in options.items() if k in own}
    rule = get_rule(name)
    rest = {k: v for k, v in options.items() if k not in (*own, "dtype")}
    made = parameters(seed, options.get("dtype", torch.float32), shapes)
    return LRD(rule.optimizer(made, check_settings(rule.settings, rest)), seed=seed, **given)


def gradients(optimizers: list[LRD], step: int, skip: tuple[int, int] | None = None) -> None:
    """The same new gradients for twins; `skip`: parameter that has none, of which optimizer."""
    for number, optimizer in enumerate(optimizers):
        generator = torch.Generator().manual_seed(1000 * step + number)
        tensors = [p for group in optimizer.param_groups for p in group["params"]]
        for index, p in enumerate(tensors):
            g = torch.randn(p.shape, generator=generator, dtype=p.dtype)
            p.grad = None if (number, index) == skip else g


def assert_same(ours: list[LRD], theirs: list[LRD]) -> None:
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert a.steps == b.steps
        assert a.statistics == b.statistics, number
        for group, twin in zip(a.param_groups, b.param_groups, strict=True):
            for p, q in zip(group["params"], twin["params"], strict=True):
                assert torch.equal(p, q), number
                assert list(a.state[p]) == list(b.state[q])
                for key, value in a.state[p].items():
                    same = value == b.state[q][key]
                    assert same if not isinstance(value, torch.Tensor) else bool(same.all())


def train(
    make: Callable[[], list[LRD]], steps: int, changes: dict[int, Change] | None = None
) -> Any:
    """Both ways side by side; a change is made to every optimizer before its step."""
    ours, theirs = make(), make()
    for step in range(1, steps + 1):
        for optimizers in (ours, theirs):
            if changes and step in changes:
                for optimizer in optimizers:
                    changes[step](optimizer)
            gradients(optimizers, step)
        step_together(ours)
        for optimizer in theirs:
            optimizer.step()
        assert_same(ours, theirs)
    return ours


def mixed() -> list[LRD]:
    """Rules, rates, policies and options of all sorts; some of them can't be joined."""
    two_groups = torch.optim.Adam(
        [
            {"params": parameters(20), "lr": 1e-2},
            {"params": parameters(21), "lr": 1e-3, "drop_rate": 0.25},
        ],
        fused=True,
    )
    return [
        of_rule("adam", 1, drop_rate=0.5),
        of_rule("adam", 2, drop_rate=0.9, lr=0.01),
        of_rule("adam", 3, drop_rate=0.0),
        of_rule("sgd", 4, drop_rate=0.5, momentum=0.9),
        of_rule("sgd", 5, drop_rate=0.5, momentum=0.9, rescale=True),
        of_rule("sgd", 6, drop_rate=0.3),
        of_rule("adamw", 7, weight_decay=0.1),
        of_rule("lion", 8),
        of_rule("nadam", 9),
        of_rule("rmsprop", 10, policy="per_tensor"),
        of_rule("adam", 11, policy="per_step"),
        of_rule("adam", 12, policy="per_row"),
        of_rule("adam", 13, policy="gradient_dropout"),
        of_rule("adam", 14, dtype=torch.float64),
        of_rule("adam", 15, kernel="torch"),
        of_rule("adam", 16, drop_rate=Linear(0.9, 0.1, 8)),
        of_rule("adam", 17, collect_statistics=False),
        LRD(two_groups, seed=18, kernel="compiled", collect_statistics=True),
        LRD(torch.optim.SGD(parameters(19), lr=0.1), 0.5, kernel="compiled"),
    ]


def test_all_sorts_have_the_bits_of_their_own_steps():
    train(mixed, 6)


def scheduled(step: int) -> Change:
    """Another learning rate for the first group, as a schedule sets one; 0 at one step."""
    return lambda optimizer: optimizer.param_groups[0].update(lr=0.001 * (step - 4) ** 2)


@pytest.mark.parametrize("make", [mixed, lambda: alike(6)() + alike(2, lr=0.01)()])
def test_learning_rates_that_change_at_every_step(make):
    train(make, 8, {step: scheduled(step) for step in range(3, 9)})


def test_a_learning_rate_changes_with_another_option():
    def change(optimizer: LRD) -> None:
        optimizer.param_groups[0].update(lr=0.02, weight_decay=0.1, note="new")

    train(alike(4), 8, {4: change, 6: scheduled(6)})


def test_learning_rates_alone_change_no_table(monkeypatch):
    ours = train(alike(8), 3)
    gathered: list[int] = []
    plain = Together._gather
    spy = lambda self, optimizers: gathered.append(1) or plain(self, optimizers)  # noqa: E731
    monkeypatch.setattr(Together, "_gather", spy)
    for step in range(4, 8):
        gradients(ours, step)
        for number, optimizer in enumerate(ours):
            optimizer.param_groups[0]["lr"] = 0.001 * (step + number)
        step_together(ours)
    assert not gathered


def alike(count: int = 5, **options: Any) -> Callable[[], list[LRD]]:
    return lambda: [of_rule("adam", k, drop_rate=0.1 * k, **options) for k in range(count)]


def kernels_run(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every pass of a kernel."""
    runs: list[int] = []
    plain = cpu.Kernel.__call__

    def counted(self: cpu.Kernel, header: Any, parallel: bool) -> None:
        runs.append(1)
        plain(self, header, parallel)

    monkeypatch.setattr(cpu.Kernel, "__call__", counted)
    return runs


def test_one_pass_steps_all_of_a_kernel(monkeypatch):
    ours = train(alike(8), 2)
    runs = kernels_run(monkeypatch)
    step_together(ours)
    assert len(runs) == 1
    gradients(ours, 4)
    step_together(ours[::-1])
    assert len(runs) == 2


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_nothing_even_in_statistics(threads, monkeypatch):
    shapes = ((64, 64), (64,), (10, 64), (10,))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        ours = train(alike(9, shapes=shapes), 4)
        runs = kernels_run(monkeypatch)
        step_together(ours)
    finally:
        torch.set_num_threads(before)
    # Together there is enough for two threads, which no one has alone.
    assert sum(p.numel() for p in parameters(0, shapes=shapes)) < cpu.SERIAL_BELOW
    assert 9 * sum(p.numel() for p in parameters(0, shapes=shapes)) > cpu.SERIAL_BELOW
    assert len(runs) == 1


def set_lr(optimizer: LRD) -> None:
    optimizer.param_groups[0]["lr"] *= 0.5


def set_rate(optimizer: LRD) -> None:
    optimizer.drop_rate = 0.75


def set_group_rate(optimizer: LRD) -> None:
    optimizer.param_groups[0]["drop_rate"] = 0.6


def set_seed(optimizer: LRD) -> None:
    optimizer.seed += 100


def set_steps(optimizer: LRD) -> None:
    optimizer.steps = 40


def decay(optimizer: LRD) -> None:
    optimizer.param_groups[0]["weight_decay"] = 0.1


def swap_data(optimizer: LRD) -> None:
    for p in optimizer.param_groups[0]["params"]:
        p.data = p.data.clone() * 2


def change_in_place(optimizer: LRD) -> None:
    with torch.no_grad():
        for p in optimizer.param_groups[0]["params"]:
            p.mul_(0.5)
            optimizer.state[p]["exp_avg"].mul_(3)


def replace_state(optimizer: LRD) -> None:
    for p in optimizer.param_groups[0]["params"]:
        optimizer.state[p]["exp_avg"] = torch.ones_like(p)


def count_on(optimizer: LRD) -> None:
    for p in optimizer.param_groups[0]["params"]:
        optimizer.state[p]["step"] += 7


def reload(optimizer: LRD) -> None:
    saved = optimizer.state_dict()
    saved["lrd"]["steps"] += 5
    optimizer.load_state_dict(saved)


def clear_state(optimizer: LRD) -> None:
    optimizer.state.clear()


def add_group(optimizer: LRD) -> None:
    optimizer.add_param_group({"params": parameters(77)})


def hook(optimizer: LRD) -> None:
    def halve(one: Any, *_: Any) -> None:
        for p in one.param_groups[0]["params"]:
            p.grad.mul_(0.5)

    optimizer.register_step_pre_hook(halve)
    optimizer.optimizer.register_step_pre_hook(halve)


def rescale(optimizer: LRD) -> None:
    optimizer.rescale = True


def measure_no_more(optimizer: LRD) -> None:
    optimizer.collect_statistics = False


def schedule(optimizer: LRD) -> None:
    optimizer.drop_rate = Linear(0.9, 0.1, 8)


def bfloat(optimizer: LRD) -> None:
    for p in optimizer.param_groups[0]["params"]:
        p.data = p.data.bfloat16()
    optimizer.state.clear()


CHANGES = (
    set_lr,
    set_rate,
    set_group_rate,
    set_seed,
    set_steps,
    decay,
    swap_data,
    change_in_place,
    replace_state,
    count_on,
    reload,
    clear_state,
    add_group,
    hook,
    rescale,
    measure_no_more,
    schedule,
    bfloat,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_between_two_steps_is_noticed(change):
    train(alike(4), 7, {4: change})


def test_a_change_of_one_leaves_the_others():
    def only_second(optimizer: LRD) -> None:
        if optimizer.seed == 1:
            count_on(optimizer)
            set_lr(optimizer)

    train(lambda: [*alike(4)(), of_rule("sgd", 9, momentum=0.9)], 7, {4: only_second})


def test_counters_of_one_kernel_are_not_raised_twice_when_those_of_another_were_changed():
    def make() -> list[LRD]:
        return [of_rule("adam", 1), of_rule("adamw", 2, weight_decay=0.1), of_rule("amsgrad", 3)]

    def only_third(optimizer: LRD) -> None:
        if optimizer.seed == 3:
            count_on(optimizer)

    train(make, 7, {4: only_third})


def test_others_may_come_and_go():
    ours, theirs = mixed(), mixed()
    chosen = ([0, 1, 2, 3], [1, 3], [0, 1, 2, 3], [3, 2, 1, 0, 7], [0], [5, 6, 7, 0], [1, 2])
    for step, numbers in enumerate(chosen, 1):
        for optimizers in (ours, theirs):
            gradients(optimizers, step)
        step_together([ours[n] for n in numbers])
        for n in numbers:
            theirs[n].step()
        assert_same(ours, theirs)
    step_together([])


def test_gradients_may_stay_in_place_or_be_missing():
    ours, theirs = alike(4)(), alike(4)()
    for step in range(1, 8):
        for optimizers in (ours, theirs):
            if step in (1, 4, 6):
                gradients(optimizers, step, skip=(1, 2) if step >= 4 else None)
            elif step == 3:
                for optimizer in optimizers:
                    for p in optimizer.param_groups[0]["params"]:
                        p.grad.data = p.grad.data * 3
            elif step == 5:
                for p in optimizers[0].param_groups[0]["params"]:
                    p.grad = p.grad.t().contiguous().t()
            else:
                for optimizer in optimizers:
                    for p in optimizer.param_groups[0]["params"]:
                        if p.grad is not None:
                            p.grad.mul_(0.5)
        step_together(ours)
        for optimizer in theirs:
            optimizer.step()
        assert_same(ours, theirs)


def test_a_parameter_of_two_optimizers_is_stepped_in_order():
    def make() -> list[LRD]:
        shared = parameters(3)
        adam = torch.optim.Adam(shared, fused=True)
        sgd = torch.optim.SGD(shared, lr=0.1, fused=True)
        return [LRD(base, seed=k, kernel="compiled") for k, base in enumerate((adam, sgd))]

    train(make, 4)


def test_a_scheduler_of_learning_rates():
    ours, theirs = alike(3)(), alike(3)()
    plans = []
    for optimizers in (ours, theirs):
        # One over the wrapper, the others over the base.
        over = [optimizers[0], *(optimizer.optimizer for optimizer in optimizers[1:])]
        plans += [torch.optim.lr_scheduler.ExponentialLR(one, 0.9) for one in over]
    for step in range(1, 6):
        for optimizers in (ours, theirs):
            gradients(optimizers, step)
        step_together(ours)
        for optimizer in theirs:
            optimizer.step()
        for scheduler in plans:
            scheduler.step()
        assert_same(ours, theirs)


def test_statistics_are_those_of_the_last_step_for_ever():
    ours = train(alike(2), 3)
    kept = ours[0].statistics
    assert kept is not None
    norm = kept.grad_norm
    gradients(ours, 50)
    step_together(ours)
    assert ours[0].statistics is not None
    assert ours[0].statistics.grad_norm != norm
    assert kept.grad_norm == norm
