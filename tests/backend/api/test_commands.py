"""The command of a stored experiment is one that `lrd run` takes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from backend.api.commands import command_line
from backend.store.records import control_out
from lrd_core.engine.experiment import check_experiment
from tests.backend.store.test_store import experiment

SPEC = check_experiment({"problem": "beale", "steps": 900, "runs": [{"optimizer": "adam"}]})


def control(at_step: int, **change: Any) -> dict[str, Any]:
    changed = {"run": "r1", "setting": "lr", "old": 0.1, **change}
    control = {"id": f"c{at_step}", "kind": "set", "run": None, "at": 0.0, "who": ""}
    return control | {"step": at_step, "received_step": at_step - 1, "changes": [changed]}


def test_changes_are_named_at_their_own_step_and_those_after_the_end_are_left_out() -> None:
    rows = [
        control(5, new=0.5),  # as it was stored when changes had no step of their own
        control(20, new=0.25, step=12),
        control(900, new=0.125, step=900),
        control(901, new=0.7, step=901),
    ]
    words = command_line(experiment(steps=900), asdict(SPEC), [], map(control_out, rows))
    assert "--at '5 r1 lr=0.5' --at '12 r1 lr=0.25' --at '900 r1 lr=0.125'" in words
    assert "0.7" not in words
