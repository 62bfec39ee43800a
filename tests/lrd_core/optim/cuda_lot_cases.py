"""`LRD` through Triton kernels in its interpreter, on CPU tensors, against `LRD` on the CPU.

`test_cuda_lot.py` runs these in a process of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
import triton
from torch.utils._python_dispatch import TorchDispatchMode

from lrd_core import LRD
from lrd_core.optim import lrd, schedules
from lrd_core.optim.policies import POLICIES
from lrd_core.optim.random_bits import keep_mask
from lrd_core.optim.rules import RULES, get_rule
from lrd_core.optim.stepping import fused, step_count
from lrd_core.optim.stepping.binding import Binding, bind_group
from lrd_core.optim.stepping.cuda_lot import CudaLot
from lrd_core.settings import check_settings

assert triton.knobs.runtime.interpret, "set TRITON_INTERPRET=1"

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

SHAPES: list[tuple[int, ...]] = [(7, 5), (), (3,)]
FUSED = [name for name, policy in POLICIES.items() if policy.fused]
Base = Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]


def send_to_cuda(patch: pytest.MonkeyPatch) -> None:
    """Sends CPU tensors to `CudaLot`, those of capturable groups too."""

    def bound(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> Binding | str:
        return bind_group(optimizer, {**group, "params": []})

    patch.setattr(fused, "lot_type", lambda *_: CudaLot)
    patch.setattr(fused, "bind_group", bound)


@pytest.fixture
def to_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All of a test on `CudaLot`."""
    with monkeypatch.context() as patch:
        send_to_cuda(patch)
        yield


class Twins:
    """The same training twice: stepped by `CudaLot`, and by torch's operations on a CPU."""

    def __init__(self, base: Base, patch: pytest.MonkeyPatch, **given: Any) -> None:
        self._patch = patch
        self._generator = torch.Generator().manual_seed(3)
        start = [torch.randn(s, generator=self._generator) for s in SHAPES]
        self.params = [[torch.nn.Parameter(t.clone()) for t in start] for _ in range(2)]
        self.plain = LRD(base(self.params[1]), seed=5, kernel="torch", **given)
        with patch.context() as inner:
            send_to_cuda(inner)
            self.triton = LRD(base(self.params[0]), seed=5, **given)
        for group in self.plain.param_groups:
            # A CPU has no use for it.
            group.pop("capturable", None)

    def step(self, *, without: Sequence[int] = ()) -> None:
        """One step of both, with the same new gradients."""
        for i, pair in enumerate(zip(*self.params, strict=True)):
            g = torch.randn(SHAPES[i], generator=self._generator)
            for p in pair:
                p.grad = None if i in without else g.clone()
        with self._patch.context() as patch:
            send_to_cuda(patch)
            self.triton.step()
        self.plain.step()

    def check(self) -> None:
        """Parameters and state agree; coordinates that were never kept are the same to the bit."""
        for p, q in zip(*self.params, strict=True):
            torch.testing.assert_close(p, q, rtol=2e-5, atol=2e-6)
            mine, theirs = self.triton.state[p], self.plain.state[q]
            assert mine.keys() == theirs.keys()
            for key, value in theirs.items():
                same_kind = not isinstance(value, torch.Tensor) or mine[key].dtype == value.dtype
                assert same_kind, key
                torch.testing.assert_close(mine[key], value, rtol=2e-5, atol=1e-6)


def rule_base(name: str, **flags: Any) -> Base:
    """A rule's optimizer with flags of its group."""

    def base(params: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        rule = get_rule(name)
        given = {"momentum": 0.9} if name in ("sgd", "rmsprop") else {}
        given |= {"dampening": 0.5} if name == "sgd" else {}
        optimizer = rule.optimizer(params, check_settings(rule.settings, {"lr": 0.05, **given}))
        optimizer.param_groups[0].update(flags)
        return optimizer

    return base


def adam(params: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.Adam(params, lr=0.05, fused=True)


@pytest.mark.parametrize("flags", [{}, {"fused": None}, {"fused": None, "capturable": True}])
@pytest.mark.parametrize("rule", list(RULES))
def test_every_rule(rule: str, flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    twins = Twins(rule_base(rule, **flags), monkeypatch, drop_rate=0.5)
    for missing in ((), (1,), (), (0, 1, 2), ()):
        twins.step(without=missing)
    twins.check()
    assert twins.triton.steps == 5
    assert isinstance(twins.triton._fused._layout.lots[0], CudaLot)  # type: ignore[union-attr]


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("policy", FUSED)
def test_every_fused_policy(policy: str, rescale: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    twins = Twins(adam, monkeypatch, drop_rate=0.4, policy=policy, rescale=rescale)
    twins.triton.collect_statistics = twins.plain.collect_statistics = True
    for _ in range(3):
        twins.step()
        mine, theirs = twins.triton.statistics, twins.plain.statistics
        assert mine is not None
        assert theirs is not None
        assert (mine.indices, mine.names, mine.numel, mine.kept) == (
            theirs.indices,
            theirs.names,
            theirs.numel,
            theirs.kept,
        )
        assert mine.masked_sq == pytest.approx(theirs.masked_sq, rel=1e-4)
        assert mine.full_dot_grad == pytest.approx(theirs.full_dot_grad, rel=1e-4)
    twins.check()


def test_schedules_groups_and_the_state_of_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    def base(params: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        groups = [{"params": params[:1], "lr": 0.1}, {"params": params[1:], "capturable": True}]
        return torch.optim.NAdam(groups, lr=0.01)

    twins = Twins(base, monkeypatch, drop_rate=schedules.Linear(0.1, 0.9, 5))
    twins.step()
    twins.step()
    for one in (twins.triton, twins.plain):
        one.load_state_dict(one.state_dict())
    twins.step()
    twins.step()
    twins.check()
    assert len(twins.triton._fused._layout.lots) == 2  # type: ignore[union-attr]


@pytest.mark.usefixtures("to_cuda")
def test_scalars_that_a_checkpoint_brings_in_the_parameter_s_dtype() -> None:
    p = torch.nn.Parameter(torch.ones(8, dtype=torch.bfloat16))
    optimizer = LRD(torch.optim.NAdam([p], capturable=True), 0.5)
    p.grad = torch.ones(8, dtype=torch.bfloat16)
    optimizer.step()
    expected = optimizer.state[p]["mu_product"].clone()
    optimizer.load_state_dict(optimizer.state_dict())
    assert optimizer.state[p]["mu_product"].dtype == torch.bfloat16
    optimizer.step()
    product = optimizer.state[p]["mu_product"]
    assert product.dtype == torch.float32
    assert 0.3 * expected < product < 0.6 * expected


class Reads(TorchDispatchMode):
    """Counts what would make the host wait for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.usefixtures("to_cuda")
@pytest.mark.parametrize("rule", ["adam", "sgd", "nadam", "lion"])
def test_a_step_reads_nothing_from_the_device(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    p = torch.nn.Parameter(torch.ones(40))
    flags = {"fused": None, "capturable": True} if rule in ("adam", "nadam") else {}
    optimizer = LRD(rule_base(rule, **flags)([p]), 0.5, seed=1)
    if rule != "lion":
        optimizer.param_groups[0]["lr"] = torch.tensor(0.1)
        optimizer.param_groups[0]["capturable"] = True
    optimizer.collect_statistics = True
    p.grad = torch.ones(40)
    optimizer.step()
    optimizer.found_inf, optimizer.grad_scale = torch.zeros(()), torch.ones(())
    with Reads() as reads, monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "tolist", lambda _: reads.found.append("tolist"))
        assert optimizer._step_supports_amp_scaling
        for _ in range(3):
            optimizer.step()
    assert reads.found == []
    assert optimizer.steps == 4
    mask = keep_mask(1, 4, 0, 40, 0.5)
    assert optimizer.statistics is not None
    assert optimizer.statistics.kept == (int(mask.sum()),)


@pytest.mark.usefixtures("to_cuda")
def test_a_learning_rate_on_the_device_is_read_there() -> None:
    pairs = []
    for lr in (torch.tensor(0.1), 0.1):
        p = torch.nn.Parameter(torch.ones(40))
        optimizer = LRD(torch.optim.Adam([p], lr=lr, capturable=True), 0.5)
        for value in (0.1, 0.3):
            group = optimizer.param_groups[0]
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(value)
            else:
                group["lr"] = value
            p.grad = torch.ones(40)
            optimizer.step()
        pairs.append(p)
    torch.testing.assert_close(*pairs)


@pytest.mark.usefixtures("to_cuda")
@pytest.mark.parametrize("unscaled_first", [False, True])
@pytest.mark.parametrize("rule", ["adam", "sgd"])
def test_grad_scaler_skips_on_the_device(rule: str, unscaled_first: bool) -> None:
    def made() -> tuple[torch.nn.Parameter, LRD]:
        p = torch.nn.Parameter(torch.linspace(-1, 1, 40))
        given = {"lr": 0.1, "fused": True}
        if rule == "adam":
            return p, LRD(torch.optim.Adam([p], **given), 0.5)
        return p, LRD(torch.optim.SGD([p], momentum=0.9, dampening=0.5, **given), 0.5)

    (p, scaled), (q, same) = made(), made()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    assert scaled._step_supports_amp_scaling
    # The first step is skipped too: what it has made of state is not yet a step.
    for bad in (True, False, True, False, False):
        scaled.zero_grad()
        scaler.scale((p * p).sum() * (math.inf if bad else 1.0)).backward()
        if unscaled_first:
            scaler.unscale_(scaled)
        before = p.detach().clone()
        scaler.step(scaled)
        scaler.update()
        assert not hasattr(scaled, "found_inf")
        if bad:
            assert torch.equal(p, before)
        else:
            assert p.grad is not None
            torch.testing.assert_close(p.grad, 2 * before)
            same.zero_grad()
            (q * q).sum().backward()
            same.step()
    assert torch.equal(p, q)
    assert scaler.get_scale() == 256.0
    assert scaled.steps == same.steps == 3
    assert scaled.state_dict()["lrd"]["steps"] == 3


@pytest.mark.usefixtures("to_cuda")
def test_grad_scaler_with_a_schedule_asks_for_the_number() -> None:
    p = torch.nn.Parameter(torch.ones(4000))
    optimizer = LRD(torch.optim.SGD([p], lr=1.0, fused=True), schedules.Linear(0.2, 0.8, 2), seed=2)
    for bad, seen in ((False, 0.2), (True, None), (False, 0.8)):
        p.grad = torch.ones(4000)
        optimizer.found_inf = torch.tensor(float(bad))
        before = p.detach().clone()
        optimizer.step()
        del optimizer.found_inf
        dropped = float((p == before).float().mean())
        assert dropped == (1.0 if bad else pytest.approx(seen, abs=0.04))


@pytest.mark.usefixtures("to_cuda")
def test_who_counts_decides_whether_the_scaler_may_leave_it_to_the_step() -> None:
    p, q = (torch.nn.Parameter(torch.ones(4)) for _ in range(2))
    assert not LRD(torch.optim.Adam([p]), 0.5)._step_supports_amp_scaling
    assert LRD(torch.optim.Adam([p], fused=True), 0.5)._step_supports_amp_scaling
    assert LRD(torch.optim.SGD([p]), 0.5)._step_supports_amp_scaling
    assert not LRD(torch.optim.Adam([p], fused=True), 0.0)._step_supports_amp_scaling
    assert not LRD(
        torch.optim.Adam([p], fused=True), 0.5, policy="per_row"
    )._step_supports_amp_scaling
    assert not LRD(
        torch.optim.Adam([p], fused=True), 0.5, policy="per_tensor"
    )._step_supports_amp_scaling
    groups: list[dict[str, Any]] = [{"params": [p]}, {"params": [q], "drop_rate": 0.0}]
    assert not LRD(torch.optim.Adam(groups, fused=True), 0.5)._step_supports_amp_scaling


@pytest.mark.usefixtures("to_cuda")
def test_rate_0_has_the_base_s_bits() -> None:
    p, q = (torch.nn.Parameter(torch.linspace(-1, 1, 40)) for _ in range(2))
    base, wrapped = torch.optim.Adam([p], fused=True), LRD(torch.optim.Adam([q], fused=True), 0.0)
    for _ in range(3):
        for r in (p, q):
            r.grad = torch.sin(3 * r.detach())
        base.step()
        wrapped.step()
    assert torch.equal(p, q)


@pytest.mark.usefixtures("to_cuda")
def test_the_number_of_steps_can_be_set() -> None:
    p = torch.nn.Parameter(torch.zeros(100))
    optimizer = LRD(torch.optim.SGD([p], lr=1.0), 0.5, seed=3)
    for number in (1, 2, 9, 10):
        if number == 9:
            optimizer.steps = 8
        before = p.detach().clone()
        p.grad = torch.ones(100)
        optimizer.step()
        assert torch.equal(p.detach() != before, keep_mask(3, number, 0, 100, 0.5)), number
        assert optimizer.steps == number


@pytest.fixture
def capture(to_cuda: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Switches on or off what is true while a graph is captured."""

    def switch(on: bool) -> None:
        for module in (lrd, step_count):
            monkeypatch.setattr(module, "capturing", lambda: on)

    return switch


def test_captured_steps_are_counted_by_the_device(capture: Callable[[bool], None]) -> None:
    p = torch.nn.Parameter(torch.zeros(100))
    optimizer = LRD(torch.optim.Adam([p], capturable=True), 0.5, seed=3)
    optimizer.collect_statistics = True
    p.grad = torch.ones(100)
    optimizer.step()
    # Without a graph the step itself runs: as the first replay would.
    capture(True)
    optimizer.step()
    capture(False)
    assert optimizer.steps == 2
    counter = optimizer._fused.count.on(p.device)
    assert counter.tolist() == [2]
    counter += 5
    assert optimizer.steps == 7
    before = p.detach().clone()
    optimizer.step()
    assert torch.equal(p.detach() != before, keep_mask(3, 8, 0, 100, 0.5))
    optimizer.steps = 20
    assert optimizer._fused.count.on(p.device) is counter
    assert counter.tolist() == [20]
    assert optimizer.steps == 20


def test_what_no_graph_can_repeat_is_refused(capture: Callable[[bool], None]) -> None:
    def wrapped(base: Base, steps: int, **given: Any) -> LRD:
        p = torch.nn.Parameter(torch.zeros(4))
        optimizer = LRD(base([p]), 0.5, **given)
        p.grad = torch.ones(4)
        for _ in range(steps):
            optimizer.step()
        return optimizer

    cases = [
        (wrapped(adam, 0), "an ordinary step of the same parameters before"),
        (wrapped(lambda p: torch.optim.Adam(p), 1), "capturable=True or fused=True"),
        (wrapped(adam, 1, policy="per_tensor"), "draws its coins on the host"),
        (wrapped(adam, 1, policy="per_row"), "same at every replay"),
    ]
    capture(True)
    for optimizer, message in cases:
        p = optimizer.param_groups[0]["params"][0]
        before, steps = p.detach().clone(), optimizer.steps
        with pytest.raises(RuntimeError, match=message):
            optimizer.step()
        assert torch.equal(p, before)
        assert optimizer.steps == steps


@pytest.mark.usefixtures("to_cuda")
def test_a_parameter_that_moved_is_found() -> None:
    p = torch.nn.Parameter(torch.zeros(6))
    optimizer = LRD(torch.optim.SGD([p], lr=1.0), 0.5, seed=3)
    for number in range(1, 4):
        p.data = torch.full((6,), float(number))
        p.grad = torch.ones(6)
        optimizer.step()
        expected = number - keep_mask(3, number, 0, 6, 0.5).float()
        assert torch.equal(p.detach(), expected)
    p.data = torch.zeros(6, dtype=torch.bfloat16)
    p.grad = torch.ones(6, dtype=torch.bfloat16)
    optimizer.step()
    assert torch.equal(p.detach().float(), -keep_mask(3, 4, 0, 6, 0.5).float())
