"""LRD in a training loop: learning-rate schedulers, clipping, accumulation, autocast, freezing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from lrd_core import LRD
from lrd_core.optim.random_bits import keep_mask_numpy
from lrd_core.settings import SettingError

Scheduler = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]
SCHEDULERS: dict[str, Scheduler] = {
    "warm-up from 0": lambda o: lr_scheduler.LambdaLR(o, lambda t: min(t, 4) / 4),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.5, total_steps=9),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=5),
    "warm-up, then steps": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, total_iters=3), lr_scheduler.StepLR(o, 2)], [3]
    ),
}
BASES: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "adam, foreach": lambda p: torch.optim.Adam(p, lr=0.1, foreach=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.1),
}
#: Options that schedulers write.
WRITTEN = ("lr", "betas", "momentum")


def parameter(n: int = 64) -> nn.Parameter:
    return nn.Parameter(torch.linspace(-1, 1, n))


def wrap(base: torch.optim.Optimizer, **options: Any) -> LRD:
    return LRD(base, 0.5, seed=9, kernel="torch", **options)


@pytest.mark.filterwarnings("error:Detected call of")
@pytest.mark.parametrize("over", ["wrapper", "base"])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("schedule", SCHEDULERS)
def test_scheduled_equals_set_by_hand(schedule: str, base: str, over: str) -> None:
    """What a scheduler writes into a plain torch optimizer, written by hand into LRD's groups."""
    plain_p, p, q = parameter(), parameter(), parameter()
    plain, lrd, by_hand = BASES[base]([plain_p]), wrap(BASES[base]([p])), wrap(BASES[base]([q]))
    recorder = SCHEDULERS[schedule](plain)
    scheduler = SCHEDULERS[schedule](lrd if over == "wrapper" else lrd.optimizer)
    for _ in range(8):
        by_hand.param_groups[0].update(
            {k: v for k, v in plain.param_groups[0].items() if k in WRITTEN}
        )
        for tensor in (plain_p, p, q):
            tensor.grad = torch.sin(3 * tensor.detach())
        for optimizer in (plain, lrd, by_hand):
            optimizer.step()
        scheduler.step()
        recorder.step()
        assert torch.equal(p, q)
    assert lrd.steps == 8
    assert not torch.equal(p, parameter())


def test_a_step_at_learning_rate_0_moves_nothing_and_counts() -> None:
    p, q = parameter(), parameter()
    lrd = wrap(torch.optim.Adam([p], lr=0.0))
    plain = torch.optim.Adam([q], lr=0.0)
    p.grad = q.grad = torch.ones(64)
    lrd.step()
    plain.step()
    assert torch.equal(p, parameter())
    assert torch.equal(lrd.state[p]["exp_avg"], plain.state[q]["exp_avg"])
    lrd.param_groups[0]["lr"] = 0.1
    lrd.step()
    assert (p != parameter()).tolist() == keep_mask_numpy(9, 2, 0, 64, 0.5).tolist()


def test_clipping_before_the_step() -> None:
    p, q = parameter(), parameter()
    lrd = wrap(torch.optim.SGD([p, q], lr=1.0))
    p.grad, q.grad = torch.full((64,), 3.0), torch.full((64,), 4.0)
    assert float(nn.utils.clip_grad_norm_([p, q], 2.0)) == pytest.approx(40.0)
    lrd.step()
    for j, (tensor, size) in enumerate(((p, 3.0 / 20), (q, 4.0 / 20))):
        kept = torch.from_numpy(keep_mask_numpy(9, 1, j, 64, 0.5))
        expected = torch.where(kept, parameter().detach() - size, parameter().detach())
        torch.testing.assert_close(tensor.detach(), expected, rtol=1e-5, atol=1e-6)


def test_accumulated_gradients_are_one_step() -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 64)
    p, q = parameter(), parameter()
    parts, whole = wrap(torch.optim.Adam([p], lr=0.1)), wrap(torch.optim.Adam([q], lr=0.1))
    for _ in range(3):
        for half in x.chunk(2):
            ((half @ p).pow(2).sum() / 8).backward()
        (x @ q).pow(2).mean().backward()
        for optimizer in (parts, whole):
            optimizer.step()
            optimizer.zero_grad()
    assert parts.steps == 3
    torch.testing.assert_close(p, q)


@pytest.mark.parametrize("kernel", ["torch", "compiled"])
@pytest.mark.parametrize("base", BASES)
def test_autocast_does_not_reach_the_step(base: str, kernel: str) -> None:
    """A step inside the autocast region is the step outside, statistics too."""
    torch.manual_seed(0)
    x = torch.randn(8, 64)
    found = []
    for inside in (True, False):
        p = parameter()
        lrd = LRD(BASES[base]([p]), 0.5, rescale=True, kernel=kernel)
        lrd.collect_statistics = True
        for _ in range(3):
            lrd.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                y = x @ p
                assert y.dtype == torch.bfloat16
                y.float().pow(2).mean().backward()
                if inside:
                    lrd.step()
            if not inside:
                lrd.step()
        found.append((p.detach(), lrd.statistics))
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def test_bfloat16_parameters() -> None:
    p = nn.Parameter(torch.ones(400, dtype=torch.bfloat16))
    lrd = wrap(torch.optim.AdamW([p], lr=0.1))
    for t in (1, 2):
        before = p.detach().clone()
        p.grad = torch.ones_like(p)
        lrd.step()
        assert (p != before).tolist() == keep_mask_numpy(9, t, 0, 400, 0.5).tolist()


def test_frozen_and_unfrozen() -> None:
    """A frozen layer stands still; once it trains, its masks are those of its place and step."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    net[0].requires_grad_(False)
    lrd = wrap(torch.optim.SGD(net.parameters(), lr=0.1))
    frozen = net[0].weight.detach().clone()
    for t in (1, 2, 3, 4):
        net[0].requires_grad_(t > 2)
        before = net[0].weight.detach().clone()
        lrd.zero_grad()
        net(torch.randn(16, 8)).pow(2).sum().backward()
        lrd.step()
        if t > 2:
            moved = (net[0].weight != before).flatten().tolist()
            assert moved == keep_mask_numpy(9, t, 0, 64, 0.5).tolist()
        else:
            assert torch.equal(net[0].weight, frozen)


FLAGS: dict[str, Callable[[], dict[str, Any]]] = {
    "default": dict,
    "foreach": lambda: {"foreach": True},
    "for-loop": lambda: {"foreach": False},
    "fused": lambda: {"fused": True},
    "maximize": lambda: {"maximize": True},
    "maximize, foreach": lambda: {"maximize": True, "foreach": True},
    "maximize, fused": lambda: {"maximize": True, "fused": True},
    "lr a tensor": lambda: {"lr": torch.tensor(0.1, dtype=torch.float64)},
    "lr a tensor, for-loop": lambda: {
        "lr": torch.tensor(0.1, dtype=torch.float64),
        "foreach": False,
    },
    "lr a tensor, fused": lambda: {"lr": torch.tensor(0.1, dtype=torch.float64), "fused": True},
}
KINDS = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("flags", FLAGS)
def test_flags_of_the_base(flags: str, kind: Any) -> None:
    """torch itself, set to LRD's parameters before each step, says where kept coordinates go."""
    p = nn.Parameter(torch.linspace(-1, 1, 64, dtype=torch.float64))
    q = nn.Parameter(p.detach().clone())
    options = {"lr": 0.1, "weight_decay": 0.1}
    lrd = wrap(kind([p], **options | FLAGS[flags]()))
    twin = kind([q], **options | FLAGS[flags]())
    for t in range(1, 5):
        old = p.detach().clone()
        q.data.copy_(old)
        p.grad = q.grad = torch.cos(5 * old)
        lrd.step()
        twin.step()
        if t == 2 and torch.is_tensor(twin.param_groups[0]["lr"]):
            # In place, as schedulers change a tensor.
            for optimizer in (lrd, twin):
                optimizer.param_groups[0]["lr"].mul_(0.5)
        kept = torch.from_numpy(keep_mask_numpy(9, t, 0, 64, 0.5))
        expected = torch.where(kept, q.detach(), old)
        torch.testing.assert_close(p.detach(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_capturable_on_a_cpu_is_what_torch_makes_of_it(rate: float) -> None:
    def outcome(wrapper: Callable[[torch.optim.Optimizer], torch.optim.Optimizer]) -> str:
        p = parameter()
        p.grad = torch.ones(64)
        optimizer = wrapper(torch.optim.Adam([p], capturable=True))
        try:
            optimizer.step()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "stepped"

    assert outcome(lambda base: LRD(base, rate)) == outcome(lambda base: base)


def test_inference_mode_is_named() -> None:
    p = parameter()
    p.grad = torch.ones(64)
    lrd = wrap(torch.optim.Adam([p]))
    with torch.inference_mode(), pytest.raises(SettingError, match=r"step: .*torch.no_grad\(\)"):
        lrd.step()
    assert lrd.steps == 0
    assert not lrd.state
    lrd.step()
    with torch.inference_mode():
        made_there = parameter()
    with pytest.raises(SettingError, match=r"param_groups.0.params.0: .*inference_mode"):
        wrap(torch.optim.Adam([made_there]))


@pytest.mark.parametrize("base", BASES)
def test_under_no_grad_a_closure_still_has_gradients(base: str) -> None:
    p, q = parameter(), parameter()
    inside, outside = wrap(BASES[base]([p])), wrap(BASES[base]([q]))

    def closure(lrd: LRD, tensor: nn.Parameter) -> float:
        lrd.zero_grad()
        loss = tensor.pow(2).sum()
        loss.backward()
        return loss.item()

    with torch.no_grad():
        assert inside.step(lambda: closure(inside, p)) == pytest.approx(
            float(p.numel()) / 3, rel=0.1
        )
    outside.step(lambda: closure(outside, q))
    assert torch.equal(p, q)
    assert not torch.equal(p, parameter())
