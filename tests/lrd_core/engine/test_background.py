"""What waits to be measured beside training is bounded, in number and in bytes."""

from __future__ import annotations

import pytest

from lrd_core.engine import background
from lrd_core.engine.advance import Stepper
from lrd_core.engine.background import WAITING, Background
from lrd_core.engine.roster import Roster
from tests.lrd_core.engine.recorder import Recorder, spec

#: Bytes of the parameters of the model below, float32.
SIZE = 4 * (64 * 4 + 4 + 4 * 10 + 10)


def measured(steps: int) -> list[int]:
    """Steps whose curvature is told when nothing was measured until all were made."""
    one = [{"optimizer": "sgd"}]
    settings = {"width": 4, "batch": 16}
    experiment = spec(problem="digits", settings=settings, runs=one, curvature_every=1)
    told: list[int] = []
    runs = Roster(experiment)
    beside = Background(experiment, runs, Recorder(), lambda _, step, *__: told.append(step))
    stepper, trainers = Stepper(), runs.all()
    for _ in range(steps):
        stepper.advance(trainers)
        trainers[0].end()
        beside.stepped(trainers)
    while beside.busy:
        beside.turn(idle=True)
    return told


def test_so_many_measurements_wait() -> None:
    assert measured(WAITING + 3) == list(range(1, WAITING + 1))


@pytest.mark.parametrize(("room", "wait"), [(3 * SIZE, 3), (3 * SIZE - 1, 2), (1, 1)])
def test_what_waits_holds_so_many_bytes_but_one_may_always_wait(
    room: int, wait: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "WAITING_BYTES", room)
    assert measured(5) == list(range(1, wait + 1))
