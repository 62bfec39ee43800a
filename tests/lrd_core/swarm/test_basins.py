"""Basin pictures against swarms that no start leaves, and against torch step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lrd_core.engine.experiment import check_experiment
from lrd_core.problems import get_surface
from lrd_core.settings import SettingError
from lrd_core.swarm import NEVER, basins, minima_of, near, prepare, swarm
from tests.lrd_core.engine.recorder import trained as trained_alone
from tests.lrd_core.swarm.reference import run, surface, trained

SEED = 3


def grid(name: str, n: int) -> Any:
    view = surface(name).view
    x, y = np.meshgrid(np.linspace(*view.x, n), np.linspace(*view.y, n))
    return np.stack([x.ravel(), y.ravel()], 1)


def test_a_picture_is_what_torch_finds_start_by_start() -> None:
    on, n, steps = surface("himmelblau"), 24, 150
    spec = run("adam", on, drop_rate=0.8, settings={"lr": 0.05, "weight_decay": 0.0})
    found = basins(on, spec, n, steps, SEED, dtype="float64")
    at = grid("himmelblau", n)
    path = np.stack([at, *trained(on, spec, at, steps, SEED)])
    minima = np.array([(point.x, point.y) for point in minima_of(on)])
    close = np.linalg.norm(path[:, :, None] - minima, axis=-1) < near(on)
    by_step = np.maximum.accumulate(close.any(axis=2), axis=0)
    ever, first = by_step[-1], by_step.argmax(axis=0)
    which = np.where(ever, close[first, np.arange(n * n)].argmax(axis=1), 255)
    assert 0.1 < ever.mean() < 0.95
    assert np.array_equal(found.which, which.reshape(n, n))
    assert np.array_equal(found.reached_at, np.where(ever, first, NEVER).reshape(n, n))
    np.testing.assert_allclose(found.curve, by_step.mean(axis=1), rtol=1e-6)
    assert found.reached == pytest.approx(ever.mean())
    assert found.median == int(np.median(first[ever]))
    assert found.shares == pytest.approx([(which == i).mean() for i in range(4)])
    assert found.diverged == 0


@pytest.mark.parametrize("masks", ["own", "shared"])
def test_starts_that_rest_change_no_picture(masks: Any) -> None:
    on, n = surface("himmelblau"), 48
    spec = run("adam", on, settings={"weight_decay": 0.0})
    picture = basins(on, spec, n, 1000, SEED, masks, threads=1)
    whole = swarm(on, spec, grid("himmelblau", n), 1000, SEED, masks, "float32", threads=1)
    # Nearly all blocks stop on the way, each when its last start has reached a minimum.
    assert picture.reached > 0.999
    assert np.array_equal(picture.which.ravel(), whole.which)
    assert np.array_equal(picture.reached_at.ravel(), whole.reached_at)
    again = basins(on, spec, n, 1000, SEED, masks, threads=2)
    assert np.array_equal(again.reached_at, picture.reached_at)


def test_local_minima_count_and_a_row_is_a_height() -> None:
    on = surface("two_valleys")
    spec = run("sgd", on, drop_rate=0.0, settings={"lr": 1e-9, "momentum": 0.0})
    found = basins(on, spec, 101, 1)
    points = minima_of(on)
    assert [point.kind for point in points] == ["minimum", "local minimum"]
    for number, point in enumerate(points):
        i, j = np.argwhere(found.which == number).mean(axis=0)
        x, y = on.view.x, on.view.y
        assert np.interp(j, [0, 100], x) == pytest.approx(point.x, abs=near(on))
        assert np.interp(i, [0, 100], y) == pytest.approx(point.y, abs=near(on))
    there = found.which != 255
    assert (found.reached_at[there] == 0).all()
    assert found.curve[0] == found.curve[1] == np.float32(there.mean())


def test_divergence_is_told() -> None:
    on = surface("two_valleys")
    spec = run("sgd", on, drop_rate=0.0, settings={"lr": 50.0, "momentum": 0.0})
    found = basins(on, spec, 32, 30)
    assert found.diverged + found.reached == pytest.approx(1.0)
    assert found.diverged > 0.9
    none = basins(on, run("adam", on, drop_rate=0.999), 2, 1)
    assert (none.median, none.reached) == (None, 0.0)


def test_other_numbers_need_no_other_kernel() -> None:
    on = surface("two_valleys")
    given = {"weight_decay": 0.01}
    prepare(on, run("adam", on, settings=given))
    other = run("adam", on, drop_rate=0.9, settings={"lr": 1.0, "beta1": 0.5, **given})
    assert not prepare(on, other)
    assert not prepare(on, run("adam", on, policy="per_row", settings=given))


@pytest.mark.parametrize(
    ("field", "given"), [("n", {"n": 1}), ("n", {"n": 4096}), ("steps", {"steps": 0})]
)
def test_bad_input_is_named(field: str, given: dict[str, Any]) -> None:
    on = surface("two_valleys")
    with pytest.raises(SettingError) as error:
        basins(on, run("adam", on), **given)
    assert error.value.field == field


@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_a_way_over_a_place_without_a_value_has_diverged_as_in_training(rotation: float) -> None:
    """Left of x = 0 the slope leads back to the minimum, but no step may end there."""
    ends = {"x_low": -1.0, "x_high": 6.0, "y_low": -2.0, "y_high": 2.0, "rotation": rotation}
    given = ends | {"formula": "(x - 2)**2 + y**2 + 0.01*log(x)"}
    on = get_surface("own_formula").settled(given)
    # Every step is to the other side of the minimum, and 0.8 times as far from it.
    one = {"optimizer": "sgd", "settings": {"lr": 0.9, "momentum": 0.0}}
    spec = run("sgd", on, drop_rate=0.0, settings={**one["settings"], "weight_decay": 0.0})
    spec.settings["dampening"] = 0.0
    flat = [(-0.5, 0.5), (1.0, 1.0), (4.0, -0.5), (5.0, 0.2), (5.9, -1.0)]
    places = [on.turn.there(*at) for at in flat] if on.turn else flat
    found = swarm(on, spec, places, 40)
    wanted = []
    for x, y in flat:
        start = {"start_x": x, "start_y": y}
        parts = {"problem": "own_formula", "settings": given | start, "speed": 0, "steps": 40}
        seen = trained_alone(check_experiment(parts | {"runs": [one]}))
        wanted.append(seen.statuses[-1].runs[0].state)
    assert wanted == ["finished", "finished", "finished", "diverged", "diverged"]
    assert np.isfinite(found.x + found.y).tolist() == [state == "finished" for state in wanted]
    assert found.which.tolist() == [0, 0, 0, 255, 255]
    if not rotation:
        picture = basins(on, spec, 64, 40)
        x = np.linspace(*on.view.x, 64)
        assert picture.diverged == pytest.approx(np.mean(x > 4.5), abs=0.02)
        assert picture.diverged + picture.reached == pytest.approx(1)
