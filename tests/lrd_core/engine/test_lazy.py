"""Losses that stay on their device until a frame is due: the same rows, the same end."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lrd_core.engine import trainer
from lrd_core.engine.experiment import check_experiment
from lrd_core.engine.loop import Loop
from tests.lrd_core.engine.recorder import Recorder


def trained(lazy: bool, monkeypatch: pytest.MonkeyPatch, **parts: Any) -> Recorder:
    """As on a GPU, where reading a loss would wait for it."""
    build = trainer.Trainer.__init__

    def built(self: trainer.Trainer, *given: Any) -> None:
        build(self, *given)
        self.lazy = lazy

    monkeypatch.setattr(trainer.Trainer, "__init__", built)
    sink = Recorder()
    Loop(check_experiment({"speed": 0.0, **parts}), sink, stay=False).run()
    monkeypatch.undo()
    return sink


@pytest.mark.parametrize("seeds", [1, 2])
def test_same_rows(seeds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"problem": "digits", "steps": 45, "seeds": seeds}
    eager, lazy = (trained(kind, monkeypatch, **parts).rows for kind in (False, True))
    assert len(eager) == 45 * 4
    for at, row in eager.items():
        assert repr(row) == repr(lazy[at]), at


def test_a_run_that_diverges_ends_at_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        {"optimizer": "sgd", "settings": {"lr": 900.0}, "drop_rate": 0.0},
        {"optimizer": "adam", "drop_rate": 0.0},
    ]
    parts = {"problem": "beale", "steps": 60, "runs": runs}
    eager, lazy = (trained(kind, monkeypatch, **parts) for kind in (False, True))
    ends = [sink.statuses[-1] for sink in (eager, lazy)]
    assert [end.state for end in ends] == ["finished", "finished"]
    assert [run.state for run in ends[1].runs] == ["diverged", "finished"]
    assert ends[0].runs[0].diverged_step == ends[1].runs[0].diverged_step
    tables = [sink.rows for sink in (eager, lazy)]
    assert tables[0].keys() == tables[1].keys()
    last = max(step for run, step in tables[1] if run == "r1")
    assert last == ends[1].runs[0].diverged_step
    assert not math.isfinite(tables[1]["r1", last]["loss"])


def test_when_all_diverge_so_does_the_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [{"optimizer": "sgd", "settings": {"lr": 900.0}, "drop_rate": 0.0}]
    for steps in (60, 1_000_000):
        sink = trained(True, monkeypatch, problem="beale", steps=steps, runs=runs)
        assert sink.statuses[-1].state == "diverged"
