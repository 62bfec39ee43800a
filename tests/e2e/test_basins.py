"""Basins on Explore: where thousands of starts end, live with the sliders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Locator, Request, Route, expect

from tests.backend.server import Server, until
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
#: A first picture may wait for a compiler.
COMPILED = 90_000
NEAR = 0.001


def adam(drop_rate: float, lr: float = 0.05) -> dict[str, Any]:
    return {"optimizer": "adam", "settings": {"lr": lr}, "drop_rate": drop_rate}


def himmelblau(server: Server, *rates: float) -> str:
    runs = [adam(rate) for rate in rates]
    return str(server.create(problem="himmelblau", runs=runs, steps=2000, speed=60)["id"])


def open_basins(server: Server, visit: Visit, id: str, **options: Any) -> Dashboard:
    page = visit(server, f"/?experiment={id}", **options)
    page["view-basins"].click()
    expect(picture(page).locator("canvas").first).to_be_visible(timeout=COMPILED)
    return page


def picture(page: Dashboard, run: str = "r2") -> Locator:
    return page.page.locator(f'[data-testid=basin][data-run="{run}"]')


def shares(text: str) -> float:
    """The percentage in a text, as a share."""
    found = re.search(r"([\d.]+)\s*%", text)
    assert found
    return float(found[1]) / 100


def finely_drawn(page: Dashboard, run: str = "r2", n: int = 256) -> None:
    expect(picture(page, run).locator("canvas")).to_have_attribute(
        "width", str(n), timeout=COMPILED
    )


def pick(page: Dashboard, chip: str, value: str) -> None:
    page[f"chip-{chip}"].click()
    page.page.locator(f"[data-value='{value}']").click()


@contextmanager
def posted(page: Dashboard, end: str) -> Iterator[list[dict[str, Any]]]:
    """Bodies of the requests to addresses that end so, meanwhile."""
    bodies: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if request.url.endswith(end) and request.method == "POST":
            bodies.append(json.loads(request.post_data or ""))

    page.page.on("request", note)
    yield bodies
    page.page.remove_listener("request", note)


def asked(page: Dashboard) -> AbstractContextManager[list[dict[str, Any]]]:
    """Bodies of the requests for pictures meanwhile."""
    return posted(page, "/api/swarms")


def controls(page: Dashboard) -> AbstractContextManager[list[dict[str, Any]]]:
    """Controls sent meanwhile."""
    return posted(page, "/controls")


def test_the_pictures_and_the_sentence_say_the_same(server: Server, visit: Visit) -> None:
    page = open_basins(server, visit, himmelblau(server, 0, 0.9))
    finely_drawn(page)
    for run in ("r1", "r2"):
        reached = shares(picture(page, run).get_by_test_id("basin-numbers").inner_text())
        assert page.ink(picture(page, run)) / 256**2 == pytest.approx(reached, abs=NEAR)
        assert shares(page.card(run).get_by_test_id("reach").inner_text()) == reached
    assert shares(page.card("r1").get_by_test_id("reach").inner_text()) == 1
    steps = [int(page.card(run).get_by_test_id("median").inner_text()) for run in ("r1", "r2")]
    verdict = page["verdict"]
    expect(verdict).to_contain_text(f"Drop rate 0.9 costs Adam {steps[1] - steps[0]} more steps")
    expect(verdict).to_contain_text(re.compile(r"65\s536 starts, one mask seed"))
    expect(picture(page).locator("circle")).to_have_count(4)
    expect(page["basin-legend"]).to_contain_text("(−2.81, 3.13)")
    expect(page["basins-time"]).to_have_text(re.compile(r"computed in [\d.]+ s · follows"))
    # The fair baseline joins the pictures and the sentence.
    page["add-fair-baseline"].click()
    finely_drawn(page, "r3")
    expect(verdict).to_contain_text("Against Adam at lr × 0.1:")
    expect(page["add-fair-baseline"]).to_have_count(0)
    added = page.experiment()["runs"][2]
    assert (added["settings"]["lr"], added["drop_rate"]) == (0.005, 0)


def test_the_view_is_in_the_address(server: Server, visit: Visit) -> None:
    id = himmelblau(server, 0, 0.5)
    page = open_basins(server, visit, id)
    assert "view=basins" in page.page.url
    page.page.reload()
    expect(picture(page).locator("canvas")).to_be_visible(timeout=COMPILED)
    expect(page["history-bar"]).to_have_count(0)
    assert page.id == id
    page["view-paths"].click()
    expect(page["surface-map"]).to_be_visible()
    assert "view=" not in page.page.url
    page.page.go_back()
    expect(page["basins"]).to_be_visible()


def test_the_pictures_follow_the_slider_and_so_does_the_run(server: Server, visit: Visit) -> None:
    page = open_basins(server, visit, himmelblau(server, 0, 0.5))
    finely_drawn(page)
    before = shares(page.card("r2").get_by_test_id("reach").inner_text())
    with asked(page) as bodies:
        slider = page.card("r2").get_by_test_id("drop-rate")
        box = slider.bounding_box()
        assert box
        y = box["y"] + box["height"] / 2
        page.page.mouse.move(box["x"] + box["width"] * 0.5, y)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + box["width"] * 0.93, y, steps=40)
        rate = float(slider.input_value())
        # The finger is still there.
        expect(picture(page).locator(".name")).to_contain_text(str(rate))
        page.page.mouse.up()
        finely_drawn(page)
    assert rate > 0.85
    # Coarse while it moved, fine at rest, and never a queue of all the moves.
    assert bodies[0]["n"] == 128
    assert bodies[-1]["n"] == 256
    assert bodies[-1]["runs"][1]["drop_rate"] == rate
    assert len(bodies) < 40
    after = shares(page.card("r2").get_by_test_id("reach").inner_text())
    assert after < before - 0.2
    assert page.ink(picture(page)) / 256**2 == pytest.approx(after, abs=NEAR)
    script = "([e, rate]) => e.__lrd.experiment.runs[1].drop_rate === rate"
    page.page.wait_for_function(script, arg=[page["workbench"].element_handle(), rate])
    assert page.experiment()["runs"][1]["drop_rate"] == rate


def test_starts_steps_masks_and_seeds_are_chosen(server: Server, visit: Visit) -> None:
    page = open_basins(server, visit, himmelblau(server, 0, 0.5))
    pick(page, "starts", "64")
    finely_drawn(page, n=64)
    with asked(page) as bodies:
        page["mask-seeds"].click()
        expect(page["verdict"]).to_contain_text("20 mask seeds, 95 % intervals", timeout=COMPILED)
    assert [body["seed"] for body in bodies] == list(range(1, 20))
    expect(page["verdict"]).to_contain_text(re.compile(r"\[[+−±][\d.]+, [+−±][\d.]+\] steps"))

    page["chip-steps"].click()
    field = page["problem-steps"]
    field.fill("5001")
    field.press("Enter")
    expect(page["error"]).to_contain_text("steps is 5001; it must be a whole number from 1 to 5000")
    with asked(page) as bodies:
        field.fill("40")
        field.press("Enter")
        expect(page["chip-steps"]).to_contain_text("40")
        pick(page, "masks", "shared")
        expect(page["verdict"]).to_contain_text("under the same masks, one mask seed")
    assert (bodies[-1]["steps"], bodies[-1]["masks"]) == (40, "shared")
    assert shares(page.card("r1").get_by_test_id("reach").inner_text()) < 0.9

    # More than the server computes: it says so, and the pictures stay.
    page["chip-steps"].click()
    field.fill("5000")
    field.press("Enter")
    expect(page["chip-steps"]).to_contain_text("5000")
    pick(page, "starts", "512")
    expect(page["basins-trouble"]).to_contain_text(re.compile("steps.*5000"))
    expect(page["basins-time"]).to_have_text("not up to date")
    expect(picture(page).locator("canvas")).to_be_visible()
    pick(page, "starts", "64")
    finely_drawn(page, n=64)
    expect(page["basins-trouble"]).to_have_count(0)


def test_a_slow_first_answer_leaves_everything_in_its_place(server: Server, visit: Visit) -> None:
    page = visit(server, f"/?experiment={himmelblau(server, 0, 0.5)}")
    held: list[Route] = []
    page.page.route("**/api/swarms", lambda route: held.append(route))
    page["view-basins"].click()
    expect(page["basins-slow"]).to_contain_text("compiled")
    expect(page["basins-time"]).to_have_text(re.compile(r"preparing · \d+ s so far"))
    parts = (picture(page).locator(".basin-frame"), page["verdict"], page["basin-legend"])
    before = [part.bounding_box() for part in parts]
    held[0].continue_()
    finely_drawn(page)
    expect(page["basins-slow"]).to_have_count(0)
    assert [part.bounding_box() for part in parts] == before


@pytest.mark.parametrize("runs", [4, 16])
def test_it_fits_a_desktop_window(server: Server, visit: Visit, runs: int) -> None:
    id = himmelblau(server, *[0.05 * i for i in range(runs)])
    page = open_basins(server, visit, id, color_scheme="dark")
    finely_drawn(page, f"r{runs}")
    expect(page["basin"]).to_have_count(runs)
    assert page.overflow() == 0
    # Cards of many runs scroll in their own column.
    assert [part for part in page.scrolls() if "runs" not in part] == []
    for part in (*page["basin"].all(), page.chart("reached"), page["verdict"]):
        expect(part).to_be_in_viewport(ratio=1)


def test_a_phone_shows_the_chosen_run(server: Server, visit: Visit) -> None:
    page = open_basins(server, visit, himmelblau(server, 0, 0.5, 0.9), phone=True)
    expect(page["basin"]).to_have_count(1)
    page.page.locator("[data-testid=run-chip][data-run=r3]").click()
    finely_drawn(page, "r3")
    reach = page.card("r3").get_by_test_id("reach")
    expect(reach).to_have_text(re.compile("%"))

    def agrees() -> bool:
        reached = shares(reach.inner_text())
        return abs(page.ink(picture(page, "r3")) / 256**2 - reached) <= NEAR

    until(agrees, what="a picture of what its card says")
    until(lambda: page.overflow() == 0, what="a page as wide as its window")
    expect(page.card("r3").get_by_test_id("drop-rate")).to_be_in_viewport(ratio=1)


def test_the_sliders_of_an_ended_experiment_ask_what_if(server: Server, visit: Visit) -> None:
    id = himmelblau(server, 0, 0.5)
    server.control(id, kind="stop")
    page = open_basins(server, visit, id)
    finely_drawn(page)
    card = page.card("r2")
    before = card.get_by_test_id("reach").inner_text()
    expect(card.get_by_test_id("what-if")).to_contain_text("it trained at 0.50")
    expect(card.get_by_test_id("what-if-back")).to_be_hidden()
    place = card.bounding_box()
    page.slide("r2", 0.9)
    expect(picture(page).locator(".name")).to_contain_text("0.9")
    finely_drawn(page)
    assert shares(card.get_by_test_id("reach").inner_text()) < shares(before) - 0.2
    assert card.bounding_box() == place
    assert page.experiment()["runs"][1]["drop_rate"] == 0.5
    assert page.experiment()["state"] == "cancelled"
    card.get_by_test_id("what-if-back").click()
    expect(card.get_by_test_id("drop-rate")).to_have_value("0.5")
    expect(card.get_by_test_id("reach")).to_have_text(before)
    # Among the paths the slider moves a training, and there is none.
    page["view-paths"].click()
    expect(card.get_by_test_id("drop-rate")).to_be_disabled()
    expect(card.get_by_test_id("what-if")).to_have_count(0)


def test_a_zoom_stays_when_new_pictures_come(server: Server, visit: Visit) -> None:
    page = open_basins(server, visit, himmelblau(server, 0, 0.5))
    finely_drawn(page)
    plot = page.plot("reached")
    y = plot["y"] + plot["height"] / 2
    page.page.mouse.move(plot["x"] + 0.2 * plot["width"], y)
    page.page.mouse.down()
    page.page.mouse.move(plot["x"] + 0.6 * plot["width"], y, steps=4)
    page.page.mouse.up()
    back = page.chart("reached").get_by_role("button", name="reset zoom")
    expect(back).to_be_visible()
    middle = page.hovered("reached", 0.5)
    assert middle == pytest.approx(200, abs=3)
    page.slide("r2", 0.8)
    expect(picture(page).locator(".name")).to_contain_text("0.8")
    finely_drawn(page)
    expect(back).to_be_visible()
    assert page.hovered("reached", 0.5) == middle
    # Fewer steps than are looked at: there is nothing left to zoom into.
    page["chip-steps"].click()
    page["problem-steps"].fill("100")
    page["problem-steps"].press("Enter")
    expect(back).to_be_hidden(timeout=COMPILED)


def test_space_and_arrows_leave_the_unseen_training_alone(server: Server, visit: Visit) -> None:
    page = open_basins(server, visit, himmelblau(server, 0, 0.5))
    with controls(page) as sent:
        # A button that has the focus would take the space.
        page["basin-legend"].click()
        for key in ("Space", "ArrowRight", "ArrowLeft", "f"):
            page.page.keyboard.press(key)
        page["view-paths"].click()
        page.page.locator(".formula").click()
        page.page.keyboard.press("Space")
        page.expect_status("paused")
    # The map asks for its arrows, which changes no training.
    assert [one["kind"] for one in sent if one["kind"] != "watch"] == ["pause"]
    expect(page["back-to-live"]).to_have_count(0)


def test_what_pictures_need_is_compiled_before_they_are_asked_for(
    server: Server, visit: Visit
) -> None:
    id = himmelblau(server, 0, 0.5)
    page = visit(server, f"/?experiment={id}")
    with page.page.expect_response("**/api/swarms", timeout=COMPILED) as found:
        expect(page["surface-map"]).to_be_visible()
    asked_for = json.loads(found.value.request.post_data or "")
    assert (asked_for["n"], asked_for["steps"], len(asked_for["runs"])) == (16, 1, 1)
    assert found.value.ok
