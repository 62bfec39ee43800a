"""The same experiment seen again, by two, ended from the list, and after its worker has gone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server, running_server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
PAGES = [("/", "beale"), ("/train", "digits")]
COLUMNS = ("loss", "keep_rate", "drop_rate")


@pytest.mark.parametrize(("path", "problem"), PAGES)
def test_a_reload_shows_the_same_history(
    server: Server, visit: Visit, path: str, problem: str
) -> None:
    id = server.create(problem=problem, speed=60, steps=100_000)["id"]
    page = visit(server, f"{path}?experiment={id}")
    page.wait_rows("r4", 60)
    before = {(run, name): page.rows(run, name) for run in ("r1", "r4") for name in COLUMNS}
    assert all(len(rows) >= 60 for rows in before.values())
    page.page.reload()
    again = Dashboard(page.page, server)
    assert again.id == id
    again.wait_rows("r4", max(before["r4", "loss"]))
    again.wait_rows("r1", max(before["r1", "loss"]))
    for (run, name), rows in before.items():
        after = again.rows(run, name)
        assert {step: after[step] for step in rows} == rows
        assert list(after) == list(range(1, max(after) + 1))


@pytest.mark.parametrize(("path", "problem"), PAGES)
def test_a_second_browser_sees_the_same_run_live(
    server: Server, visit: Visit, path: str, problem: str
) -> None:
    address = f"{path}?experiment={server.create(problem=problem, speed=60, steps=100_000)['id']}"
    one, other = visit(server, address), visit(server, address)
    for page in (one, other):
        page.wait_rows("r4", 30)
    seen = max(*one.rows("r4"), *other.rows("r4"))
    for page in (one, other):
        page.wait_rows("r4", seen + 30)
    for run in ("r1", "r4"):
        here, there = one.rows(run), other.rows(run)
        common = here.keys() & there.keys()
        assert len(common) >= seen + 30 if run == "r4" else len(common) > 30
        assert {step: here[step] for step in common} == {step: there[step] for step in common}
    one.slide("r2", 0.8)
    expect(other.card("r2").get_by_test_id("drop-rate")).to_have_value("0.8")


def test_the_list_stops_an_experiment_and_keeps_it(server: Server, visit: Visit) -> None:
    id = server.create(problem="beale", speed=20, steps=100_000)["id"]
    done = server.create(problem="beale", speed=0, steps=20)["id"]
    server.state(done, "finished")
    page = visit(server, f"/?experiment={id}")
    page.wait_rows("r1", 5)
    page.page.get_by_role("link", name="Experiments").click()
    row = page.page.locator(f'[data-experiment="{id}"]')
    other = page.page.locator(f'[data-experiment="{done}"]')
    expect(other).to_contain_text("finished")
    expect(other.get_by_test_id("stop")).to_have_count(0)
    row.get_by_test_id("stop").click()
    expect(row).to_contain_text("cancelled")
    expect(row.get_by_test_id("stop")).to_have_count(0)
    assert server.experiment(id)["state"] == "cancelled"
    row.get_by_role("link").first.click()
    expect(page["ended"]).to_contain_text("kept")
    page["start-again"].click()
    page.page.wait_for_url(lambda url: id not in url)
    page.wait_rows("r1", 5)


def test_a_finished_experiment_whose_worker_was_let_go_goes_on_or_starts_again(
    tmp_path: Path, visit: Visit
) -> None:
    with running_server(tmp_path, dashboard=True, idle_limit=1) as own:
        id = own.create(problem="beale", speed=0, steps=50)["id"]
        page = visit(own, f"/?experiment={id}")
        page.expect_status("finished")
        expect(page["ended"]).to_contain_text("let go", timeout=30_000)
        expect(page["ended"]).to_contain_text("every step up to 50 is kept")
        page.wait_rows("r1", 50)
        assert len(page.rows("r1")) == 50
        expect(page["play"]).to_be_enabled()
        expect(page["play"]).to_have_attribute("title", re.compile("go on for 900 more"))
        page["play"].click()
        page.wait_rows("r1", 950)
        assert list(page.rows("r1")) == list(range(1, 951))
        expect(page["ended"]).to_contain_text("every step up to 950 is kept", timeout=30_000)
        page["start-again"].click()
        page.page.wait_for_url(lambda url: id not in url)
        page.wait_rows("r1", 5)
        assert page.experiment()["replaces"] == id


def test_a_page_without_an_address_shows_this_tabs_own_experiment(
    server: Server, visit: Visit
) -> None:
    id = server.create(problem="booth", speed=0, steps=50)["id"]
    page = visit(server, f"/?experiment={id}")
    page.expect_status("finished")
    page.page.goto(server.url + "/")
    page.page.wait_for_url(f"**experiment={id}**")
    page.wait_rows("r4", 50)
