"""Rows from compiled code are those that NumPy makes, to the bit."""

from __future__ import annotations

from typing import Any

import pytest

from lrd_core.engine.experiment import check_experiment
from lrd_core.engine.loop import Loop
from lrd_core.probes import step_row
from tests.lrd_core.engine.recorder import Recorder

RUNS = [
    {"optimizer": "adam", "drop_rate": 0.5},
    {"optimizer": "sgd", "drop_rate": 0.3, "rescale": True, "settings": {"momentum": 0.9}},
    {"optimizer": "rmsprop", "drop_rate": 0.0},
    {"optimizer": "adam", "drop_rate": 0.5, "policy": "per_tensor"},
    {"optimizer": "adam", "drop_rate": 0.5, "policy": "gradient_dropout"},
    {"optimizer": "adam", "drop_rate": 0.5, "policy": "cautious"},
]


def trained(**parts: Any) -> Recorder:
    seen = Recorder()
    given = {"problem": "digits", "steps": 60, "speed": 0.0, "runs": RUNS, **parts}
    Loop(check_experiment(given), seen, stay=False).run()
    return seen


RATIO = "update_ratio/"


def bits(seen: Recorder) -> dict[tuple[str, int], list[str]]:
    """All but the ratios, whose norms are sums in another order."""
    return {
        at: sorted(repr(item) for item in row.items() if not item[0].startswith(RATIO))
        for at, row in seen.rows.items()
    }


def ratios(seen: Recorder) -> dict[str, float]:
    return {
        f"{at} {name}": value
        for at, row in seen.rows.items()
        for name, value in row.items()
        if name.startswith(RATIO)
    }


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"seeds": 3, "steps": 30},
        {"settings": {"depth": 0}},
        {"settings": {"width": 12, "depth": 3}, "test_every": 1, "steps": 30},
        {"problem": "matrix-factorisation", "runs": RUNS[:2]},
        {"problem": "spirals", "runs": RUNS[:1]},
    ],
)
def test_the_same_bits(parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    write = step_row.StepRow.write
    spy = lambda self, at: written.append(at) or write(self, at)  # noqa: E731
    monkeypatch.setattr(step_row.StepRow, "write", spy)
    compiled = trained(**parts)
    assert written
    monkeypatch.setattr(step_row.StepRow, "ready", property(lambda self: False))
    plain = trained(**parts)
    assert bits(plain) == bits(compiled)
    assert ratios(plain) == pytest.approx(ratios(compiled), rel=1e-5, nan_ok=True)
    assert len(ratios(plain)) > 0


def test_more_rows_than_there_is_room_for_at_once() -> None:
    seen = trained(steps=3 * step_row.ROOM, runs=RUNS[:1])
    rows = [seen.rows["r1", step + 1] for step in range(3 * step_row.ROOM)]
    assert len({row["sketch/0"] for row in rows}) > 2.9 * step_row.ROOM
    assert all(0.4 < row["keep_rate"] < 0.6 for row in rows)
    assert not seen.repeated
