"""What is made beside training is bounded, and what fails of it costs only itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lrd_core.engine import background
from lrd_core.engine.advance import Stepper
from lrd_core.engine.background import WAITING, Background
from lrd_core.engine.controls import Control
from lrd_core.engine.roster import Roster
from lrd_core.engine.views import curvature, layers, picture, samples
from lrd_core.probes.mask import MaskWatch
from tests.lrd_core.engine.recorder import Live, Recorder, spec

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


# --- what fails costs only itself -----------------------------------------------------------------

DIGITS = {"problem": "digits", "runs": [{"optimizer": "adam", "drop_rate": 0.5}], "steps": 400}
TABLE = Control("l", "watch", "r1", "one", "layers")
SAMPLES = Control("s", "watch", "r1", "fixed", "samples")
MASK = Control("m", "watch", "r1", "out.weight")


def no_room(*_: object, **__: object) -> None:
    raise RuntimeError("out of memory")


def has(live: Live, view: str, **parts: object) -> None:
    """Wait for a view with these parts."""
    live.seen.wait(
        lambda: any(parts.items() <= one.items() for one in live.seen.views.get(view, []))
    )


def error_of(live: Live, view: str) -> dict[str, Any]:
    live.seen.wait(lambda: any("error" in one for one in live.seen.views.get(view, [])))
    return next(one for one in live.seen.views[view] if "error" in one)


@pytest.mark.parametrize(
    ("view", "ask", "broken"),
    [
        ("layers", TABLE, (layers, "tensor_norms")),
        ("samples", SAMPLES, (samples, "predictions")),
        ("samples", SAMPLES, (samples, "apart")),
        ("picture", MASK, (picture, "MaskWatch")),
        ("picture", MASK, (MaskWatch, "after")),
    ],
)
def test_a_look_that_fails_says_so_and_a_contour_and_other_looks_go_on(
    view: str, ask: Control, broken: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*broken, no_room)
    other, sent = (SAMPLES, "samples") if view == "layers" else (TABLE, "layers")
    with Live(spec(**DIGITS, speed=100), paused=True) as live:
        live.ask(Control("c", "contour", "r1", "filter"))
        live.ask(other)
        assert live.ask(ask).error is None
        live.ask(Control("p", "step", value=3))
        assert error_of(live, view) == {"error": "RuntimeError: out of memory", "run": "r1"}
        has(live, "contour", progress=1.0)
        has(live, sent, run="r1") if sent == "samples" else has(live, sent, step=3)
        # Asked for again, it is tried again.
        monkeypatch.undo()
        live.ask(ask)
        live.ask(Control("q", "step", value=2))
        live.seen.wait(lambda: "error" not in live.seen.views[view][-1])


@pytest.mark.parametrize("broken", ["measurement", "contour_view"])
def test_a_measurement_or_a_contour_that_fails_leaves_the_looks_alone(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Iterator[None]:
        yield
        no_room()

    for stage in (no_room, fails):
        if broken == "contour_view":
            monkeypatch.setattr(background, "contour_view", stage)
        else:
            place = background if stage is no_room else curvature
            monkeypatch.setattr(place, "measurement" if stage is no_room else "curvature", stage)
        with Live(spec(**DIGITS, speed=100, curvature_every=2), paused=True) as live:
            live.ask(TABLE)
            live.ask(Control("p", "step", value=6))
            assert live.ask(Control("c", "contour", "r1", "filter")).error is None
            live.wait_state("paused")
            has(live, "layers", step=6)
            if broken == "contour_view":
                assert "out of memory" in error_of(live, "contour")["error"]
                live.seen.wait(lambda live=live: len(live.seen.column("r1", "hessian_max")) == 3)
            else:
                has(live, "contour", progress=1.0)
                assert not live.seen.column("r1", "hessian_max")
        monkeypatch.undo()
