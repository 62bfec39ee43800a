"""Train: which task, and the pictures that a job computes for those who look."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from lrd_core.optim.random_bits import keep_mask_numpy
from lrd_core.problems import PROBLEMS
from tests.backend.server import Server, running_server
from tests.e2e.dashboard import COMPUTED, Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]


def digits(server: Server, **given: Any) -> str:
    return str(server.create(problem="digits", **{"speed": 60, "steps": 3000, **given})["id"])


def measure(page: Dashboard, name: str) -> None:
    page.page.get_by_label("measure", exact=True).select_option(name)
    expect(page.chart(name)).to_be_visible()


# --- tasks ----------------------------------------------------------------------------------------


def test_every_task_is_in_the_menu_and_another_one_starts(server: Server, visit: Visit) -> None:
    id = digits(server)
    page = visit(server, f"/train?experiment={id}")
    page["problem"].click()
    tasks = [p.name for p in PROBLEMS.values() if p.kind == "task"]
    shown = page.page.locator("[data-problem]")
    expect(shown).to_have_count(len(tasks))
    names = shown.evaluate_all("all => all.map(one => one.dataset.problem)")
    assert sorted(names) == sorted(tasks)
    slow = page.page.locator("[data-problem=cifar10-resnet34]")
    expect(slow).to_contain_text("seconds a step without a GPU")
    page.page.locator("[data-problem=matrix-factorisation]").click()
    page.page.wait_for_url(lambda url: id not in url)
    experiment = page.experiment()
    assert experiment["problem"] == "matrix-factorisation"
    assert experiment["replaces"] == id
    # It measures no accuracy: the loss on what is held out takes that place.
    page.wait_rows("r1", 20)
    expect(page.chart("accuracy")).to_contain_text("Test loss", timeout=30_000)
    expect(page.card("r1")).to_contain_text("test loss")
    expect(page.card("r1").get_by_test_id("test")).to_have_text(re.compile(r"^\d"))
    for name in ("rank", "factors"):
        expect(page[f"chip-{name}"]).to_be_visible()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a machine without data or network."""
    folder = tmp_path_factory.mktemp("bare")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LRD_DATA", "HF_HUB_CACHE"):
            patch.delenv(name, raising=False)
        patch.setenv("HF_HOME", str(folder / "cache"))
        patch.setenv("LRD_OFFLINE", "1")
        with running_server(folder, dashboard=True) as server:
            yield server


def test_missing_data_are_told_with_their_mend_and_never_downloaded_unasked(
    bare: Server, visit: Visit
) -> None:
    id = digits(bare)
    page = visit(bare, f"/train?experiment={id}")
    posts: list[str] = []
    page.page.on("request", lambda r: posts.append(r.url) if r.method == "POST" else None)
    page["problem"].click()
    task = page.page.locator("[data-problem=cifar10-resnet34]")
    expect(task).to_contain_text(re.compile(r"needs 1\d\d MB"))
    task.click()
    panel = page["data-set"]
    expect(panel).to_contain_text("CIFAR-10")
    expect(panel).to_contain_text("licence")
    expect(panel).to_contain_text("LRD_DATA")
    assert not [url for url in posts if "/api/data" in url]
    panel.get_by_test_id("download").click()
    expect(panel.get_by_role("alert")).to_contain_text("LRD_OFFLINE")
    assert page.id == id


def test_a_download_is_followed_until_its_task_can_start(server: Server, visit: Visit) -> None:
    id = digits(server)
    page = visit(server, f"/train?experiment={id}")
    (found,) = [one for one in server.get("/api/data") if one["name"] == "mnist"]
    missing = found | {"state": "missing", "message": "not here", "progress": None}
    now = {"stands": missing, "begun": 0}

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            now["begun"] += 1
            now["stands"] = missing | {"state": "downloading", "progress": 0.4}
            route.fulfill(status=202, json=now["stands"])
        else:
            route.fulfill(body=json.dumps([now["stands"]]), content_type="application/json")

    page.page.route("**/api/data**", answer)
    page["problem"].click()
    page.page.locator("[data-problem=mnist-mlp]").click()
    page["download"].click()
    expect(page["data-set"].get_by_role("status")).to_contain_text("40 %")
    expect(page["download"]).to_be_disabled()
    now["stands"] = missing | {"state": "present", "where": "/data/mnist"}
    expect(page["train-on-it"]).to_be_visible()
    expect(page["data-set"]).to_contain_text("/data/mnist")
    assert now["begun"] == 1
    assert page.id == id


# --- planes and contours --------------------------------------------------------------------------


def test_paths_are_seen_in_their_plane_over_the_contours_of_the_loss(
    server: Server, visit: Visit
) -> None:
    page = visit(server, f"/train?experiment={digits(server)}")
    chart = page.chart("trajectories")
    page.wait_probe("$.plane !== null && $.plane.step > 60")
    expect(chart).to_contain_text(re.compile(r"2 components, \d[\d.]*\s%\s+of the variance"))
    page["loss-contour"].click()
    expect(page["contour-words"]).to_contain_text(re.compile("computing|loss at"))
    expect(page["contour-words"]).to_contain_text("loss at step", timeout=COMPUTED)
    found = page.probe("$.contour")
    z = np.array(found["z"], dtype=float)
    assert z.shape == (len(found["y"]), len(found["x"]))
    assert found["directions"] == "plane"
    box = chart.locator(".picture").bounding_box()
    assert box is not None
    # Who comes later sees it where it was computed, however the plane has moved since.
    page.wait_probe(f"$.plane.step > {page.probe('$.plane.step')}")
    later = visit(server, f"/train?experiment={page.id}")
    expect(later["contour-words"]).to_contain_text("loss at step", timeout=COMPUTED)
    assert later.probe("$.contour.map") == found["map"] != later.probe("$.plane.map")
    # Paths lie where the loss was computed.
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chart.locator(".chart-hover")).to_contain_text("loss ≈")
    page.page.get_by_label("plane", exact=True).select_option("random")
    expect(chart).to_contain_text("2 fixed random directions")
    expect(page["loss-contour"]).to_be_disabled()


def test_the_loss_around_one_run(server: Server, visit: Visit) -> None:
    id = digits(server)
    server.reach(id, 40)
    page = visit(server, f"/train?experiment={id}")
    page.card("r2").locator(".card-name").click()
    page.page.get_by_label("plane", exact=True).select_option("around")
    expect(page["contour-words"]).to_contain_text("loss at step", timeout=COMPUTED)
    found = page.probe("$.contour")
    assert (found["directions"], found["run"]) == ("filter", "r2")
    expect(page.chart("trajectories")).to_contain_text("Adam + LRD, random directions")


# --- how runs are computed ------------------------------------------------------------------------


def test_cards_say_whether_runs_train_as_one_model(server: Server, visit: Visit) -> None:
    runs = [{"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.5}]
    page = visit(server, f"/train?experiment={digits(server, runs=runs)}")
    how = page.card("r2").get_by_test_id("how")
    expect(how).to_have_text("stacked with 1 other")
    page.card("r2").get_by_test_id("run-menu").click()
    expect(page["how-note"]).to_have_text("Its steps are computed stacked with 1 other.")
    page.page.keyboard.press("Escape")
    height = page.card("r2").bounding_box()
    server.control(page.id, kind="remove_run", run="r1")
    expect(how).to_have_text("alone: no other run has its architecture")
    after = page.card("r2").bounding_box()
    assert height
    assert after
    assert after["height"] == height["height"]


@pytest.mark.parametrize("phone", [False, True])
def test_why_runs_train_one_after_the_other_fits_its_card(
    server: Server, visit: Visit, phone: bool
) -> None:
    id = digits(server, settings={"width": 512, "depth": 2})
    page = visit(server, f"/train?experiment={id}", phone=phone)
    card = page["run-card"].first
    expect(card.get_by_test_id("how")).to_have_text(re.compile("^one after the other: "))
    box, line = card.bounding_box(), card.get_by_test_id("how").bounding_box()
    assert box
    assert line
    assert line["height"] < 20
    assert line["x"] + line["width"] <= box["x"] + box["width"]
    card.get_by_test_id("run-menu").click()
    expect(page["how-note"]).to_contain_text("one after the other, ")
    assert page.overflow() <= 0


# --- masks ----------------------------------------------------------------------------------------


def test_the_mask_panel_shows_the_update_itself_and_names_its_run(
    server: Server, visit: Visit
) -> None:
    id = digits(server)
    page = visit(server, f"/train?experiment={id}")
    page.wait_probe("$.picture !== null && $.picture.run === 'r2' && $.picture.step > 20")
    expect(page["mask-run"]).to_have_text("Adam + LRD")
    expect(page["mask-facts"]).to_contain_text(re.compile(r"overlap \d[\d.]*\s%\s+· by chance 33"))
    expect(page.chart("mask")).to_contain_text("shade: size of the update")
    page.pause()
    picture = page.probe("(p => ({...p, pixels: [...p.pixels]}))($.picture)")
    run = next(one for one in page.experiment()["runs"] if one["id"] == "r2")
    rows, columns = picture["rows"], picture["columns"]
    kept = np.array(picture["pixels"]).reshape(rows, columns) > 0
    index = [one["name"] for one in page.experiment()["tensors"]].index(picture["tensor"])
    keep = 1 - run["drop_rate"]
    wanted = keep_mask_numpy(run["mask_seed"], picture["step"], index, rows * columns, keep)
    np.testing.assert_array_equal(kept, wanted.reshape(rows, columns))
    # Another run, another picture; in the past the mask is computed here.
    page["play"].click()
    page.card("r4").locator(".card-name").click()
    expect(page["mask-run"]).to_have_text(re.compile("SGD"))
    page.wait_probe("$.picture.run === 'r4'")
    page.page.get_by_label("step looked at").press("Home")
    expect(page.chart("mask")).to_contain_text("at this step")
    expect(page["mask-facts"]).not_to_contain_text("by chance")


def test_a_mask_that_depends_on_the_gradient_is_seen_live(server: Server, visit: Visit) -> None:
    runs = [{"optimizer": "adam", "drop_rate": 0.5, "policy": "momentum_aligned"}]
    page = visit(server, f"/train?experiment={digits(server, runs=runs)}")
    expect(page.chart("mask")).to_contain_text("shade: size of the update", timeout=COMPUTED)
    page.page.get_by_label("step looked at").press("Home")
    expect(page.chart("mask")).to_contain_text("drawn live only")


# --- curvature and other measures -----------------------------------------------------------------


def test_curvature_is_measured_when_it_is_asked_for(server: Server, visit: Visit) -> None:
    runs = [{"optimizer": "adam", "drop_rate": 0.5}]
    page = visit(server, f"/train?experiment={digits(server, runs=runs)}")
    measure(page, "curvature")
    expect(page.chart("curvature")).to_contain_text("not measured")
    every = page.page.get_by_label("measure curvature")
    every.select_option("10")
    handle = page["workbench"].element_handle()
    measured = "([e, n]) => e.__lrd.rows('r1', 'hessian_max').steps.filter(s => s % n).length"
    some = measured.replace("filter(s => s % n).length", "length >= n")
    page.page.wait_for_function(some, arg=[handle, 2], timeout=COMPUTED)
    steps = page.rows("r1", "hessian_max")
    assert all(step % 10 == 0 for step in steps)
    assert all(value and value > 0 for value in steps.values())
    expect(page["curvature-cost"]).to_contain_text(re.compile(r"\d\sms each"))
    # Another interval goes on with the same line.
    every.select_option("25")
    page.page.wait_for_function(measured, arg=[handle, 10], timeout=COMPUTED)
    assert set(steps) <= set(page.rows("r1", "hessian_max"))
    every.select_option("0")
    expect(page["curvature-cost"]).to_have_count(0)


def test_updates_against_weights_by_tensor(server: Server, visit: Visit) -> None:
    id = digits(server)
    page = visit(server, f"/train?experiment={id}")
    page.wait_rows("r1", 30)
    measure(page, "update_ratio")
    name = page.experiment()["tensors"][-1]["name"]
    page.chart("update_ratio").get_by_label("tensor").select_option(name)
    expect(page.chart("update_ratio").locator(".u-over")).to_be_visible()
    table = page.hover("update_ratio", 0.005)
    expect(table).to_contain_text("Adam")
    column = f"update_ratio/{name}"
    stored = server.get(f"/api/experiments/{id}/series", run="r1", columns=column)
    values = stored["columns"][column]["values"]
    assert page.rows("r1", column)[25] == pytest.approx(values[0])


# --- seeds ----------------------------------------------------------------------------------------


def test_several_seeds_are_drawn_as_their_mean_with_a_band(server: Server, visit: Visit) -> None:
    id = digits(server, steps=400)
    page = visit(server, f"/train?experiment={id}")
    expect(page["compare-seeds"]).to_be_visible()
    page["seeds"].click()
    page.page.locator("[data-seeds='4']").click()
    page.page.wait_for_url(lambda url: id not in url)
    assert page.experiment()["seeds"] == 4
    expect(page["seeds"]).to_contain_text("4")
    page.wait_rows("r1", 60)
    for chart in ("loss", "accuracy"):
        expect(page.chart(chart)).to_contain_text("mean of 4 seeds")
    means, spreads = page.rows("r1", "loss/mean"), page.rows("r1", "loss/sd")
    assert len(means) >= 60
    assert all(value and value > 0 for value in spreads.values())
    expect(page["verdict"]).to_contain_text("Means of 4 seeds", timeout=30_000)
    expect(page["verdict"]).to_contain_text(re.compile(r"\[[−+±]\d"))


def test_a_phone_has_the_same_pictures(server: Server, visit: Visit) -> None:
    page = visit(server, f"/train?experiment={digits(server)}", phone=True)
    page.wait_rows("r1", 20)
    page.chart("mask").scroll_into_view_if_needed()
    expect(page["mask-facts"]).to_contain_text("by chance", timeout=COMPUTED)
    page.chart("trajectories").scroll_into_view_if_needed()
    expect(page["loss-contour"]).to_be_visible()
    assert page.overflow() <= 0


def test_nothing_scrolls_with_several_seeds_and_curvature(server: Server, visit: Visit) -> None:
    page = visit(server, f"/train?experiment={digits(server, seeds=4)}")
    page.wait_rows("r1", 10)
    measure(page, "curvature")
    assert page.scrolls() == []
