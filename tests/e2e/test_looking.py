"""How it fits the window, and what a chart tells to whoever points at it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
PAGES = [("/", "surface-map"), ("/train", "chart")]


def cut_headers(page: Dashboard) -> list[str]:
    """Title lines of charts that are wider than their place."""
    script = (
        "e => [...e.querySelectorAll('.chart-header')]"
        ".filter(h => h.clientWidth > 0 && (h.scrollWidth > h.clientWidth + 1"
        " || h.getBoundingClientRect().right > h.parentElement.getBoundingClientRect().right + 1))"
        ".map(h => h.textContent)"
    )
    return list(page["workbench"].evaluate(script))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("path", "picture"), PAGES)
def test_everything_fits_a_desktop_window(
    server: Server, visit: Visit, path: str, picture: str, scheme: str
) -> None:
    page = visit(server, path, color_scheme=scheme)
    expect(page["workbench"]).to_have_css("color-scheme", scheme)
    expect(page["run-card"]).to_have_count(4)
    page.wait_rows("r4", 10)
    assert page.overflow() == 0
    assert page.scrolls() == []
    assert cut_headers(page) == []
    for part in (page[picture].first, page.chart("loss"), page["history-bar"], page["verdict"]):
        expect(part).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("path", ["/", "/train", "/experiments"])
def test_a_dark_phone_never_scrolls_sideways(server: Server, visit: Visit, path: str) -> None:
    page = visit(server, "/", phone=True, color_scheme="dark")
    page.page.goto(server.url + path)
    if path == "/experiments":
        expect(page["experiment-row"].first).to_be_visible()
    else:
        page.wait_rows("r1", 10)
        assert page.ink(page.chart("loss")) > 1000
    expect(page["workbench"]).to_have_css("color-scheme", "dark")
    assert page.overflow() == 0


def test_pointing_at_a_chart_shows_every_runs_value(server: Server, visit: Visit) -> None:
    id = server.create(problem="beale", speed=0)["id"]
    page = visit(server, f"/?experiment={id}")
    page.expect_status("finished")
    page.wait_rows("r4", 900)
    step = page.hovered("loss", 0.5)
    assert step == pytest.approx(450, abs=3)
    values = page.chart("loss").locator(".chart-hover td.value")
    expect(values).to_have_count(4)
    for index, text in enumerate(values.all_inner_texts()):
        shown = float(text.replace("\u2212", "-").replace("\u202f", ""))
        assert shown == pytest.approx(page.rows(f"r{index + 1}")[step], rel=0.01)
    page.page.mouse.move(5, 5)
    expect(page.chart("loss").locator(".chart-hover")).to_be_hidden()


def test_dragging_over_a_chart_zooms_and_a_double_click_returns(
    server: Server, visit: Visit
) -> None:
    id = server.create(problem="digits", speed=0, steps=900)["id"]
    page = visit(server, f"/train?experiment={id}")
    page.expect_status("finished")
    page.wait_rows("r4", 900)
    loss = page.chart("loss")
    back = loss.get_by_role("button", name="reset zoom")
    expect(back).to_be_hidden()
    assert page.hovered("loss", 0) <= 3
    assert page.hovered("loss", 1) >= 897
    page.hover("loss", 0.25)
    page.page.mouse.down()
    page.hover("loss", 0.4)
    page.hover("loss", 0.5)
    page.page.mouse.up()
    expect(back).to_be_visible()
    assert page.hovered("loss", 0) == pytest.approx(225, abs=5)
    assert page.hovered("loss", 1) == pytest.approx(450, abs=5)
    assert cut_headers(page) == []
    loss.locator(".u-over").dblclick()
    expect(back).to_be_hidden()
    assert page.hovered("loss", 0) <= 3
    assert page.hovered("loss", 1) >= 897
