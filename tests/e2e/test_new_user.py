"""Somebody who has read nothing: what the first minute asks for is in sight, two clicks away."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
RUNS = [
    {"optimizer": "adam", "drop_rate": 0.5},
    {"optimizer": "sgd", "drop_rate": 0.5},
    {"optimizer": "adam", "drop_rate": 0.9},
]


def press(target: Locator, phone: bool) -> None:
    """A press where the thing is seen as the page lies: nothing is scrolled or hovered for it."""
    expect(target).to_be_in_viewport(ratio=0.9)
    expect(target).to_have_css("opacity", "1")
    if phone:
        target.tap()
    else:
        target.click()


@pytest.mark.parametrize("phone", [False, True])
def test_drop_rate_baseline_fork_and_picture_are_two_presses_from_the_eye(
    server: Server, visit: Visit, phone: bool
) -> None:
    id = str(server.create(problem="beale", runs=RUNS, steps=4000, speed=20)["id"])
    page = visit(server, f"/?experiment={id}", phone=phone)
    page.wait_rows("r1", 5)

    slider = page.card("r1").get_by_test_id("drop-rate")
    expect(slider).to_be_in_viewport(ratio=0.9)
    page.slide("r1", 0.25)
    expect(page["history-bar"]).to_contain_text("0.5 → 0.25")

    # With none chosen, it goes on from the run that drops: the one that a phone's card shows.
    press(page["fork-here"], phone)
    expect(page["fork-run"]).to_have_value("r1")
    page["fork-drop-rate"].fill("0.75")
    press(page["fork"], phone)
    expect(page["fork-form"]).to_have_count(0)

    press(page["add-run"], phone)
    # At the mean step of the run that drops, or at its own learning rate.
    expect(page["add-fair-baseline"]).to_have_text("Add Adam at lr 0.0125")
    expect(page["add-plain-baseline"]).to_have_text("Add Adam at lr 0.05")
    press(page["add-plain-baseline"], phone)
    expect(page["add-run-form"]).to_have_count(0)

    press(page.chart("map").get_by_test_id("export"), phone)
    with page.page.expect_download() as download:
        press(page["export-png"], phone)
    assert download.value.suggested_filename.endswith(".png")

    made = page.experiment()["runs"]
    assert [run["drop_rate"] for run in made] == [0.25, 0.5, 0.9, 0.75, 0.0]
    assert (made[3]["parent"], page.overflow()) == ("r1", 0)
    assert (made[4]["optimizer"], made[4]["settings"]["lr"]) == ("adam", 0.05)


def test_a_row_of_chips_fades_where_it_is_cut_and_a_wheel_moves_it(
    server: Server, visit: Visit
) -> None:
    page = visit(server, "/")
    chips = page["chips"]
    expect(chips).to_have_attribute("data-cut", "")
    page.page.set_viewport_size({"width": 1000, "height": 900})
    expect(chips).to_have_attribute("data-cut", "right")
    chips.hover()
    page.page.mouse.wheel(0, 2000)
    expect(chips).to_have_attribute("data-cut", "left")
