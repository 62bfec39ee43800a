"""A person plays what is recorded again, as fast as is wanted, and finds the keys for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]


def test_the_past_is_played_with_every_chart_and_by_keys(server: Server, visit: Visit) -> None:
    id = server.create(problem="booth", speed=0, steps=400, runs=[{"optimizer": "adam"}])["id"]
    server.state(id, "finished")
    page = visit(server, f"/?experiment={id}")
    page.wait_rows("r1", 400)
    page.page.keyboard.press("?")
    expect(page["key-help"]).to_contain_text("fork a run at the step looked at")
    expect(page["key-help"]).to_contain_text("20 steps back or on")
    page.page.keyboard.press("?")
    expect(page["key-help"]).to_be_hidden()
    page["history-bar"].get_by_role("slider").press("Home")
    expect(page["step"]).to_have_text("1")
    before = page.ink(page["surface-map"])
    page["replay-pace"].get_by_role("combobox").select_option("0.25")
    page.page.keyboard.press("Space")
    expect(page["replay-play"]).to_have_accessible_name("pause the replay")
    expect(page["step"]).not_to_have_text("1")
    page.page.keyboard.press("Space")
    expect(page["replay-play"]).to_have_accessible_name("replay from here")
    stopped = page.step
    assert 1 < stopped < 400
    assert server.experiment(id)["state"] == "finished"
    page["replay-pace"].get_by_role("combobox").select_option("16")
    page["replay-play"].click()
    # At the newest step it is live again.
    expect(page["step"]).to_have_text("400")
    expect(page["back-to-live"]).to_have_count(0)
    expect(page["replay-play"]).to_have_accessible_name("replay from the first step")
    assert page.ink(page["surface-map"]) != before
    page["history-bar"].get_by_role("slider").press("PageUp")
    page["replay-pace"].get_by_role("combobox").select_option("0.25")
    page["history-bar"].get_by_role("slider").press("Home")
    page["replay-play"].click()
    page.page.keyboard.press("Escape")
    expect(page["step"]).to_have_text("400")


def test_every_page_tells_its_own_keys(server: Server, visit: Visit) -> None:
    page = visit(server, "/compare")
    page["keys"].click()
    expect(page["key-help"]).to_contain_text("lecture mode")
    expect(page["key-help"]).not_to_contain_text("fork")
    page.page.keyboard.press("Escape")
    expect(page["key-help"]).to_be_hidden()
