"""What Learning Rate Dropout is, in numbers that wrong versions fail; docs/semantics.md is true."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import lrd_core
from lrd_core.optim import schedules
from lrd_core.optim.random_bits import keep_mask_numpy
from tests.lrd_core.optim.wrong_twins import (
    AliasedBuffer,
    GradientMaskedRMSprop,
    KeepCalledDropout,
    MomentumOnlySGD,
)

#: Compiled kernels have the same bits (kernels/test_cpu_*.py) and would only be waited for here.
LRD = partial(lrd_core.LRD, kernel="torch")

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "semantics.md"
SGD, Adam, AdamW, RMSprop = (
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.RMSprop,
)


def ones(n: int = 4000, value: float = 1.0) -> nn.Parameter:
    p = nn.Parameter(torch.full((n,), value))
    p.grad = torch.ones(n)
    return p


def kept(n: int, step: int = 1, tensor: int = 0, keep: float = 0.5) -> torch.Tensor:
    return torch.from_numpy(keep_mask_numpy(0, step, tensor, n, keep))


def moved(optimizer: torch.optim.Optimizer, p: nn.Parameter) -> torch.Tensor:
    before = p.detach().clone()
    optimizer.step()
    return p.detach() != before


# The page.


def lines() -> list[str]:
    return re.findall(r"^\d+\. .*(?:\n {2,}.*)*", PAGE.read_text(), flags=re.M)


def test_every_line_of_the_page_names_a_test_that_exists() -> None:
    exist = {
        node.name
        for file in (ROOT / "tests" / "lrd_core").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert len(lines()) >= 40
    for line in lines():
        named = re.search(r"\(((?:`test_\w+`(?:,\s+)?)+)\)$", line)
        assert named, f"no test is named at the end of: {line}"
        missing = set(re.findall(r"test_\w+", named.group(1))) - exist
        assert not missing, f"{missing} in: {line}"


def test_lines_of_the_page_are_numbered_in_order() -> None:
    assert [int(line.split(".")[0]) for line in lines()] == list(range(1, len(lines()) + 1))
    # No statement hides outside the numbered lines.
    rest = re.sub(r"^\d+\. .*(?:\n {2,}.*)*", "", PAGE.read_text(), flags=re.M)
    assert "`test_" not in rest


# Slips of public code: a twin fails what ours passes.


def mean_step(optimizer: torch.optim.Optimizer, p: nn.Parameter) -> float:
    """Mean size of a step under gradient 1, over 50 steps once the momentum is full."""
    p.grad = torch.ones_like(p)
    for _ in range(150):
        optimizer.step()
    start = p.detach().clone()
    for _ in range(50):
        optimizer.step()
    return float((start - p.detach()).mean()) / 50


def test_constant_gradient_tells_the_versions_apart() -> None:
    def fresh() -> nn.Parameter:
        return nn.Parameter(torch.zeros(20_000, dtype=torch.float64))

    def heavy(p: nn.Parameter) -> torch.optim.Optimizer:
        return SGD([p], lr=1.0, momentum=0.9)

    p = fresh()
    assert mean_step(heavy(p), p) == pytest.approx(10.0, abs=1e-4)
    p = fresh()
    assert mean_step(LRD(heavy(p), 0.5), p) == pytest.approx(5.0, abs=0.03)
    p = fresh()
    assert mean_step(LRD(heavy(p), 0.5, rescale=True), p) == pytest.approx(10.0, abs=0.06)
    p = fresh()
    wrong = mean_step(AliasedBuffer([p], 0.5), p)
    assert wrong == pytest.approx(0.5 / (1 - 0.5 * 0.9), abs=0.03)
    assert wrong != pytest.approx(5.0, abs=0.03)


def test_weight_decay_reaches_the_update_of_rmsprop() -> None:
    def decays(make: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> bool:
        p = ones(value=2.0)
        p.grad = torch.zeros_like(p)
        return torch.equal(moved(make([p]), p), kept(4000))

    assert decays(lambda p: LRD(RMSprop(p, lr=0.1, weight_decay=0.5), 0.5))
    assert not decays(lambda p: GradientMaskedRMSprop(p, 0.5, lr=0.1, weight_decay=0.5))
    # Where no decay is asked for, both are the same.
    p, q = ones(), ones()
    ours, twin = LRD(RMSprop([p], lr=0.1), 0.5), GradientMaskedRMSprop([q], 0.5, lr=0.1)
    for _ in range(5):
        ours.step()
        twin.step()
    torch.testing.assert_close(p, q)


def test_rmsprop_with_momentum_is_masked() -> None:
    def masked(make: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> bool:
        p = ones()
        return torch.equal(moved(make([p]), p), kept(4000))

    assert masked(lambda p: LRD(RMSprop(p, lr=0.1, momentum=0.9), 0.5))
    assert not masked(lambda p: GradientMaskedRMSprop(p, 0.5, lr=0.1, momentum=0.9))


def test_sgd_without_momentum_is_masked() -> None:
    p = ones()
    assert torch.equal(moved(LRD(SGD([p], lr=0.1), 0.5), p), kept(4000))
    with pytest.raises(UnboundLocalError):
        MomentumOnlySGD([p], 0.5).step()


def test_nesterov_is_not_ignored() -> None:
    def first_step(make: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> float:
        p = ones(value=0.0)
        make([p]).step()
        return float(p.detach()[kept(4000)].mean())

    def ours(nesterov: bool) -> float:
        return first_step(lambda p: LRD(SGD(p, lr=0.1, momentum=0.9, nesterov=nesterov), 0.5))

    def twin(nesterov: bool) -> float:
        return first_step(lambda p: MomentumOnlySGD(p, 0.5, momentum=0.9, nesterov=nesterov))

    # lr · (g + momentum · g), against lr · g.
    assert ours(True) == pytest.approx(-0.19)
    assert ours(False) == twin(False) == pytest.approx(-0.1)
    assert twin(True) != pytest.approx(-0.19)


def test_drop_rate_says_what_is_dropped() -> None:
    p, q, r = ones(), ones(), ones()
    assert moved(LRD(SGD([p], lr=0.1), drop_rate=0.0), p).all()
    assert not moved(KeepCalledDropout([q], dropout=0.0), q).any()
    # And what is not given is the paper's half, not nothing.
    assert torch.equal(moved(LRD(SGD([r], lr=0.1)), r), kept(4000))
    assert not moved(KeepCalledDropout([q]), q).any()


# The lines of the page.


@pytest.mark.parametrize("flags", [{"fused": True}, {"foreach": False}, {"foreach": True}, {}])
def test_moments_accumulate_on_dropped_coordinates(flags: dict[str, bool]) -> None:
    torch.manual_seed(0)
    p, q = nn.Parameter(torch.zeros(50)), nn.Parameter(torch.zeros(50))
    lrd, plain = LRD(Adam([p], **flags), 0.9), Adam([q], **flags)
    for _ in range(20):
        p.grad = torch.randn(50)
        q.grad = p.grad.clone()
        lrd.step()
        plain.step()
    assert not torch.equal(p, q)
    assert lrd.state[p].keys() == plain.state[q].keys()
    for name, value in plain.state[q].items():
        # Where the base leaves the choice of its loop open, the last bit is open too.
        same = torch.equal if flags else torch.allclose
        assert same(lrd.state[p][name], value), name


@pytest.mark.parametrize("optimizer", [AdamW, SGD])
def test_weight_decay_is_dropped_with_the_update(optimizer: type[torch.optim.Optimizer]) -> None:
    p = ones(value=2.0)
    p.grad = torch.zeros_like(p)
    lrd = LRD(optimizer([p], lr=0.1, weight_decay=0.5), 0.5)
    assert torch.equal(moved(lrd, p), kept(4000))


def test_biases_and_norm_parameters_are_masked_and_can_be_spared_by_name() -> None:
    def shares(drop_rate: float | dict[str, float]) -> list[float]:
        net = nn.Sequential(nn.Linear(3, 2000), nn.BatchNorm1d(2000))
        for p in net.parameters():
            p.grad = torch.ones_like(p)
        lrd = LRD(SGD(net.named_parameters(), lr=0.1), drop_rate)
        before = [p.detach().clone() for p in net.parameters()]
        lrd.step()
        pairs = zip(net.parameters(), before, strict=True)
        return [float((p.detach() != old).float().mean()) for p, old in pairs]

    assert shares(0.5) == pytest.approx([0.5] * 4, abs=0.05)
    spared = shares({"*.bias": 0.0, "1.*": 0.25, "*": 0.5})
    assert spared == pytest.approx([0.5, 1.0, 0.75, 1.0], abs=0.05)


def test_every_step_and_tensor_has_a_mask_of_its_own() -> None:
    p, q = ones(), ones()
    lrd = LRD(SGD([p, q], lr=0.1), 0.5)
    seen = []
    for step in (1, 2, 3):
        before = [t.detach().clone() for t in (p, q)]
        lrd.step()
        for j, (t, old) in enumerate(zip((p, q), before, strict=True)):
            seen.append(t.detach() != old)
            assert torch.equal(seen[-1], kept(4000, step, j))
    # Independent halves agree on half.
    agreements = [float((a == b).float().mean()) for a in seen for b in seen if a is not b]
    assert agreements == pytest.approx([0.5] * 30, abs=0.04)


def test_clipping_measures_the_whole_gradient() -> None:
    p, q = ones(), ones()
    lrd, plain = LRD(Adam([p], lr=0.1, fused=True), 0.5), Adam([q], lr=0.1, fused=True)
    norms = [float(nn.utils.clip_grad_norm_([t], 1.0)) for t in (p, q)]
    assert norms == pytest.approx([math.sqrt(4000)] * 2)
    lrd.step()
    plain.step()
    # The mask comes after: moments hold the clipped gradient everywhere.
    assert torch.equal(lrd.state[p]["exp_avg"], plain.state[q]["exp_avg"])
    assert torch.equal(p[kept(4000)], q[kept(4000)])


def test_accumulated_gradients_are_masked_once() -> None:
    def end(parts: int) -> torch.Tensor:
        p = nn.Parameter(torch.linspace(-1, 1, 64))
        lrd = LRD(SGD([p], lr=0.1), 0.5)
        for _ in range(3):
            lrd.zero_grad()
            for part in torch.chunk(p * p, parts):
                part.sum().backward(retain_graph=True)
            lrd.step()
        assert lrd.steps == 3
        return p.detach()

    assert torch.equal(end(1), end(4))


def test_autocast_leaves_masters_and_masks_alone() -> None:
    net = nn.Linear(64, 64)
    before = net.weight.detach().clone()
    lrd = LRD(SGD(net.parameters(), lr=0.1), 0.5)
    with torch.autocast("cpu", torch.bfloat16):
        y = net(torch.ones(2, 64))
        y.float().sum().backward()
        lrd.step()
    assert y.dtype == torch.bfloat16
    assert net.weight.dtype == torch.float32
    assert torch.equal((net.weight.detach() != before).view(-1), kept(4096))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_the_mask_is_the_same_in_every_dtype(dtype: torch.dtype) -> None:
    p = nn.Parameter(torch.ones(4000, dtype=dtype))
    p.grad = torch.ones_like(p)
    lrd = LRD(SGD([p], lr=0.5, momentum=0.9), 0.5)
    assert torch.equal(moved(lrd, p), kept(4000))
    assert p.dtype == lrd.state[p]["momentum_buffer"].dtype == dtype


def test_a_schedule_gives_each_step_its_rate_and_goes_on_after_a_checkpoint() -> None:
    schedule = schedules.WarmUp(2, schedules.Linear(0.8, 0.2, 4))
    p = ones()
    lrd = LRD(SGD([p], lr=0.1), schedule)
    for step in (1, 2, 3):
        assert torch.equal(moved(lrd, p), kept(4000, step, keep=1 - schedule(step)))
    q = ones()
    resumed = LRD(SGD([q], lr=0.1))
    resumed.load_state_dict(lrd.state_dict())
    for step in (4, 5, 6, 7, 8):
        assert torch.equal(moved(resumed, q), kept(4000, step, keep=1 - schedule(step)))


def test_masks_continue_after_a_plain_checkpoint_where_the_wrapper_stands() -> None:
    p = ones()
    lrd = LRD(SGD([p], lr=0.1, momentum=0.9), 0.5)
    for _ in range(3):
        lrd.step()
    lrd.load_state_dict(lrd.optimizer.state_dict())
    assert torch.equal(moved(lrd, p), kept(4000, 4))


def test_a_tensor_added_later_is_next_in_number_and_disturbs_no_other() -> None:
    p, q, r = ones(), ones(), ones()
    lrd, alone = LRD(SGD([p], lr=0.1), 0.5), LRD(SGD([q], lr=0.1), 0.5)
    lrd.step()
    alone.step()
    lrd.add_param_group({"params": [r]})
    assert torch.equal(moved(lrd, r), kept(4000, step=2, tensor=1))
    alone.step()
    assert torch.equal(p, q)


def test_a_missing_gradient_leaves_tensor_and_state_and_the_others_masks() -> None:
    p, q = ones(), ones()
    lrd = LRD(Adam([p, q], lr=0.1), 0.5)
    p.grad = None
    before = p.detach().clone()
    assert torch.equal(moved(lrd, q), kept(4000, step=1, tensor=1))
    assert torch.equal(p, before)
    assert p not in lrd.state or not lrd.state[p]
    p.grad = torch.ones(4000)
    assert torch.equal(moved(lrd, p), kept(4000, step=2, tensor=0))
    assert [float(lrd.state[t]["step"]) for t in (p, q)] == [1.0, 2.0]


@pytest.fixture
def second_of_two_ranks() -> Iterator[None]:
    from torch import distributed
    from torch.testing._internal.distributed.fake_pg import FakeStore

    distributed.init_process_group("fake", store=FakeStore(), rank=1, world_size=2)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("second_of_two_ranks")
@pytest.mark.parametrize("dimension", [0, 1])
@pytest.mark.parametrize("kernel", ["compiled", "torch"])
def test_a_shard_has_the_whole_s_mask_at_its_place(kernel: str, dimension: int) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Shard

    mesh = init_device_mesh("cpu", (2,))

    def second(t: torch.Tensor) -> torch.Tensor:
        return t.chunk(2, dimension)[1].clone(memory_format=torch.contiguous_format)

    def sharded(t: torch.Tensor) -> DTensor:
        shape, stride = t.shape, t.stride()
        place = [Shard(dimension)]
        return DTensor.from_local(second(t), mesh, place, shape=shape, stride=stride)

    whole = nn.Parameter(torch.linspace(-1, 1, 35 * 6).view(35, 6))
    part = nn.Parameter(sharded(whole.detach()))
    options = {"lr": 0.1, "weight_decay": 0.1, "fused": True}
    lrd, other = LRD(Adam([whole], **options), 0.5), LRD(Adam([part], **options), 0.5)
    other.kernel = kernel
    for _ in range(4):
        whole.grad = torch.sin(whole.detach())
        part.grad = sharded(whole.grad)
        lrd.step()
        other.step()
        mine, theirs = part.to_local().detach(), second(whole.detach())
        # torch's loop over the last elements of a tensor rounds otherwise: a part ends elsewhere.
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)
        moments = other.state[part]["exp_avg"].to_local()
        torch.testing.assert_close(moments, second(lrd.state[whole]["exp_avg"]))


def test_selected_not_multiplied() -> None:
    special = torch.tensor([-0.0, math.inf, -math.inf, math.nan, 1.0] * 40)
    p = nn.Parameter(special.clone())
    lrd = LRD(SGD([p], lr=1.0), 0.5, seed=3)
    p.grad = torch.full_like(p, math.nan)
    lrd.step()
    chosen = torch.from_numpy(keep_mask_numpy(3, 1, 0, 200, 0.5))
    bits, before = p.detach().view(torch.int32), special.view(torch.int32)
    assert torch.equal(bits[~chosen], before[~chosen])
    assert p.detach()[chosen].isnan().all()
    assert 0 < int(chosen.sum()) < 200


def test_a_dropped_nan_gradient_leaves_the_parameter_finite() -> None:
    p = ones(100)
    lrd = LRD(SGD([p], lr=1.0), 0.5)
    p.grad = torch.full_like(p, math.inf)
    lrd.step()
    assert np.array_equal(np.isinf(p.detach().numpy()), kept(100).numpy())


def test_seeds_share_or_separate_masks() -> None:
    def pattern(seed: int) -> list[bool]:
        p = ones(64)
        return moved(LRD(SGD([p], lr=1.0), 0.5, seed=seed), p).tolist()

    assert pattern(5) == pattern(5)
    assert pattern(5) != pattern(6)
    assert pattern(-1) == pattern(2**64 - 1)
