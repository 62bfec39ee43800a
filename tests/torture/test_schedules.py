"""Random schedules of faults, with real processes: nothing that was acknowledged is lost.

`make torture` runs a hundred of them; one alone: ``LRD_SCHEDULES=17 pytest tests/torture``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.torture.ordeal import Ordeal, World, made
from tests.torture.schedule import schedule


def chosen() -> list[int]:
    """``17``: that one; ``0-99``: these; by default ten."""
    first, _, last = os.environ.get("LRD_SCHEDULES", "0-9").partition("-")
    return list(range(int(first), int(last or first) + 1))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made(tmp_path_factory.mktemp("torture")) as one:
        yield one


@pytest.mark.parametrize("number", chosen())
def test_after_a_schedule_of_faults_everything_is_there(world: World, number: int) -> None:
    plan = schedule(number)
    print(plan)  # noqa: T201  shown when it fails
    Ordeal(world, plan).run()
