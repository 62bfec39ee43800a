"""What a job shows beside its rows: planes, contours, curvature, pictures; and copies of runs."""

from __future__ import annotations

import base64
import math

import numpy as np
import pytest
import torch

from lrd_core.engine.controls import Control
from lrd_core.problems import get_problem
from tests.lrd_core.engine.recorder import Live, spec, trained

TWO = [{"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.5}]


def test_every_recorded_step_can_be_placed_in_the_newest_plane() -> None:
    with Live(spec(problem="digits", runs=TWO, steps=120)) as live:
        live.wait_state("finished")
        live.seen.wait(lambda: "plane" in live.seen.views)
        plane = live.seen.views["plane"][-1]
    assert np.array(plane["map"]).shape == (2, 16)
    assert 0.3 < sum(plane["explained"]) <= 1.0 + 1e-9
    sketches = np.array([live.seen.column("r1", f"sketch/{i}") for i in range(16)])
    path = np.array(plane["map"]) @ sketches + np.array(plane["offset"])[:, None]
    # The path leads away from the start, in small steps.
    far = np.linalg.norm(path[:, -1])
    jumps = np.linalg.norm(np.diff(path, axis=1), axis=0)
    assert far > 10 * jumps.max() > 0


def test_a_contour_holds_the_fixed_loss_and_leaves_training_as_it_is() -> None:
    settings = {"problem": "digits", "runs": TWO, "steps": 60}
    alone = trained(spec(**settings))
    with Live(spec(**settings), paused=True) as live:
        live.ask(Control("c", "contour", "r1", "filter"))
        live.ask(Control("p", "play"))
        live.wait_state("finished")
        live.seen.wait(lambda: live.seen.views["contour"][-1]["progress"] == 1.0)
        found = live.seen.views["contour"][-1]
        refused = live.ask(Control("bad", "contour", "r1", "sideways")).error
    assert refused is not None
    assert refused["field"] == "setting"
    middle = found["z"][12][12]
    instance = get_problem("digits").build({}, 0)
    assert middle == pytest.approx(float(instance.fixed_loss().detach()), rel=1e-6)
    assert found["step"] == 0
    assert live.seen.column("r2", "loss") == alone.column("r2", "loss")


def test_curvature_comes_at_its_interval_and_changes_nothing() -> None:
    settings = {"problem": "digits", "runs": TWO[1:], "steps": 40}
    alone, measured = trained(spec(**settings)), trained(spec(**settings, curvature_every=20))
    assert alone.column("r1", "loss") == measured.column("r1", "loss")
    assert not alone.column("r1", "hessian_max")
    steps = [step for (_, step), row in measured.rows.items() if "hessian_max" in row]
    assert sorted(steps) == [20, 40]
    for high, low in zip(
        measured.column("r1", "hessian_max"), measured.column("r1", "hessian_min"), strict=True
    ):
        assert high > 0
        assert high > low


def test_a_saddle_is_seen_where_it_is() -> None:
    seen = trained(
        spec(
            problem="saddle",
            settings={"start_x": 0.5, "start_y": 0.0},
            runs=[{"optimizer": "sgd", "settings": {"lr": 0.01}}],
            steps=4,
            curvature_every=2,
        )
    )
    assert seen.column("r1", "saddle_index") == [1.0, 1.0]


def test_the_interval_of_curvature_can_change_while_it_trains() -> None:
    with Live(spec(problem="booth", runs=TWO, steps=30), paused=True) as live:
        change = live.ask(Control("c", "curvature", value=10)).changes[0]
        assert (change.setting, change.old, change.new) == ("curvature_every", 0, 10)
        live.ask(Control("p", "play"))
        live.wait_state("finished")
        live.seen.wait(lambda: len(live.seen.column("r2", "hessian_max")) == 3)


def test_the_watched_mask_is_the_one_that_was_used() -> None:
    with Live(spec(problem="digits", runs=TWO, steps=30), paused=True) as live:
        live.ask(Control("w", "watch", "r2", "out.weight"))
        live.ask(Control("s", "step", value=1))
        live.wait_state("paused")
        live.seen.wait(lambda: "picture" in live.seen.views)
        picture = live.seen.views["picture"][0]
        live.ask(Control("e", "watch"))
        refused = live.ask(Control("x", "watch", "r2", "no.such")).error
    assert refused is not None
    assert refused["field"] == "setting"
    pixels = np.frombuffer(base64.b64decode(picture["data"]), np.uint8)
    assert pixels.shape == (picture["rows"] * picture["columns"],) == (640,)
    assert picture["run"] == "r2"
    kept = live.seen.rows["r2", 1]["keep_rate/out.weight"]
    assert np.mean(pixels > 0) == pytest.approx(kept)
    assert picture["keep_rate"] == pytest.approx(kept)
    assert picture["touched"]["10"] is None


def test_copies_of_a_run_are_that_run_from_other_seeds() -> None:
    many = trained(spec(problem="digits", runs=TWO, steps=20, seeds=3))
    singles = [trained(spec(problem="digits", runs=TWO, steps=20, seed=i)) for i in range(3)]
    for run in ("r1", "r2"):
        losses = torch.tensor([single.column(run, "loss") for single in singles]).double()
        assert many.column(run, "loss") == losses[0].tolist()
        assert many.column(run, "loss/mean") == pytest.approx(losses.mean(0).tolist(), rel=1e-6)
        assert many.column(run, "loss/sd") == pytest.approx(losses.std(0).tolist(), rel=1e-5)
        tests = [single.column(run, "test_accuracy") for single in singles]
        means = [math.fsum(at) / 3 for at in zip(*tests, strict=True)]
        assert many.column(run, "test_accuracy/mean") == pytest.approx(means, rel=1e-6)
