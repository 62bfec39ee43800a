"""A lesson from its card to its end, and lecture mode by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server, until
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]


def run_of(page: Dashboard, run: str) -> dict[str, object]:
    return next(one for one in page.experiment()["runs"] if one["id"] == run)


def test_a_lesson_is_done_and_its_buttons_change_what_trains(server: Server, visit: Visit) -> None:
    page = visit(server)
    page.page.get_by_role("link", name="Lessons").click()
    cards = page["lesson-card"]
    expect(cards.first).to_contain_text("What learning rate dropout does", timeout=30_000)
    expect(cards.first).to_contain_text("4 steps")
    cards.first.click()
    expect(page["lesson-step"]).to_contain_text("A coin for every coordinate")
    # It waits for single steps.
    expect(page["run-card"]).to_have_count(2)
    page.expect_status("paused")
    page["step-once"].click()
    page.wait_rows("r2", 1)
    page["step-next"].click()
    begun = page.id
    page["try"].click()
    page.page.wait_for_url(lambda url: "experiment=" in url and begun not in url)
    until(lambda: server.experiment(begun)["replaced_by"] == page.id, what="the successor")
    page.wait_rows("r2", 5)
    page["step-next"].click()
    expect(page["step-of"]).to_have_text("3 of 4")
    page["try"].first.click()
    until(lambda: run_of(page, "r2")["drop_rate"] == 0.9, what="the change")
    expect(page.card("r2").get_by_test_id("drop-rate")).to_have_value("0.9")
    expect(page["history-bar"]).to_contain_text("0.9")
    # The address is the whole state: somebody else opens the same step of the same experiment.
    other = visit(server, page.page.url.removeprefix(server.url))
    expect(other["step-of"]).to_have_text("3 of 4")
    assert other.id == page.id
    page["step-next"].click()
    expect(page["lesson-step"]).to_contain_text("What it leaves alone")
    page.page.get_by_text("Repeat it in a terminal").click()
    expect(page["lesson-step"]).to_contain_text("lrd run --problem ravine --seed 0 --steps 600")
    page["all-lessons"].click()
    expect(cards.first).to_contain_text("done")
    page.page.reload()
    expect(cards.first).to_contain_text("done", timeout=30_000)
    expect(cards.nth(1)).to_contain_text("3 steps")


def test_a_lecture_is_given_by_keyboard_alone(server: Server, visit: Visit) -> None:
    page = visit(server, "/lessons?lesson=what-lrd-does")
    press = page.page.keyboard.press
    header = page.page.get_by_test_id("stHeader")
    expect(header).to_be_visible()
    press("l")
    expect(page["board"]).to_be_visible()
    assert "lecture=1" in page.page.url
    expect(header).to_be_hidden()
    for hidden in ("run-card", "play", "speed", "history-bar"):
        expect(page[hidden]).to_have_count(0)
    expect(page["legend-run"]).to_have_count(2)
    size = page.page.locator(".lesson-prose").evaluate("e => getComputedStyle(e).fontSize")
    assert float(size.removesuffix("px")) >= 24
    assert page.overflow() == 0

    press("?")
    expect(page["key-help"]).to_contain_text("next and previous step of the lesson")
    press("Escape")
    expect(page["key-help"]).to_be_hidden()

    press("ArrowRight")
    expect(page["step-of"]).to_have_text("2 of 4")
    begun = page.id
    press("1")
    page.page.wait_for_url(lambda url: "experiment=" in url and begun not in url)
    assert "lecture=1" in page.page.url
    page.wait_rows("r2", 5)
    press("Space")
    until(lambda: page.experiment()["state"] == "paused", what="the pause")
    at = page.experiment()["step"]
    press("s")
    until(lambda: page.experiment()["step"] == at + 1, what="a step")
    press("ArrowLeft")
    expect(page["step-of"]).to_have_text("1 of 4")

    press("c")
    expect(page["run-card"]).to_have_count(2)
    expect(page["play"]).to_be_visible()
    expect(header).to_be_visible()
    press("c")
    expect(page["run-card"]).to_have_count(0)

    press("h")
    expect(page["lesson-card"].nth(1)).to_be_visible()
    press("2")
    expect(page["lesson-step"]).to_contain_text("Steep across, flat along")
    # The address alone brings a lecture back.
    page.page.reload()
    expect(page["board"]).to_be_visible(timeout=30_000)
    press("l")
    expect(page["run-card"]).to_have_count(3)
    assert not re.search(r"lecture", page.page.url)


@pytest.mark.parametrize("path", ["/", "/train"])
def test_every_page_has_a_lecture_mode(server: Server, visit: Visit, path: str) -> None:
    page = visit(server, path)
    page.wait_rows("r1", 5)
    shown = page.id
    page["share"].click()
    page["lecture-here"].click()
    expect(page["board"]).to_be_visible()
    expect(page["legend-run"]).to_have_count(4)
    expect(page["run-card"]).to_have_count(0)
    assert page.ink(page.chart("loss")) > 500
    page.page.keyboard.press("v")
    expect(page.chart("kept")).to_be_visible()
    assert page.overflow() == 0
    page.page.keyboard.press("Space")
    until(lambda: page.experiment()["state"] == "paused", what="the pause")
    assert page.id == shown
    page.page.keyboard.press("l")
    expect(page["run-card"]).to_have_count(4)
