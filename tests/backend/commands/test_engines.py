"""`lrd doctor` says which engine every rule and policy would run on, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from backend.commands import doctor, engines
from lrd_core.optim import kernels
from lrd_core.optim.policies import POLICIES
from lrd_core.optim.rules import RULES


@dataclass(frozen=True)
class Answer:
    rule: str
    policy: str
    device: str
    engine: str
    reason: str


ANSWERS = [
    Answer("adam", "elementwise", "cpu", "compiled", "passes its self-test"),
    Answer("adam", "elementwise", "cuda", "torch", "no CUDA device"),
    Answer("radam", "elementwise", "cpu", "torch", "no kernel for it"),
    Answer("radam", "elementwise", "cuda", "torch", "no kernel for it"),
    Answer("adam", "per_row", "cpu", "compiled", "passes its self-test"),
    Answer("adam", "per_row", "cuda", "torch", "no CUDA device"),
    Answer("radam", "per_row", "cpu", "torch", "no kernel for it"),
    Answer("radam", "per_row", "cuda", "torch", "no kernel for it"),
    Answer("adam", "cautious", "cpu", "torch", "looks at the gradient"),
    Answer("adam", "cautious", "cuda", "torch", "looks at the gradient"),
    Answer("radam", "cautious", "cpu", "torch", "no kernel for it"),
    Answer("radam", "cautious", "cuda", "torch", "looks at the gradient"),
]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│┃ ").replace("┃", "│").split("│")]


def test_the_tables_say_every_engine_and_reason_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "explain", lambda: ANSWERS)
    console = Console(width=300, record=True, file=StringIO())
    engines.show(console, engines.rows())
    lines = [cells(line) for line in console.export_text().splitlines() if "│" in line]
    assert lines == [
        ["adam", "compiled", "torch", "cpu: passes its self-test; cuda: no CUDA device"],
        ["radam", "torch", "torch", "no kernel for it"],
        ["per_row", "as elementwise", "as elementwise"],
        [
            "cautious",
            "torch: looks at the gradient (adam); as elementwise (radam)",
            "torch: looks at the gradient",
        ],
    ]


def test_doctor_explains_every_rule_with_every_policy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LRD_STORE", f"sqlite:///{tmp_path}/lrd.sqlite3")
    monkeypatch.setenv("COLUMNS", "400")
    doctor.doctor(as_json=True)
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["kernels"]
    seen = {(row["rule"], row["policy"], row["device"]) for row in told}
    assert len(seen) == len(told)
    assert seen >= {(rule, policy, "cpu") for rule in RULES for policy in POLICIES}
    assert seen >= {(rule, policy, "cuda") for rule in RULES for policy in POLICIES}
    assert all(row["engine"] and row["reason"] for row in told)
    doctor.doctor(as_json=False)
    text = capsys.readouterr().out
    assert all(name in text for name in [*RULES, *POLICIES])
