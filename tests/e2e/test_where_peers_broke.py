"""Every break that was found in other programs, each as a test of ours."""

from __future__ import annotations

import math
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server, running_server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
TWO = [{"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.5}]


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may kill."""
    with running_server(tmp_path, dashboard=True) as server:
        yield server


def oldest_worker(server: Server) -> int:
    """The process that trains the server's first experiment; a warm spare is always younger."""
    return min(server.workers(), key=lambda worker: worker.create_time()).pid


def test_first_open_with_2000_steps_of_history(server: Server, visit: Visit) -> None:
    id = server.create(problem="beale", speed=0, steps=2000)["id"]
    server.state(id, "finished")
    page = visit(server, f"/?experiment={id}")
    page.wait_rows("r4", 2000, timeout=5000)
    for run in ("r1", "r4"):
        assert list(page.rows(run)) == list(range(1, 2001))
    assert page.ink(page.chart("loss")) > 1000
    assert page.step == 2000


def test_more_than_1000_points_and_still_live(server: Server, visit: Visit) -> None:
    id = server.create(problem="beale", speed=0, steps=100_000, runs=TWO)["id"]
    page = visit(server, f"/?experiment={id}")
    page.wait_rows("r2", 1500)
    drawn = page.drawn
    page.wait_rows("r2", 2500)
    page.wait_probe(f"$.drawn > {drawn}")
    rows = page.rows("r1")
    assert list(rows) == list(range(1, max(rows) + 1))


def test_one_nan_stops_one_run_and_nothing_else(server: Server, visit: Visit) -> None:
    runs = [{"optimizer": "sgd", "settings": {"lr": 900.0}}, *TWO]
    id = server.create(problem="beale", speed=60, runs=runs)["id"]
    page = visit(server, f"/?experiment={id}")
    expect(page.card("r1")).to_contain_text(re.compile("diverged", re.IGNORECASE))
    step = server.experiment(id)["runs"][0]["diverged_step"]
    expect(page.card("r1")).to_contain_text(str(step))
    page.wait_rows("r3", step + 60)
    assert len(page.rows("r1")) == step
    assert page.ink(page.chart("loss")) > 1000
    assert server.get(f"/api/experiments/{id}/series", run="r1", columns="loss")


def test_after_kill_9_of_the_worker_the_page_says_so(own_server: Server, visit: Visit) -> None:
    id = own_server.create(problem="digits", speed=60, steps=100_000)["id"]
    page = visit(own_server, f"/train?experiment={id}")
    page.wait_rows("r1", 60)
    before = page.rows("r1")
    os.kill(oldest_worker(own_server), signal.SIGKILL)
    page.expect_status("failed", timeout=2000)
    expect(page["ended"]).to_contain_text("kept", ignore_case=True)
    after = page.rows("r1")
    assert {step: after[step] for step in before} == before
    stored = own_server.experiment(id)
    assert (stored["state"], stored["step"]) == ("failed", max(after))
    assert own_server.get("/api/health")["status"] == "ok"
    page["start-again"].click()
    page.page.wait_for_url(lambda url: id not in url)
    page.wait_rows("r1", 5)


def test_server_restart_with_the_page_open(own_server: Server, visit: Visit) -> None:
    id = own_server.create(problem="digits", speed=60, steps=100_000)["id"]
    page = visit(own_server, f"/train?experiment={id}")
    page.wait_rows("r1", 30)
    own_server.kill()
    page.expect_status("reconnecting")
    assert page.ink(page.chart("loss")) > 1000
    own_server.start()
    page.expect_status("live")
    seen = max(page.rows("r1"))
    page.wait_rows("r4", seen + 30)
    for run in ("r1", "r4"):
        rows = page.rows(run)
        assert list(rows) == list(range(1, max(rows) + 1))


def test_two_people_do_not_overwrite_each_other(server: Server, visit: Visit) -> None:
    id = server.create(problem="digits", speed=20, steps=100_000)["id"]
    one, other = visit(server, f"/train?experiment={id}"), visit(server, f"/train?experiment={id}")
    one.card("r1").get_by_test_id("run-menu").click()
    field = one["setting-lr"]
    field.fill("0.0123")
    other.card("r1").get_by_test_id("run-menu").click()
    other["setting-lr"].fill("0.002")
    other["setting-lr"].press("Enter")
    expect(one.page.get_by_text("now 0.002")).to_be_visible()
    expect(field).to_have_value("0.0123")
    other.page.keyboard.press("Escape")
    other.slide("r2", 0.25)
    expect(one.card("r2").get_by_test_id("drop-rate")).to_have_value("0.25")
    field.press("Enter")
    expect(other.page.locator('[title*="0.002 → 0.0123"]')).to_be_attached()
    assert server.experiment(id)["runs"][0]["settings"]["lr"] == 0.0123


def test_a_page_opened_while_paused_is_full_and_its_controls_work(
    server: Server, visit: Visit
) -> None:
    id = server.create(problem="digits", speed=0, paused=True, steps=100_000)["id"]
    server.control(id, kind="step", value=120)
    server.state(id, "paused")
    page = visit(server, f"/train?experiment={id}")
    page.wait_rows("r4", 120)
    page.expect_status("paused")
    expect(page["step"]).to_have_text("120")
    assert page.ink(page.chart("loss")) > 1000
    for control in ("play", "step-once", "reset", "add-run", "speed"):
        expect(page[control]).to_be_enabled()
    expect(page["drop-rate"]).to_have_count(4)
    for control in page["drop-rate"].all():
        expect(control).to_be_enabled()
    page.slide("r2", 0.7)
    page["step-once"].click()
    page.wait_rows("r2", 121)
    assert page.rows("r2", "drop_rate")[121] == pytest.approx(0.7)


def test_every_setting_has_a_range_of_its_own(server: Server, visit: Visit) -> None:
    id = server.create(problem="digits", speed=20, steps=100_000)["id"]
    page = visit(server, f"/train?experiment={id}")
    page.card("r1").get_by_test_id("run-menu").click()
    decay = page["setting-weight_decay"]
    decay.fill("0.01")
    decay.press("Enter")
    expect(page.page.locator('[title*="0 → 0.01"]')).to_be_attached()
    for bad, words in (("1e6", "1000"), ("abc", "number"), ("-1", "[0")):
        page["setting-lr"].fill(bad)
        page["setting-lr"].press("Enter")
        expect(page["error"]).to_contain_text(words)
        expect(page["setting-lr"]).to_have_value(bad)
    assert server.experiment(id)["runs"][0]["settings"]["lr"] == 0.003
    assert server.experiment(id)["runs"][0]["settings"]["weight_decay"] == 0.01


def test_a_phone_shows_picture_charts_and_controls(server: Server, visit: Visit) -> None:
    for path in ("/", "/train"):
        page = visit(server, path, phone=True)
        page.wait_rows("r1", 20)
        picture = page["surface-map"] if path == "/" else page.chart("loss")
        expect(picture).to_be_in_viewport()
        assert page.ink(picture) > 1000
        expect(page["play"]).to_be_in_viewport(ratio=1)
        box = page["play"].bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert page.overflow() == 0
        page["run-chip"].nth(1).click()
        slider = page["drop-rate"].bounding_box()
        assert slider is not None
        assert slider["height"] >= 44


def test_a_dark_switch_repaints_everything(server: Server, visit: Visit) -> None:
    id = server.create(problem="beale", speed=0)["id"]
    page = visit(server, f"/?experiment={id}")
    page.expect_status("finished")
    page.wait_rows("r4", 900)
    brightness = (
        "e => { const c = [...e.querySelectorAll('canvas')].find(c => c.width > 50);"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let sum = 0, n = 0; for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200)"
        " { sum += d[i] + d[i + 1] + d[i + 2]; n += 3; } return n ? sum / n : -1; }"
    )
    surface, loss = page["surface-map"], page.chart("loss")
    light = surface.evaluate(brightness), loss.evaluate(brightness)
    page.page.emulate_media(color_scheme="dark")
    expect(page["workbench"]).to_have_css("color-scheme", "dark")
    page.page.wait_for_timeout(500)
    dark = surface.evaluate(brightness), loss.evaluate(brightness)
    assert dark[0] < light[0] - 60
    assert dark[1] != pytest.approx(light[1], abs=5)
    assert page.ink(loss) > 1000


def test_offline_every_sign_is_drawn_by_us(server: Server, visit: Visit) -> None:
    blocked: list[str] = []
    page = visit(server, blocked=blocked)
    page.wait_rows("r1", 10)
    page.card("r2").get_by_test_id("run-menu").click()
    expect(page["setting-lr"]).to_be_visible()
    text = page.page.inner_text("body") + page["workbench"].inner_text()
    assert "drop rate" in text
    # The names of an icon font's signs are what is read where the font is missing.
    for name in ("arrow_drop", "keyboard_", "expand_more", "play_arrow", "more_vert", "chevron_"):
        assert name not in text
    assert blocked == []
    # The block works: a page that is not ours may ask for another host, and is caught.
    other = page.page.context.new_page()
    assert other.evaluate("fetch('http://elsewhere.invalid/').then(() => false, () => true)")
    assert blocked == ["http://elsewhere.invalid/"]


def test_sixteen_runs_are_sixteen_signs(server: Server, visit: Visit) -> None:
    runs = [{"optimizer": "adam", "drop_rate": i / 20} for i in range(16)]
    id = server.create(problem="beale", speed=60, runs=runs)["id"]
    page = visit(server, f"/?experiment={id}")
    expect(page["run-card"]).to_have_count(16)
    signs = [card.locator("svg").first.inner_html() for card in page["run-card"].all()]
    assert len(set(signs)) == 16
    expect(page["add-run"]).to_be_disabled()
    expect(page["add-run"]).to_contain_text("16")


def test_nothing_is_smoothed_or_cut_unless_asked(server: Server, visit: Visit) -> None:
    id = server.create(problem="digits", speed=0, steps=200)["id"]
    page = visit(server, f"/train?experiment={id}")
    page.expect_status("finished")
    page.wait_rows("r4", 200)
    expect(page.page.get_by_label("smoothing")).to_have_count(1)
    expect(page.page.get_by_label("smoothing")).to_have_value("0")
    losses = [loss for run in ("r1", "r2", "r3", "r4") for loss in page.rows(run).values()]
    assert len(losses) == 800
    low, high = page.axis("loss")
    assert low <= min(losses) < max(losses) <= high
    # The extremes of the run with a colour of its own are there, not only the mean of its losses.
    rows = page.rows("r4")
    for step in (max(rows, key=lambda s: rows[s]), min(rows, key=lambda s: rows[s])):
        share = math.log(rows[step] / low) / math.log(high / low)
        assert coloured(page, step / 200, 1 - share), f"nothing is drawn at step {step}"
    assert not coloured(page, 0.1, 0.01)


def coloured(page: Dashboard, x: float, y: float) -> bool:
    """Whether the loss chart has ink of a colour at these shares of its plot's width and height."""
    script = """(e, [x, y]) => {
      const canvas = e.querySelector('canvas'), over = e.querySelector('.u-over');
      const whole = canvas.getBoundingClientRect(), plot = over.getBoundingClientRect();
      const ratio = canvas.width / whole.width;
      const left = (plot.left - whole.left + x * plot.width) * ratio;
      const top = (plot.top - whole.top + y * plot.height) * ratio;
      const near = 2;
      const { data } = canvas.getContext('2d').getImageData(
        Math.round(left) - near, Math.round(top) - near, 2 * near + 1, 2 * near + 1);
      for (let i = 0; i < data.length; i += 4) {
        const [r, g, b, a] = data.subarray(i, i + 4);
        if (a > 20 && Math.max(r, g, b) - Math.min(r, g, b) > 25) return true;
      }
      return false;
    }"""
    return bool(page.chart("loss").evaluate(script, [x, y]))
