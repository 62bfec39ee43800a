"""The optimizer benchmark: its arms, its arithmetic on a clock of its own, its keys."""

from __future__ import annotations

import gc
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lrd_core.bench import arms, fresh, optimizer, rounds, shapes
from lrd_core.bench.optimizer import Plan, measure
from lrd_core.bench.paper_loop import PaperAdam, PaperMomentum
from lrd_core.settings import SettingError

SMALL = Plan(
    resnet34=[(8, 3), (5,)],
    gpt2_small=[(6, 2)],
    flat=[(99,)],
    tiny=[(4,)] * 3,
    fresh_list="resnet34",
    peak_list="tiny",
    builds=2,
    rounds=3,
    slow_rounds=2,
    repeat=2,
    processes=0,
    bandwidth_floats=1000,
    kernel="torch",
)
TIMED = {
    "ratio_adam",
    "ratio_adam_statistics",
    "ratio_adam_fallback",
    "ratio_adam_foreach",
    "ratio_adam_for_loop",
    "ratio_adam_1_thread",
    "ratio_adam_flat",
    "ratio_adam_gpt2",
    "ratio_adam_tiny",
    "ratio_adam_statistics_tiny",
    "ratio_sgd_momentum",
    "speedup_over_paper_loop",
    "speedup_over_paper_loop_sgd_momentum",
    "adam_ms",
    "adam_torch_ms",
    "adam_gb_s",
    "bandwidth_gb_s",
    "threads",
    "compiled",
}


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    """Objects of other modules are not looked at by the collections between builds."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize(
    ("name", "tensors", "parameters"),
    [
        ("resnet34", 110, 21_282_122),
        ("gpt2_small", 148, 124_439_808),
        ("flat", 1, 20_000_000),
        ("tiny", 200, 12_800),
    ],
)
def test_shape_lists_have_the_published_sizes(name: str, tensors: int, parameters: int) -> None:
    listed = shapes.LISTS[name]()
    assert (len(listed), shapes.count(listed)) == (tensors, parameters)


PAPERS: list[tuple[Any, Callable[[list[torch.Tensor]], torch.optim.Optimizer]]] = [
    (PaperAdam, lambda params: torch.optim.Adam(params, lr=0.001)),
    (PaperMomentum, lambda params: torch.optim.SGD(params, lr=0.001, momentum=0.9)),
]


@pytest.mark.parametrize(("paper", "plain"), PAPERS)
def test_the_paper_loop_without_a_mask_is_the_plain_optimizer(paper: Any, plain: Any) -> None:
    ours, theirs = arms.parameters([(7, 3)], "cpu"), arms.parameters([(7, 3)], "cpu")
    start = ours[0].clone()
    loop, reference = paper(ours, keep=1.0), plain(theirs)
    for step in range(5):
        for p in (ours[0], theirs[0]):
            assert p.grad is not None
            p.grad.add_(0.1 * step)
        loop.step()
        reference.step()
    torch.testing.assert_close(ours[0] - start, theirs[0] - start, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("paper", "plain"), PAPERS)
def test_the_paper_loop_drops_learning_rates_and_no_gradients(paper: Any, plain: Any) -> None:
    n = 40_000
    torch.manual_seed(0)
    ours, theirs = arms.parameters([(n,)], "cpu"), arms.parameters([(n,)], "cpu")
    loop, reference = paper(ours, keep=0.3), plain(theirs)
    for _ in range(3):
        before = ours[0].clone()
        theirs[0].copy_(before)
        loop.step()
        reference.step()
        moved = ours[0] != before
        # Four standard errors of n coins.
        assert abs(moved.float().mean().item() - 0.3) < 4 * math.sqrt(0.3 * 0.7 / n)
        torch.testing.assert_close(ours[0][moved], theirs[0][moved], rtol=1e-4, atol=1e-6)


def test_every_arm_has_its_turn_in_every_round() -> None:
    turns: list[str] = []
    collecting: set[bool] = set()

    def arm(name: str) -> Callable[[], None]:
        def call() -> None:
            turns.append(name)
            collecting.add(gc.isenabled())

        return call

    times = rounds.interleave({name: arm(name) for name in "abc"}, rounds=6, repeat=2, warm_up=0)
    assert {name: len(each) for name, each in times.items()} == {"a": 6, "b": 6, "c": 6}
    calls = "".join(turns)
    assert calls[::2] == calls[1::2]
    each_round = [calls[i : i + 6 : 2] for i in range(0, 36, 6)]
    assert all(sorted(one) == list("abc") for one in each_round)
    assert {one[0] for one in each_round} == set("abc")
    assert {(one.index("a") + 1) % 3 == one.index("b") for one in each_round} == {True, False}
    assert collecting == {False}
    assert gc.isenabled()


def test_a_drift_of_the_machine_leaves_the_ratio_alone() -> None:
    times = {"lrd": [1.0, 2.0, 40.0, 8.0, 8.0], "torch": [2.0, 4.0, 10.0, 16.0, 16.0]}
    assert rounds.ratio(times, "lrd", "torch") == 0.5


def test_ratios_are_of_the_arms_that_their_names_say(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def takes(seconds: float) -> Callable[[], None]:
        def step() -> None:
            nonlocal now
            # With one thread torch's step takes twice as long, ours four times.
            one = torch.get_num_threads() == 1
            now += seconds * ((4 if seconds == 0.5 else 2) if one else 1)

        return step

    def torch_arm(rule: str, listed: Any, device: str, how: str = "fused") -> Any:
        return takes({"fused": 1.0, "foreach": 5.0, "for_loop": 3.0}[how])

    def lrd_arm(rule: str, listed: Any, device: str, kernel: str, statistics: bool = False) -> Any:
        if kernel == "torch":
            return takes(3.5)
        if statistics:
            return takes(0.25 if listed is SMALL.tiny else 0.75)
        if rule == "sgd_momentum":
            return takes(0.8)
        special = {id(SMALL.tiny): 0.125, id(SMALL.flat): 0.9, id(SMALL.gpt2_small): 0.95}
        return takes(special.get(id(listed), 0.5))

    def paper_arm(rule: str, listed: Any, device: str) -> Any:
        return takes(20.0 if rule == "adam" else 16.0)

    monkeypatch.setattr(rounds, "time", SimpleNamespace(perf_counter=lambda: now))
    for arm in (torch_arm, lrd_arm, paper_arm):
        monkeypatch.setattr(arms, arm.__name__, arm)
    monkeypatch.setattr(optimizer, "_bandwidth", lambda plan, device: 21.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        got = measure(plan=Plan(**(SMALL.__dict__ | {"kernel": "compiled"})))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert got == {
        "ratio_adam": 0.5,
        "ratio_adam_statistics": 0.75,
        "ratio_adam_fallback": 3.5,
        "ratio_adam_foreach": 5.0,
        "ratio_adam_for_loop": 3.0,
        "ratio_adam_1_thread": 1.0,
        "ratio_adam_flat": 0.9,
        "ratio_adam_gpt2": 0.95,
        "ratio_adam_tiny": 0.125,
        "ratio_adam_statistics_tiny": 0.25,
        "ratio_sgd_momentum": 0.8,
        "speedup_over_paper_loop": 40.0,
        "speedup_over_paper_loop_sgd_momentum": 20.0,
        "adam_ms": 500.0,
        "adam_torch_ms": 1000.0,
        # 28 bytes of each of 29 parameters in half a second, too little to show in 10⁹ bytes.
        "adam_gb_s": 0.0,
        "bandwidth_gb_s": 21.0,
        "threads": 2.0,
        "compiled": 1.0,
    }


def test_all_arms_run_and_every_figure_is_a_finite_number() -> None:
    got = measure(plan=SMALL)
    assert set(got) == TIMED
    assert all(isinstance(value, float) and math.isfinite(value) for value in got.values())
    assert all(got[key] > 0 for key in TIMED if key.startswith(("ratio", "speedup")))
    assert got["compiled"] == 0.0


def test_gpt2_is_left_out_where_memory_is_wanting(monkeypatch: pytest.MonkeyPatch) -> None:
    little = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=100))
    monkeypatch.setattr(optimizer, "psutil", little)
    assert set(measure(plan=SMALL)) == TIMED - {"ratio_adam_gpt2"}


def test_figures_of_new_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    seconds = iter([0.3, 0.1, 0.2])

    def run(job: str, listed: str, kernel: str, device: str) -> dict[str, float]:
        asked.append((job, kernel))
        if job == "peak":
            return {"bytes": -0.001 if kernel == "compiled" else 0.257}
        if job == "state" or listed == SMALL.small_list:
            return {"seconds": 0.01}
        if job == "loaded_step":
            return {"seconds": 0.04, "load_seconds": 0.5}
        return {"seconds": next(seconds) if kernel == "auto" else 0.09}

    monkeypatch.setattr(fresh, "run", run)
    for part in ("_adam", "_sgd_momentum", "_other_shapes"):
        monkeypatch.setattr(optimizer, part, lambda *given: {})
    got = measure(plan=Plan(**(SMALL.__dict__ | {"processes": 3, "kernel": "compiled"})))
    assert {key: got[key] for key in got if key.startswith(("first", "load", "extra"))} == {
        "first_step_s": 0.2,
        "first_step_torch_s": 0.09,
        "first_step_tiny_s": 0.01,
        "first_step_torch_tiny_s": 0.01,
        "first_step_loaded_s": 0.04,
        "load_s": 0.5,
        "extra_bytes_per_parameter": 0.0,
        "extra_bytes_per_parameter_fallback": 0.26,
    }
    assert asked.count(("first_step", "none")) == 6
    assert asked.count(("loaded_step", "compiled")) == asked.count(("state", "none")) == 3


def test_a_first_step_in_a_new_process() -> None:
    got = fresh.run("first_step", "tiny", "torch", "cpu")
    assert set(got) == {"seconds"}
    assert got["seconds"] > 0


class _Plain:
    """A stand-in for the wrapper that needs no memory of its own."""

    def __init__(self, base: torch.optim.Optimizer, *given: object, **more: object) -> None:
        self.base = base

    def step(self) -> None:
        self.base.step()


class _Copying(_Plain):
    """One that holds a copy of all parameters."""

    def __init__(self, base: torch.optim.Optimizer, *given: object, **more: object) -> None:
        super().__init__(base)
        self.before = [p.clone() for group in base.param_groups for p in group["params"]]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can reset its peak")
@pytest.mark.parametrize(("wrapper", "expected"), [(_Plain, 0.0), (_Copying, 4.0)])
def test_extra_memory_is_seen(wrapper: type[_Plain], expected: float) -> None:
    # In a process of its own: what other tests left behind here is let go of at any moment.
    code = (
        "from lrd_core.bench import fresh\n"
        f"from {__name__} import {wrapper.__name__} as wrapper\n"
        "fresh.LRD = wrapper\n"
        "print(fresh.peak([(1000, 1000)] * 4, 'compiled', 'cpu')['bytes'])"
    )
    root = Path(__file__).parents[3]
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    # A quarter of a byte a parameter is 1 MB here: room for what Python itself allocates.
    assert float(said.stdout.split()[-1]) == pytest.approx(expected, abs=0.25)


def test_without_compiled_code_the_figures_are_the_fallbacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*given: object, kernel: str, **more: object) -> None:
        raise SettingError("kernel", kernel, "torch")

    monkeypatch.setattr(arms, "LRD", refuse)
    assert arms.best_kernel("cpu") == "torch"


@pytest.mark.parametrize(("device", "mend"), [("cuda", "no CUDA device"), ("tpu", "cpu or cuda")])
def test_a_device_that_is_not_there(
    device: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingError, match=mend) as refused:
        measure(device, SMALL)
    assert (refused.value.field, refused.value.value) == ("device", device)
