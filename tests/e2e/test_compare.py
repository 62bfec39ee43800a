"""Runs of several experiments side by side: seeds, effective steps, differences, CSV, live rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect
from scipy import stats

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]

STEPS = 60
RUNS = [
    {"optimizer": "adam", "settings": {"lr": 0.003}},
    {"optimizer": "adam", "settings": {"lr": 0.003}, "drop_rate": 0.5},
]


def finished(server: Server, seeds: list[int], steps: int = STEPS) -> list[str]:
    """Digits experiments that have made all their steps, one of each seed."""
    given = {"problem": "digits", "steps": steps, "speed": 0, "test_every": 10, "runs": RUNS}
    ids = [server.post("/api/experiments", 201, seed=seed, **given)["id"] for seed in seeds]
    for id in ids:
        server.state(id, "finished")
    return ids


def values(server: Server, id: str, run: str, column: str) -> list[float]:
    found = server.get(f"/api/experiments/{id}/series", run=run, columns=column)
    return [float(value) for value in found["columns"][column]["values"]]


def lines(dashboard: Dashboard) -> Locator:
    return dashboard["compare-line"]


def add_all(dashboard: Dashboard, ids: list[str]) -> None:
    """Through the search, as a person does."""
    dashboard["add-runs"].click()
    for id in ids:
        row = dashboard.page.locator(f'[data-testid=found][data-experiment="{id}"]')
        row.get_by_test_id("add-all").click()
        expect(row.get_by_test_id("add-all")).to_have_text("Added")
    dashboard.page.keyboard.press("Escape")
    expect(dashboard["finder"]).to_have_count(0)


def figures(dashboard: Dashboard) -> list[dict[str, str]]:
    """The CSV that the page gives."""
    with dashboard.page.expect_download() as download:
        dashboard["download-csv"].click()
    path = download.value.path()
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_experiments_are_compared_over_seeds_along_effective_steps_and_exported(
    server: Server, visit: Visit
) -> None:
    ids = finished(server, [0, 1, 2])
    dashboard = visit(server, f"/train?experiment={ids[0]}")
    dashboard["compare-with"].click()
    expect(lines(dashboard)).to_have_count(2)
    expect(lines(dashboard).first).to_contain_text("Adam 0")

    add_all(dashboard, ids[1:])
    expect(lines(dashboard)).to_have_count(2)
    expect(lines(dashboard).nth(1)).to_contain_text("3 seeds")
    expect(dashboard["notes"]).to_contain_text("95 % interval by Student’s t")

    dashboard["by-effective"].click()
    dashboard["baseline"].select_option(f"{ids[0]}.r1")
    expect(dashboard["notes"]).to_contain_text("Adam 0.5: paired by seed, 3 seeds")
    expect(dashboard.chart("loss-difference")).to_be_visible()
    assert dashboard.ink(dashboard.chart("loss-difference")) > 0
    table = dashboard.hover("loss", 0.3)
    expect(table).to_contain_text("effective step")
    # The same place is shown in all charts.
    expect(dashboard.chart("test_accuracy").locator(".chart-hover .title")).to_have_text(
        table.locator(".title").inner_text()
    )
    expect(dashboard.chart("loss-difference").locator(".chart-hover")).to_be_visible()

    dashboard["figures-of"].select_option("test_accuracy")
    dashboard["target"].fill("70 %")
    dashboard["target"].press("Enter")
    expect(dashboard["figures"]).to_contain_text("0.7 reached at")
    plain, dropped = figures(dashboard)
    assert [plain["line"], dropped["line"]] == ["Adam 0", "Adam 0.5"]
    check_figures(server, ids, "r1", plain)
    check_figures(server, ids, "r2", dropped)
    ends = [server.get(f"/api/experiments/{id}/effective", run="r2")["values"][-1] for id in ids]
    assert float(dropped["common_end"]) == pytest.approx(min(ends), rel=1e-12)

    dashboard.page.reload()
    expect(lines(dashboard).nth(1)).to_contain_text("3 seeds", timeout=30_000)
    expect(dashboard["by-effective"]).to_have_attribute("aria-pressed", "true")
    expect(dashboard["target"]).to_have_value("0.7")
    expect(dashboard["baseline"]).to_have_value(f"{ids[0]}.r1")
    assert dashboard.overflow() == 0


def check_figures(server: Server, ids: list[str], run: str, row: dict[str, Any]) -> None:
    """Against SciPy, from the values that the server has."""
    curves = [values(server, id, run, "test_accuracy") for id in ids]
    finals = np.array([curve[-1] for curve in curves])
    interval = stats.t.interval(0.95, len(finals) - 1, finals.mean(), stats.sem(finals))
    assert float(row["final"]) == pytest.approx(finals.mean(), rel=1e-12)
    half = (interval[1] - interval[0]) / 2
    assert float(row["final_half_interval"]) == pytest.approx(half, rel=1e-9)
    assert float(row["best"]) == pytest.approx(np.mean([max(curve) for curve in curves]), rel=1e-12)
    assert (row["seeds"], row["state"], row["last_step"]) == ("3", "finished", str(STEPS))
    reached = sum(max(curve) >= 0.7 for curve in curves)
    assert (row["target_reached_by"], row["target_reached_of"]) == (str(reached), "3")


def test_a_live_run_goes_on_arriving_and_the_link_shows_the_same(
    server: Server, visit: Visit
) -> None:
    [short] = finished(server, [7], 20)
    live = server.create(problem="digits", steps=100_000, speed=100, runs=RUNS[:1])["id"]
    dashboard = visit(server, f"/train?experiment={live}")
    dashboard["compare-with"].click()
    expect(lines(dashboard)).to_have_count(1)
    add_all(dashboard, [short])
    expect(lines(dashboard)).to_have_count(3)
    expect(dashboard["notes"]).to_contain_text("Not equally long")

    seen = last_step(dashboard, f"{live}.r1")
    dashboard.page.wait_for_function(
        "([e, key, step]) => Number(e.querySelector(`[data-line='${key}'] td:nth-child(4)`)"
        "?.textContent.replace(/\\D/g, '')) > step + 50",
        arg=[dashboard["figures"].element_handle(), f"{live}.r1", seen],
        timeout=30_000,
    )
    # The baseline's colour is taken: the run that came later has another one, here and in the link.
    address = dashboard.page.url.removeprefix(server.url)
    slots = re.findall(r"\.r\d\.(\d+)", address)
    assert len(slots) == 3
    assert len(set(slots)) == 2, "runs alike have one colour"
    other = visit(server, address)
    expect(lines(other)).to_have_count(3)
    names = [line.inner_text().split("\n")[0] for line in lines(dashboard).all()]
    assert [line.inner_text().split("\n")[0] for line in lines(other).all()] == names
    assert other.page.url.removeprefix(server.url) == address
    assert last_step(other, f"{live}.r1") > seen

    other["by-time"].click()
    expect(other.hover("loss", 0.2).locator(".title")).to_have_text(re.compile(r"wall time .+ s"))
    expect(other["figures"]).to_contain_text("at wall time")

    lines(other).first.get_by_test_id("remove-line").click()
    expect(lines(other)).to_have_count(2)
    other["clear"].click()
    expect(other["compare-empty"]).to_be_visible()


def last_step(dashboard: Dashboard, key: str) -> int:
    row = dashboard.page.locator(f'[data-testid=figures-row][data-line="{key}"]')
    expect(row).to_be_visible(timeout=30_000)
    return int(re.sub(r"\D", "", row.locator("td").nth(2).inner_text()))


def test_what_is_missing_is_named_and_the_rest_is_drawn(server: Server, visit: Visit) -> None:
    [id] = finished(server, [3], 20)
    phone = visit(server, f"/compare?runs={id}.r1.0,{id}.r9,nowhere.r1", phone=True)
    expect(phone["missing"]).to_contain_text("there is no run r9 in it; it has r1, r2")
    expect(phone["missing"]).to_contain_text("nowhere.r1")
    expect(lines(phone)).to_have_count(1)
    phone["missing"].get_by_role("button", name="Remove").last.click()
    expect(phone["missing"]).not_to_contain_text("nowhere")
    assert phone.overflow() == 0
