"""What a CUDA batch refuses, and what it never imports; no kernel runs here."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lrd_core.optim.kernels import cuda
from lrd_core.optim.kernels.cuda import CudaBatch
from lrd_core.optim.kernels.cuda_tables import Upload, layout
from lrd_core.optim.kernels.entry import Entry, Variant
from lrd_core.optim.kernels.program import program
from lrd_core.optim.rules import get_rule

ADAM = program(get_rule("adam"))
FLOAT = Variant(torch.float32)


def entry(size: int = 4, **changes: Any) -> Entry:
    """Of Adam, with a step counter of its own."""
    p = torch.zeros(size)
    states = (torch.zeros(size), torch.zeros(size))
    return replace(Entry(0, 0, p, states, torch.zeros(())), **changes)


def test_importing_the_package_does_not_import_triton() -> None:
    code = "import sys, lrd_core, lrd_core.optim.kernels.cuda as c; c.available(); "
    code += "sys.exit('triton' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("found", "capability", "hip", "words"),
    [
        (False, (9, 0), None, "no CUDA device"),
        (True, (7, 5), None, "capability 7.5"),
        (True, (9, 0), "6.0", "ROCm"),
    ],
)
def test_available_says_why_not(
    found: bool,
    capability: tuple[int, int],
    hip: str | None,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: object())
    usable, reason = cuda.available.__wrapped__()
    assert not usable
    assert words in reason


def test_available_with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: object())
    assert cuda.available.__wrapped__()[0]
    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: None)
    assert cuda.available.__wrapped__() == (False, "triton is not installed")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "at least one"),
        ([entry(states=(torch.zeros(4),))], "states: 1"),
        ([entry(states=(torch.zeros(4), torch.zeros(5)))], "row-major"),
        ([entry(parameter=torch.zeros(4, dtype=torch.float16))], "row-major"),
        ([entry(parameter=torch.zeros(8)[::2])], "row-major"),
        ([entry(step=torch.zeros((), dtype=torch.float64))], "float64"),
        ([entry(step=torch.zeros(2))], "2 elements"),
        ([entry(), *[entry(step=torch.zeros(1))] * 2], "share a step counter"),
    ],
)
def test_entries_that_do_not_fit(entries: list[Entry], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CudaBatch(ADAM, FLOAT, entries)


def test_a_type_without_a_kernel() -> None:
    with pytest.raises(ValueError, match=r"complex64.*torch.bfloat16"):
        CudaBatch(ADAM, Variant(torch.complex64), [entry()])


CONSTANTS = np.ones((1, len(ADAM.constants)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"constants": None}, "either constants or settings"),
        ({"settings": [{}]}, "either constants or settings"),
        ({"constants": np.ones((1, 2))}, r"\(1, 2\) numbers, not \(1, \d"),
        ({"constants": None, "settings": []}, r"numbers, not \(1, "),
        ({"gradients": [torch.zeros(5)]}, r"gradients.0: torch.float32 \(5,\)"),
        ({"gradients": [torch.zeros(4, dtype=torch.float16)]}, "float16"),
        ({"gradients": [torch.zeros(8)[::2]]}, "row-major"),
        ({"gradients": []}, "1 of each"),
        ({"keeps": [1.0, 1.0]}, "1 of each"),
        ({"mask_step": torch.zeros(1)}, "mask_step: torch.float32"),
        ({"found_inf": torch.zeros(1, dtype=torch.bool)}, "found_inf: torch.bool"),
    ],
)
def test_arguments_that_do_not_fit(changes: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {
        "gradients": [torch.zeros(4)],
        "seed": 0,
        "mask_step": torch.zeros(1, dtype=torch.int64),
        "keeps": [0.5],
        "factors": [1.0],
        "constants": CONSTANTS,
    }
    one = entry()
    with pytest.raises(ValueError, match=words):
        CudaBatch(ADAM, FLOAT, [one]).step(**(given | changes))
    assert one.step is not None
    assert one.step.item() == 0


@pytest.mark.parametrize(
    ("rule", "step", "words"),
    [("adam", None, "needs step counters"), ("nadam", torch.zeros(()), "the rule's scalars")],
)
def test_what_a_step_with_settings_needs(rule: str, step: torch.Tensor | None, words: str) -> None:
    batch = CudaBatch(program(get_rule(rule)), FLOAT, [entry(step=step)])
    settings = [{s.name: s.default for s in get_rule(rule).settings}]
    count = torch.zeros(1, dtype=torch.int64)
    with pytest.raises(ValueError, match=words):
        batch.step([torch.zeros(4)], 0, count, [0.5], [1.0], settings=settings)


def test_layout_of_blocks() -> None:
    entries = [entry(n, step=None) for n in (0, 1025, 3, 0, 1024)]
    made = layout(entries, ())
    assert made.blocks == 4
    assert made.places.tolist() == [[1, 1, 2, 4], [0, 1, 0, 0]]
    assert made.fixed[0].tolist() == [0, 1025, 3, 0, 1024]
    assert made.fixed[3].tolist() == [0, 0, 2, 3, 3]
    assert layout([entry(0)], ()).blocks == 1


def test_words_are_copied_when_they_change() -> None:
    upload = Upload(torch.device("cpu"), 3)
    first = upload(np.array([1, 2, 3]), False)
    assert upload(np.array([1, 2, 3]), False) is first
    assert upload(np.array([1, 2, 4]), False).tolist() == [1, 2, 4]
    # A captured graph copies again at each replay, from memory of its own.
    graphs = [upload(np.array([5, 6]), True), upload(np.array([7, 8, 9]), True)]
    assert upload(np.array([1, 2, 4]), False).tolist() == [1, 2, 4]
    assert upload(np.array([1, 2, 5]), False).tolist() == [1, 2, 5]
    assert [graph.tolist() for graph in graphs] == [[5, 6], [7, 8, 9]]


def test_step_counters_on_another_device() -> None:
    batch = CudaBatch(ADAM, FLOAT, [entry(step=torch.zeros((), device="meta"))])
    count, given = torch.zeros(1, dtype=torch.int64), ([torch.zeros(4)], 0)
    with pytest.raises(ValueError, match="fused=True or capturable=True"):
        batch.step(*given, count, [0.5], [1.0], constants=CONSTANTS, found_inf=torch.zeros(1))
    with pytest.raises(ValueError, match="fused=True or capturable=True"):
        batch.step(*given, count, [0.5], [1.0], settings=[{}])
