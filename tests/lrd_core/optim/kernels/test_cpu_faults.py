"""A kernel that is wrong or cannot be made steps aside, says why, and changes no result."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lrd_core import LRD
from lrd_core.optim.kernels import cache, cpu, cpu_source, self_test
from tests.lrd_core.optim.kernels.cpu_cases import base, bits, give, gradients, kernel_of, tensors

F32 = torch.float32


def train(kernel: str, case: str = "adam") -> tuple[torch.Tensor, str]:
    """All bits after five steps, and why the kernel was refused."""
    own = tensors((7, 64, 1025), F32)
    lrd = LRD(base(case, own), 0.5, kernel=kernel)
    rng = np.random.default_rng(0)
    for _ in range(5):
        give(own, gradients(rng, own))
        lrd.step()
    tensors_of = [*own, *(t for p in own for t in lrd.state[p].values())]
    found = torch.cat([bits(t) for t in tensors_of])
    return found, "" if kernel == "torch" else kernel_of(lrd, F32).reason


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kernel is asked for anew."""
    monkeypatch.setattr(cpu, "_kernels", {})


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is generated stays here."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)


def changed(old: str, new: str) -> Callable[..., str]:
    real = cpu_source.source

    def source(*args: Any) -> str:
        text = real(*args)
        assert old in text
        return text.replace(old, new)

    return source


@pytest.mark.usefixtures("empty_cache")
def test_a_kernel_with_other_masks_steps_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_source, "source", changed("0x31848BAB", "0x31848BAD"))
    found, reason = train("compiled")
    assert "differ from torch's at step 1" in reason
    assert torch.equal(found, train("torch")[0])


@pytest.mark.usefixtures("empty_cache")
def test_a_kernel_that_does_not_compile_steps_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_source, "source", changed("fma(", "no_such_function("))
    found, reason = train("compiled")
    assert "no_such_function" in reason or "TypingError" in reason
    assert torch.equal(found, train("torch")[0])


def test_a_torch_of_other_arithmetic_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = self_test.torch_step

    def one_ulp_off(*args: Any) -> Any:
        result = real(*args)
        parameter = args[5]
        parameter.view(-1)[-1] = torch.nextafter(parameter.view(-1)[-1], torch.tensor(torch.inf))
        return result

    monkeypatch.setattr(self_test, "torch_step", one_ulp_off)
    found, reason = train("compiled")
    assert "differ from torch's" in reason
    assert torch.equal(found, train("torch")[0])


def test_wrong_sums_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = self_test.torch_step

    def more(*args: Any) -> Any:
        sums = real(*args)
        return None if sums is None else [2 * x for x in sums]

    monkeypatch.setattr(self_test, "torch_step", more)
    own = tensors((64,), torch.float64)
    lrd = LRD(base("adam", own), 0.5, kernel="compiled")
    lrd.collect_statistics = True
    give(own, gradients(np.random.default_rng(0), own))
    lrd.step()
    assert "sums differ" in kernel_of(lrd, torch.float64, statistics=True).reason
    assert lrd.statistics is not None
    assert lrd.statistics.full_sq[0] > 0


@pytest.mark.usefixtures("empty_cache")
def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("numba", "llvmlite"):
        # As if it were not installed: not found, and not to be imported.
        monkeypatch.setitem(sys.modules, name, None)
    found, reason = train("compiled")
    assert reason == "numba is not installed"
    assert torch.equal(found, train("torch")[0])
    assert torch.equal(found, train("auto")[0])


def test_the_first_steps_do_not_wait_and_have_the_same_bits() -> None:
    """With "auto" the engine may change at any step; the bits can't tell where."""
    assert torch.equal(train("auto")[0], train("torch")[0])
