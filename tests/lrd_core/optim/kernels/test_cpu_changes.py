"""What a training loop may change between two steps, and the kernels must notice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn

from lrd_core import LRD
from lrd_core.settings import Value
from tests.lrd_core.optim.kernels.cpu_cases import (
    FUSED,
    ByHand,
    agree,
    base,
    copies,
    give,
    gradients,
    tensors,
)

F32 = torch.float32
ENGINES = ("compiled", "torch")
#: With what a change is tried: counted steps, and a buffer that begins with the first gradient.
FEW = ("adam", "sgd momentum")
Change = Callable[[torch.optim.Optimizer, nn.Parameter, int], None]


class Beside:
    """LRD and torch's fused loop masked by hand, changed alike."""

    def __init__(self, case: str, kernel: str, drop_rate: float = 0.5) -> None:
        self.ours = tensors((7, 1025, 64), F32)
        self.theirs = copies(self.ours)
        build = partial(base, case, fused=True)
        self.lrd = LRD(build(self.ours), drop_rate, 3, kernel=kernel)
        self.other = ByHand(self.theirs, build, drop_rate, 3)
        self.rng = np.random.default_rng(2)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            given = gradients(self.rng, self.ours)
            give(self.ours, given)
            give(self.theirs, given)
            self.lrd.step()
            self.other.step()
            self.check()

    def check(self) -> None:
        assert agree(self.ours, self.lrd, self.theirs, self.other.state)

    def change(self, change: Change) -> None:
        for j, (p, q) in enumerate(zip(self.ours, self.theirs, strict=True)):
            change(self.lrd, p, j)
            change(self.other.bases[j], q, j)


def new_memory(_: torch.optim.Optimizer, p: nn.Parameter, __: int) -> None:
    p.data = p.data.clone() + 1


def new_values(_: torch.optim.Optimizer, p: nn.Parameter, __: int) -> None:
    with torch.no_grad():
        p.mul_(2.0)


def new_state_tensors(optimizer: torch.optim.Optimizer, p: nn.Parameter, _: int) -> None:
    state = optimizer.state[p]
    for key, value in list(state.items()):
        if value is not None:
            state[key] = value.clone()


def state_by_hand(optimizer: torch.optim.Optimizer, p: nn.Parameter, j: int) -> None:
    for key, value in optimizer.state[p].items():
        if key == "step":
            value.fill_(100.0 + j)
        elif value is not None:
            value.mul_(0.5)


def no_state(optimizer: torch.optim.Optimizer, p: nn.Parameter, j: int) -> None:
    if j != 1:
        optimizer.state.pop(p, None)


def learning_rate(optimizer: torch.optim.Optimizer, _: nn.Parameter, __: int) -> None:
    optimizer.param_groups[0]["lr"] = 0.003


def learning_rate_0(optimizer: torch.optim.Optimizer, _: nn.Parameter, __: int) -> None:
    optimizer.param_groups[0]["lr"] = 0.0


CHANGES = [
    new_memory,
    new_values,
    new_state_tensors,
    state_by_hand,
    no_state,
    learning_rate,
    learning_rate_0,
]


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize("case", FEW)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_steps_is_noticed(change: Change, case: str, kernel: str) -> None:
    beside = Beside(case, kernel)
    beside.run(3)
    beside.change(change)
    beside.run(3)


@pytest.mark.parametrize("kernel", ENGINES)
def test_momentum_and_decay_may_come_and_go(kernel: str) -> None:
    beside = Beside("sgd momentum", kernel)

    def put(**options: Value) -> None:
        for optimizer in (beside.lrd, *beside.other.bases):
            optimizer.param_groups[0].update(options)

    put(momentum=0.0, weight_decay=0.0, dampening=0.0)
    beside.run(2)
    put(momentum=0.9, weight_decay=0.1, dampening=0.2)
    beside.run(2)
    put(momentum=0.0, weight_decay=0.0, dampening=0.0)
    beside.run(2)


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize("case", FUSED)
def test_a_loaded_state_is_the_one_that_goes_on(case: str, kernel: str) -> None:
    beside = Beside(case, kernel)
    beside.run(4)
    saved = beside.lrd.state_dict()
    plain = [b.state_dict() for b in beside.other.bases]
    values = [p.detach().clone() for p in beside.ours]
    # Copies: a state_dict holds the state's own tensors.
    saved, plain = torch_copy(saved), torch_copy(plain)
    beside.run(3)
    beside.lrd.load_state_dict(saved)
    for b, state in zip(beside.other.bases, plain, strict=True):
        b.load_state_dict(state)
    beside.other.steps = beside.lrd.steps
    assert beside.lrd.steps == 4
    with torch.no_grad():
        for p, q, value in zip(beside.ours, beside.theirs, values, strict=True):
            p.copy_(value)
            q.copy_(value)
    beside.run(3)


def torch_copy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {k: torch_copy(v) for k, v in value.items()}
    if isinstance(value, list):
        return [torch_copy(v) for v in value]
    return value


@pytest.mark.parametrize("kernel", ENGINES)
@pytest.mark.parametrize("case", FUSED)
def test_the_base_may_step_in_between(case: str, kernel: str) -> None:
    beside = Beside(case, kernel)
    beside.run(3)
    given = gradients(beside.rng, beside.ours)
    give(beside.ours, given)
    give(beside.theirs, given)
    beside.lrd.optimizer.step()
    for b in beside.other.bases:
        b.step()
    beside.check()
    beside.run(3)


@pytest.mark.parametrize("kernel", ENGINES)
def test_another_dtype_on_the_way(kernel: str) -> None:
    beside = Beside("adam", kernel)
    beside.run(2)

    def widen(optimizer: torch.optim.Optimizer, p: nn.Parameter, _: int) -> None:
        p.data = p.data.double()
        p.grad = None
        state = optimizer.state[p]
        for key in ("exp_avg", "exp_avg_sq"):
            state[key] = state[key].double()

    beside.change(widen)
    beside.run(3)


@pytest.mark.parametrize("kernel", ENGINES)
def test_state_that_does_not_fit_is_said_to_be_so(kernel: str) -> None:
    own = tensors((7, 64), F32)
    lrd = LRD(base("adam", own), 0.5, kernel=kernel)
    give(own, gradients(np.random.default_rng(0), own))
    lrd.step()
    before = [p.detach().clone() for p in own]
    lrd.state[own[1]]["exp_avg"] = torch.zeros(63)
    with pytest.raises(RuntimeError, match=r"'exp_avg' of parameter 1 .*\(63,\).*\(64,\)"):
        lrd.step()
    assert all(torch.equal(p, old) for p, old in zip(own, before, strict=True))
    assert lrd.steps == 1


group = st.fixed_dictionaries(
    {
        "sizes": st.lists(st.sampled_from([0, 1, 7, 8, 9, 64, 1025]), min_size=1, max_size=4),
        "double": st.booleans(),
        "rate": st.sampled_from([0.0, 0.3, 0.9]),
        "options": st.fixed_dictionaries(
            {"lr": st.sampled_from([0.0, 0.01, 0.3]), "weight_decay": st.sampled_from([0.05, 0.1])}
        ),
    }
)


@settings(max_examples=40, deadline=None)
@examples(
    groups=st.lists(group, min_size=1, max_size=3),
    kernel=st.sampled_from(ENGINES),
    case=st.sampled_from(["adam", "sgd momentum"]),
    missing=st.sampled_from([0.0, 0.3]),
    seed=st.integers(-(2**63), 2**63),
)
def test_mixed_groups_to_the_bit(
    groups: list[dict[str, Any]], kernel: str, case: str, missing: float, seed: int
) -> None:
    if case != "adam":
        # One dtype: a kernel less to compile.
        groups = [{**g, "double": False} for g in groups]
    ours: list[nn.Parameter] = []
    theirs: list[ByHand] = []
    param_groups = []
    for g in groups:
        own = tensors(g["sizes"], torch.float64 if g["double"] else F32, len(ours))
        build = partial(base, case, fused=True, **g["options"])
        theirs.append(ByHand(copies(own), build, g["rate"], seed))
        theirs[-1].first = len(ours)
        param_groups.append({**build(copies(own)).param_groups[0], "params": own})
        param_groups[-1]["drop_rate"] = g["rate"]
        ours += own
    kind = type(base(case, copies(ours)))
    lrd = LRD(kind(param_groups, lr=0.0), 0.7, seed, kernel=kernel)
    rng = np.random.default_rng(2)
    for _ in range(4):
        for hand in theirs:
            given = gradients(rng, hand.parameters, missing)
            give(ours[hand.first : hand.first + len(given)], given)
            give(hand.parameters, given)
            hand.step()
        lrd.step()
        for hand in theirs:
            own = ours[hand.first : hand.first + len(hand.parameters)]
            assert agree(own, lrd, hand.parameters, hand.state)
