"""Legal input that is easily forgotten: odd gradients and counters, copies, forks, failures."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lrd_core import LRD
from lrd_core.optim.rules import get_rule
from lrd_core.optim.schedules import Linear
from lrd_core.settings import SettingError

KERNELS = ("compiled", "torch")


def tensor(size: int, dtype: torch.dtype = torch.float32) -> nn.Parameter:
    p = nn.Parameter(torch.zeros(size, dtype=dtype))
    p.grad = torch.ones(size, dtype=dtype)
    return p


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_gradient_of_another_dtype(kernel: str) -> None:
    p = nn.Parameter(torch.zeros(64, dtype=torch.float64))
    p.grad_dtype = torch.float32
    lrd = LRD(torch.optim.SGD([p], lr=0.25), 0.5, kernel=kernel)
    p.grad = torch.ones(64)
    lrd.step()
    assert set(p.tolist()) == {0.0, -0.25}


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_gradient_of_another_shape_is_refused_every_time(kernel: str) -> None:
    p = tensor(10)
    lrd = LRD(torch.optim.SGD([p], lr=0.1), 0.5, kernel=kernel)
    lrd.step()
    p.data = torch.zeros(1000)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="gradient of parameter 0"):
            lrd.step()
    assert not p.any()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.int64, torch.float16, torch.float64])
def test_a_step_counter_of_another_dtype(kernel: str, dtype: torch.dtype) -> None:
    after = []
    for own in (torch.float32, dtype):
        p = tensor(64)
        lrd = LRD(torch.optim.Adam([p], lr=0.1), 0.5, kernel=kernel)
        lrd.step()
        lrd.state[p]["step"] = torch.tensor(100, dtype=own)
        lrd.step()
        after.append(p.detach().clone())
    assert torch.equal(*after)


@pytest.mark.parametrize("policy", ["cautious", "momentum_aligned"])
def test_maximize_is_the_mirror_image(policy: str) -> None:
    p, q = tensor(100), tensor(100)
    down = LRD(torch.optim.Adam([p]), 0.9, policy=policy)
    up = LRD(torch.optim.Adam([q], maximize=True), 0.9, policy=policy)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        g = torch.randn(100, generator=generator)
        p.grad, q.grad = g, -g
        down.step()
        up.step()
        assert torch.equal(p, q)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_a_rule_s_own_optimizer_go_on(copied: Callable[[Any], Any]) -> None:
    rule = get_rule("lion")
    p = tensor(100)
    lrd = LRD(rule.optimizer([p], {s.name: s.default for s in rule.settings}), 0.5)
    lrd.step()
    other = copied(lrd)
    q = other.param_groups[0]["params"][0]
    q.grad = p.grad
    lrd.step()
    other.step()
    assert torch.equal(p, q)
    assert other.optimizer.rule is rule


def test_a_failed_change_changes_nothing() -> None:
    p = tensor(3)
    lrd = LRD(torch.optim.SGD([("w", p)], lr=0.1), Linear(0.1, 0.9, 9), policy="gradient_noise")
    with pytest.raises(SettingError):
        lrd.drop_rate = {"*.bias": 0.1}
    sparse = torch.zeros(3).to_sparse().requires_grad_()
    with pytest.raises(SettingError):
        lrd.add_param_group({"params": [("s", sparse)], "drop_rate": Linear(0.2, 0.4, 9)})
    lrd.add_param_group({"params": [("v", tensor(3))], "drop_rate": 0.3})
    saved = LRD(torch.optim.SGD([tensor(3)]), policy="cautious").state_dict()
    saved["lrd"]["policy_settings"] = {"unknown": 1.0}
    with pytest.raises(SettingError):
        lrd.load_state_dict(saved)
    lrd.step()
    assert lrd.policy.name == "gradient_noise"
    assert [group["drop_rate"] for group in lrd.param_groups] == [0.1, 0.3]


def test_policy_settings_that_are_not_named_stay() -> None:
    lrd = LRD(torch.optim.SGD([tensor(3)]), 0.5, policy="gradient_noise")
    lrd.policy_settings = {"scale": 3.0}
    lrd.policy_settings = {}
    assert lrd.policy_settings == {"scale": 3.0}


_FORK = """
import os, signal, torch
from lrd_core import LRD
def stepped(kind):
    p = torch.nn.Parameter(torch.zeros(100)); p.grad = torch.ones(100)
    lrd = LRD(kind([p]), 0.5); lrd.step()
    return lrd
ours = stepped(torch.optim.Adam)
child = os.fork()
if child == 0:
    signal.alarm(60)
    stepped(torch.optim.Adam); ours.step(); os._exit(0)
raise SystemExit(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_fork_while_a_kernel_is_compiled(tmp_path: Path) -> None:
    environment = {"LRD_KERNEL_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", _FORK], env=environment, check=False)
    assert done.returncode == 0
