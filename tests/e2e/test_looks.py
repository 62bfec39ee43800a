"""Train from close by: tensors, held-out samples, and the curves that are a pick away."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import COMPUTED, Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
CLIPBOARD = ["clipboard-read", "clipboard-write"]
RUNS = [
    {"optimizer": "adam"},
    {"optimizer": "adam", "drop_rate": 0.5},
    {"optimizer": "sgd", "drop_rate": 0.5, "policy": "momentum_aligned"},
]


def started(server: Server, **given: Any) -> str:
    settings = {"problem": "digits", "speed": 60, "steps": 3000, "runs": RUNS}
    return str(server.create(**settings | given)["id"])


def test_tensors_of_all_runs_stand_in_a_table_that_is_sorted_and_copied(
    server: Server, visit: Visit
) -> None:
    id = started(server)
    page = visit(server, f"/train?experiment={id}", permissions=CLIPBOARD)
    page["look-layers"].click()
    rows = page["layers"].locator("tbody tr")
    expect(rows).to_have_count(4)
    page.page.get_by_label("runs of the table").select_option("all")
    expect(rows).to_have_count(12)
    page.wait_probe("$.layers !== null && $.layers.runs.length === 3 && $.layers.step > 15")
    step = page.pause()
    page.wait_probe(f"$.layers.step === {step}")
    # What the table says is what is recorded of that step.
    lrd = next(run for run in page.probe("$.layers")["runs"] if run["run"] == "r2")
    names = [tensor["name"] for tensor in page.experiment()["tensors"]]
    for name, kept in zip(names, lrd["keep_rate"], strict=True):
        assert page.rows("r2", f"keep_rate/{name}")[step] == pytest.approx(kept, abs=1e-6)
    norm = sum(value**2 for value in lrd["update_norm"]) ** 0.5
    assert page.rows("r2", "update_norm")[step] == pytest.approx(norm, rel=1e-5)
    assert lrd["age"][0][0] in (0, 1)
    # Wide, sorted, and in the clipboard as it stands.
    page["widen"].click()
    box = page.chart("layers").bounding_box()
    assert box
    assert box["width"] > 1000
    head = page["layers"].get_by_role("columnheader", name="gradient")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    page["layers-csv"].click()
    expect(page["layers-note"]).to_have_text("copied")
    text = page.page.evaluate("navigator.clipboard.readText()")
    table = list(csv.DictReader(io.StringIO(text)))
    norms = [float(row["grad_norm"]) for row in table]
    assert norms == sorted(norms, reverse=True)
    assert {(row["step"], row["shape"]) for row in table if row["tensor"] == "out.bias"} == {
        (str(step), "10")
    }
    # In the past there is what was recorded, and no more.
    page.page.get_by_label("step looked at").press("ArrowLeft")
    expect(page["layers-note"]).to_contain_text("recorded at step")
    expect(rows.first.locator("[data-column=grad_norm]")).to_have_text("–")
    expect(rows.first.locator("[data-column=keep_rate]")).to_contain_text("%")


def test_samples_are_shown_with_what_a_run_takes_them_for(server: Server, visit: Visit) -> None:
    page = visit(server, f"/train?experiment={started(server, speed=20)}")
    page["look-samples"].click()
    samples = page["sample"]
    expect(samples).to_have_count(24, timeout=COMPUTED)
    expect(page["samples-run"]).to_have_text("Adam + LRD")
    before = samples.evaluate_all("all => all.map(one => one.dataset.index)")
    assert before == [str(i) for i in range(24)]
    page.pause()
    step = page.experiment()["step"]
    expect(page["samples-note"]).to_have_attribute("data-step", str(step))
    right = samples.evaluate_all("all => all.filter(one => one.dataset.right === 'true').length")
    expect(page["samples-note"]).to_contain_text(f"{right} of 24 right")
    assert page.ink(page.chart("samples")) > 24 * 16
    # Those that are often wrong come first, out of more.
    page.page.get_by_label("order of samples").select_option("wrong")
    expect(page["samples-note"]).to_contain_text("of 240 right")
    expect(samples.first).to_have_attribute("data-right", "false")
    expect(samples.first).to_have_attribute("title", re.compile(r"taken for .*; wrong in 1 of 1"))
    page.card("r1").locator(".card-name").click()
    page.wait_probe("$.samples.run === 'r1'")


def test_spirals_show_their_ground_and_a_matrix_has_nothing_to_show(
    server: Server, visit: Visit
) -> None:
    page = visit(server, f"/train?experiment={started(server, problem='spirals')}", phone=True)
    page["look-samples"].scroll_into_view_if_needed()
    page["look-samples"].click()
    picture = page.chart("samples").locator(".picture")
    words = re.compile(r"^240 held-out points of first spiral and second spiral .* \d+ right")
    expect(picture).to_have_attribute("aria-label", words, timeout=COMPUTED)
    assert page.overflow() <= 0
    other = started(server, problem="matrix-factorisation")
    page = visit(server, f"/train?experiment={other}")
    page["look-samples"].click()
    expect(page["samples-empty"]).to_have_text("This task has no examples that can be shown.")


def test_gap_settings_and_norms_are_a_pick_away(server: Server, visit: Visit) -> None:
    schedule = {"schedule": "step", "schedule_settings": {"at": "30", "unit": "steps"}}
    runs = [run | schedule for run in RUNS[:2]]
    page = visit(server, f"/train?experiment={started(server, speed=200, runs=runs)}")
    page.wait_rows("r2", 110)
    page.page.get_by_label("held-out measure").select_option("gap")
    expect(page.chart("gap")).to_contain_text("test loss − train loss, mean of 20 steps around")
    loss, test = page.rows("r2"), page.rows("r2", "test_loss")
    around = [loss[step] for step in range(41, 61)]
    assert all(around)
    mean = sum(value or 0 for value in around) / 20
    assert page.rows("r2", "gap")[50] == pytest.approx((test[50] or 0) - mean)
    expect(page.hover("gap", 0.03)).to_contain_text("Adam + LRD")
    page.page.get_by_label("keep or settings").select_option("effective_lr")
    expect(page.chart("effective_lr")).to_contain_text("lr × keep")
    rates, lr = page.rows("r2", "effective_lr"), page.rows("r2", "lr")
    assert [rates[30], rates[31]] == pytest.approx([(lr[30] or 0) / 2, (lr[30] or 0) / 20])
    page.page.get_by_label("measure", exact=True).select_option("update_norm")
    expect(page.chart("update_norm")).to_contain_text("before the mask faint")
    full, kept = page.rows("r2", "full_norm")[40], page.rows("r2", "update_norm")[40]
    assert kept
    assert full
    assert kept / full == pytest.approx(page.rows("r2", "cos_full")[40], rel=1e-5)


def test_a_fork_takes_another_schedule(server: Server, visit: Visit) -> None:
    page = visit(server, f"/train?experiment={started(server, runs=RUNS[:2])}")
    page.wait_rows("r1", 40)
    page.page.keyboard.press("f")
    page["fork-schedule-fold"].click()
    page["fork-schedule"].select_option("cosine")
    page["fork-schedule-floor"].fill("2")
    page["fork"].click()
    expect(page["error"]).to_contain_text("floor: 2 is not allowed")
    page["fork-schedule-floor"].fill("0.1")
    page["fork"].click()
    expect(page["run-card"]).to_have_count(3)
    made = page.experiment()["runs"][2]
    assert (made["schedule"], made["schedule_settings"]["floor"]) == ("cosine", 0.1)
    # It is counted from the first step: the fork goes on with the factor of its own.
    page.wait_rows("r3", made["fork_step"] + 5)
    lr = page.rows("r3", "lr")
    assert lr[made["fork_step"] + 1] < lr[made["fork_step"]]


def test_in_a_room_two_pictures_of_a_task_fill_the_screen(server: Server, visit: Visit) -> None:
    page = visit(server, f"/train?experiment={started(server)}&lecture=1")
    page.wait_rows("r1", 5)
    for chart in ("loss", "accuracy"):
        expect(page.chart(chart).locator(".u-over")).to_be_visible()
        assert page.plot(chart)["width"] > 400
        assert page.plot(chart)["height"] > 400
