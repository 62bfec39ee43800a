"""LRD in the place of a torch optimizer: schedulers, scaler, hooks, copies, groups, closures."""

from __future__ import annotations

import copy
import io
import math
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import lrd_core
from lrd_core import LRD
from lrd_core.settings import SettingError


def parameter(n: int = 20) -> nn.Parameter:
    p = nn.Parameter(torch.linspace(-1, 1, n))
    p.grad = torch.ones(n)
    return p


def wrapped(p: nn.Parameter, drop_rate: float = 0.5, lr: float = 0.1) -> LRD:
    return LRD(torch.optim.SGD([p], lr=lr, momentum=0.9), drop_rate=drop_rate)


def test_imports_from_the_top() -> None:
    from lrd_core.optim import LRD as ADDRESSED

    assert lrd_core.LRD is ADDRESSED
    assert lrd_core.__version__ == "0.1.0"
    with pytest.raises(AttributeError, match="LDR"):
        _ = lrd_core.LDR


def test_groups_state_and_defaults_are_the_base_s_own() -> None:
    lrd = wrapped(parameter())
    assert isinstance(lrd, torch.optim.Optimizer)
    assert lrd.param_groups is lrd.optimizer.param_groups
    assert lrd.state is lrd.optimizer.state
    assert lrd.defaults is lrd.optimizer.defaults
    lrd.param_groups[0]["lr"] = 0.0
    before = lrd.param_groups[0]["params"][0].detach().clone()
    lrd.step()
    assert torch.equal(before, lrd.param_groups[0]["params"][0])


def test_zero_grad() -> None:
    p = parameter()
    lrd = wrapped(p)
    lrd.zero_grad(set_to_none=False)
    assert p.grad is not None
    assert not p.grad.any()
    lrd.zero_grad()
    assert p.grad is None


def test_learning_rate_schedulers() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = parameter()
        lrd = wrapped(p)
        step_lr = lr_scheduler.StepLR(lrd, step_size=2, gamma=0.1)
        rates = []
        for _ in range(5):
            rates.append(lrd.param_groups[0]["lr"])
            lrd.step()
            step_lr.step()
        assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])
        assert lrd.steps == 5

        one_cycle = wrapped(parameter())
        cycle = lr_scheduler.OneCycleLR(one_cycle, max_lr=1.0, total_steps=10)
        momenta = []
        for _ in range(9):
            one_cycle.step()
            cycle.step()
            momenta.append(one_cycle.optimizer.param_groups[0]["momentum"])
        assert min(momenta) == pytest.approx(0.85)

        plateau_lrd = wrapped(parameter())
        plateau = lr_scheduler.ReduceLROnPlateau(plateau_lrd, patience=0, factor=0.5)
        for _ in range(3):
            plateau_lrd.step()
            plateau.step(1.0)
        assert plateau_lrd.param_groups[0]["lr"] < 0.1


def test_a_scheduler_over_the_base_works_too() -> None:
    lrd = wrapped(parameter())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler = lr_scheduler.ExponentialLR(lrd.optimizer, gamma=0.5)
        lrd.step()
        scheduler.step()
    assert lrd.param_groups[0]["lr"] == pytest.approx(0.05)


@pytest.mark.parametrize("fused", [False, True])
def test_grad_scaler_skips_overflow_and_unscales(fused: bool) -> None:
    p, q = parameter(), parameter()
    lrd = LRD(torch.optim.Adam([p], lr=0.1, fused=fused), 0.5)
    same = LRD(torch.optim.Adam([q], lr=0.1, fused=fused), 0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for bad in (False, True, False):
        lrd.zero_grad()
        same.zero_grad()
        loss = (p * p).sum() * (math.inf if bad else 1.0)
        scaler.scale(loss).backward()
        before = p.detach().clone()
        scaler.step(lrd)
        scaler.update()
        if bad:
            assert torch.equal(p, before)
        else:
            (q * q).sum().backward()
            same.step()
    # The skipped step drew no mask: numbers go on where they were.
    assert lrd.steps == same.steps == 2
    assert scaler.get_scale() == 512.0
    assert torch.equal(p, q)


def test_hooks_of_wrapper_and_base() -> None:
    lrd = wrapped(parameter())
    calls: list[str] = []
    lrd.register_step_pre_hook(lambda *_: calls.append("wrapper before"))
    lrd.register_step_post_hook(lambda *_: calls.append("wrapper after"))
    lrd.optimizer.register_step_post_hook(lambda *_: calls.append("base after"))
    lrd.register_state_dict_pre_hook(lambda _: calls.append("save"))
    lrd.register_state_dict_post_hook(lambda _, state: {**state, "extra": 1})
    lrd.register_load_state_dict_pre_hook(
        lambda _, state: {key: value for key, value in state.items() if key != "extra"}
    )
    lrd.register_load_state_dict_post_hook(lambda _: calls.append("loaded"))
    lrd.step()
    assert calls == ["wrapper before", "base after", "wrapper after"]
    state = lrd.state_dict()
    assert state["extra"] == 1
    lrd.load_state_dict(state)
    assert calls[3:] == ["save", "loaded"]


def advance(lrd: LRD, steps: int) -> torch.Tensor:
    p = lrd.param_groups[0]["params"][0]
    for _ in range(steps):
        p.grad = torch.sin(3 * p.detach())
        lrd.step()
    return p.detach().clone()


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "torch.save"])
def test_copies_go_on_bit_for_bit(how: str) -> None:
    lrd = LRD(torch.optim.Adam([parameter()], lr=0.1), 0.3, seed=2**63 + 1, rescale=True)
    lr_scheduler.StepLR(lrd, 10)
    advance(lrd, 3)
    if how == "deepcopy":
        twin = copy.deepcopy(lrd)
    elif how == "pickle":
        twin = pickle.loads(pickle.dumps(lrd))
    else:
        buffer = io.BytesIO()
        torch.save(lrd, buffer)
        buffer.seek(0)
        twin = torch.load(buffer, weights_only=False)
    assert twin.param_groups[0]["params"][0] is not lrd.param_groups[0]["params"][0]
    assert torch.equal(advance(lrd, 4), advance(twin, 4))
    assert twin.steps == 7


def test_state_dict_round_trip_resumes_bit_for_bit() -> None:
    p = parameter()
    lrd = LRD(torch.optim.Adam([p], lr=0.1), 0.3, seed=-7, rescale=True)
    lrd.param_groups[0]["drop_rate"] = 0.6
    advance(lrd, 5)
    buffer = io.BytesIO()
    torch.save(lrd.state_dict(), buffer)
    q = nn.Parameter(p.detach().clone())
    expected = advance(lrd, 20)
    buffer.seek(0)
    resumed = LRD(torch.optim.Adam([q]))
    resumed.load_state_dict(torch.load(buffer, weights_only=True))
    assert (resumed.steps, resumed.seed, resumed.rescale) == (5, -7, True)
    assert resumed.param_groups[0]["drop_rate"] == 0.6
    assert torch.equal(advance(resumed, 20), expected)


def test_plain_checkpoints_both_ways() -> None:
    p = parameter()
    plain = torch.optim.Adam([p], lr=0.25)
    plain.step()
    lrd = LRD(torch.optim.Adam([parameter()]), 0.4, seed=9)
    lrd.load_state_dict(plain.state_dict())
    assert lrd.param_groups[0]["lr"] == 0.25
    assert lrd.param_groups[0]["drop_rate"] == 0.4
    assert (lrd.steps, lrd.seed) == (0, 9)
    q = lrd.param_groups[0]["params"][0]
    assert torch.equal(lrd.state[q]["exp_avg"], plain.state[p]["exp_avg"])
    lrd.step()

    for state in (lrd.state_dict(), lrd.optimizer.state_dict()):
        back = torch.optim.Adam([parameter()])
        back.load_state_dict(state)
        r = back.param_groups[0]["params"][0]
        assert torch.equal(back.state[r]["exp_avg_sq"], lrd.state[q]["exp_avg_sq"])
        back.step()
    assert "lrd" not in lrd.optimizer.state_dict()


def test_loading_leaves_the_dictionary_alone() -> None:
    lrd = wrapped(parameter())
    state = lrd.state_dict()
    lrd.load_state_dict(state)
    assert state["lrd"].keys() == lrd.state_dict()["lrd"].keys()
    assert state["lrd"]["policy"] == "elementwise"


def test_groups_have_rates_of_their_own() -> None:
    p, q, r, s = (parameter(4000) for _ in range(4))
    lrd = LRD(torch.optim.SGD([{"params": [p], "drop_rate": 0.9}, {"params": [q]}], lr=1.0), 0.5)
    lrd.add_param_group({"params": [r]})
    lrd.optimizer.add_param_group({"params": [s]})
    assert math.isnan(lrd.drop_rate)
    starts = [t.detach().clone() for t in (p, q, r, s)]
    lrd.step()
    moved = [
        float((t != start).float().mean()) for t, start in zip((p, q, r, s), starts, strict=True)
    ]
    assert moved == pytest.approx([0.1, 0.5, 0.5, 0.5], abs=0.04)
    lrd.drop_rate = 0.25
    assert [group["drop_rate"] for group in lrd.param_groups] == [0.25] * 4
    assert lrd.drop_rate == 0.25


def test_closure_gives_loss_and_fresh_gradients() -> None:
    p = nn.Parameter(torch.ones(400))
    lrd = wrapped(p)

    def closure() -> float:
        lrd.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss.item()

    assert p.grad is None
    assert lrd.step(closure) == 400.0
    assert float((p != 1).float().mean()) == pytest.approx(0.5, abs=0.1)


def test_lbfgs_moves_several_times_and_is_masked_once() -> None:
    p = nn.Parameter(torch.ones(400))
    lrd = LRD(torch.optim.LBFGS([p], max_iter=5), 0.5)

    def closure() -> torch.Tensor:
        lrd.zero_grad()
        loss = (p**4).sum()
        loss.backward()
        return loss

    lrd.step(closure)
    assert float((p != 1).float().mean()) == pytest.approx(0.5, abs=0.1)


class ClearsGradients(torch.optim.SGD):
    """A base that leaves no gradient behind."""

    def step(self, closure: None = None) -> None:
        super().step(closure)
        self.zero_grad()


def test_a_base_that_clears_gradients_is_masked_all_the_same() -> None:
    p = parameter(400)
    start = p.detach().clone()
    lrd = LRD(ClearsGradients([p], lr=0.1), 0.5)
    lrd.collect_statistics = True
    lrd.step()
    assert p.grad is None
    assert float((p != start).float().mean()) == pytest.approx(0.5, abs=0.1)
    assert lrd.statistics is not None
    assert lrd.statistics.indices == ()


def test_sparse_gradients_and_complex_parameters() -> None:
    table = nn.Embedding(100, 8, sparse=True)
    before = table.weight.detach().clone()
    lrd = LRD(torch.optim.SparseAdam(table.parameters(), lr=1.0), 0.5)
    lrd.collect_statistics = True
    table(torch.arange(50)).sum().backward()
    lrd.step()
    moved = table.weight.detach() != before
    assert float(moved[:50].float().mean()) == pytest.approx(0.5, abs=0.1)
    assert not moved[50:].any()
    assert lrd.statistics is not None
    assert lrd.statistics.grad_sq[0] == 400.0

    z = nn.Parameter(torch.zeros(400, dtype=torch.complex64))
    z.grad = torch.full_like(z, 1 + 2j)
    lrd = LRD(torch.optim.SGD([z], lr=1.0), 0.5)
    lrd.collect_statistics = True
    lrd.step()
    assert set(z.tolist()) == {0j, -1 - 2j}
    assert lrd.statistics is not None
    assert lrd.statistics.masked_sq[0] == pytest.approx(5.0 * lrd.statistics.kept[0])
    assert lrd.statistics.numel[0] == 400


def test_bad_input_names_field_value_and_mend() -> None:
    def base() -> torch.optim.Optimizer:
        return torch.optim.SGD([parameter()], lr=0.1)

    for rate in (1.0, -0.1, math.nan, "0.5", True, None):
        with pytest.raises(SettingError, match=r"drop_rate: .* a finite number in \[0, 1\)"):
            LRD(base(), drop_rate=rate)
    for seed in (0.5, True, "1"):
        with pytest.raises(SettingError, match=r"seed: .* a whole number"):
            LRD(base(), seed=seed)
    with pytest.raises(SettingError, match=r"policy: 'rows' .* one of .*elementwise"):
        LRD(base(), policy="rows")
    with pytest.raises(SettingError, match=r"rescale: 1 .* true or false"):
        LRD(base(), rescale=1)
    with pytest.raises(SettingError, match=r"optimizer: 'Linear' .* torch.optim.Optimizer"):
        LRD(nn.Linear(1, 1))
    with pytest.raises(SettingError, match="not wrapped yet"):
        LRD(LRD(base()))
    with pytest.raises(SettingError, match="dense"):
        LRD(torch.optim.SGD([nn.Parameter(torch.eye(3).to_sparse())], lr=0.1))
    lrd = LRD(base())
    with pytest.raises(SettingError, match="drop_rate: 2 "):
        lrd.drop_rate = 2


def test_a_bad_rate_on_the_way_changes_nothing() -> None:
    p = parameter()
    lrd = wrapped(p)
    lrd.step()
    before = p.detach().clone()
    lrd.param_groups[0]["drop_rate"] = 1.5
    with pytest.raises(SettingError, match=r"param_groups.0.drop_rate: 1.5 .* \[0, 1\)"):
        lrd.step()
    assert torch.equal(p, before)
    assert lrd.steps == 1
    lrd.param_groups[0]["drop_rate"] = 0.5
    lrd.step()


def test_repr_tells_the_settings() -> None:
    text = repr(wrapped(parameter()))
    assert text.startswith("LRD (policy: elementwise, seed: 0, rescale: False, steps: 0) of SGD (")
    assert "drop_rate: 0.5" in text
