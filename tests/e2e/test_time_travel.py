"""A person goes back: forks at a step, undoes a change, resumes what was killed; and waits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server, running_server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
RUNS = [{"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.5}]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one place, whose worker a test may kill."""
    folder = tmp_path_factory.mktemp("narrow")
    with running_server(folder, dashboard=True, max_jobs=1) as server:
        yield server


def digits(server: Server, **given: Any) -> str:
    given = {"problem": "digits", "steps": 100_000, "speed": 60, "runs": RUNS} | given
    return str(server.create(**given)["id"])


def losses(server: Server, id: str, run: str, last: int | None = None) -> dict[int, float]:
    """A run's own rows as they are stored."""
    query = {"run": run, "columns": "loss"} | ({"last": last} if last else {})
    found = server.get(f"/api/experiments/{id}/series", **query)["columns"]["loss"]
    return dict(zip(found["steps"], found["values"], strict=True))


def look_at(page: Dashboard, step: int) -> None:
    """Scrub to a step, a multiple of 20 and 1."""
    slider = page["history-bar"].get_by_role("slider")
    slider.press("Home")
    for _ in range(step // 20):
        slider.press("PageUp")
    expect(page["step"]).to_have_text(str(step))


def cards(page: Dashboard) -> list[str | None]:
    return [card.get_attribute("data-run") for card in page["run-card"].all()]


def test_a_fork_with_nothing_changed_is_its_parent_again(server: Server, visit: Visit) -> None:
    id = digits(server, speed=200)
    page = visit(server, f"/train?experiment={id}")
    page.wait_rows("r2", 160)
    look_at(page, 101)
    page.page.keyboard.press("f")
    expect(page["fork-form"]).to_contain_text("Fork at step 101")
    page.page.keyboard.press("Enter")
    expect(page["run-card"]).to_have_count(3)
    expect(page.card("r3").get_by_test_id("origin")).to_have_text("from Adam + LRD at step 101")
    assert cards(page) == ["r1", "r2", "r3"]
    expect(page["back-to-live"]).to_have_count(0)
    page.wait_rows("r3", 240)
    parent, own = losses(server, id, "r2", 240), losses(server, id, "r3", 240)
    assert own == {step: parent[step] for step in range(102, 241)}
    shown, before = page.rows("r3"), page.rows("r2")
    assert list(shown)[:240] == list(range(1, 241))
    assert {step: shown[step] for step in range(1, 241)} == {
        step: before[step] for step in range(1, 241)
    }
    for column in ("test_accuracy", "keep_rate"):
        theirs = page.rows("r2", column)
        mine = page.rows("r3", column)
        assert {s: v for s, v in mine.items() if s <= 200} == {
            s: v for s, v in theirs.items() if s <= 200
        }
    page.card("r3").get_by_test_id("run-menu").click()
    expect(page["replay"]).to_contain_text("Replay equal")
    expect(page["replay-differs"]).to_have_count(0)
    page.page.keyboard.press("Escape")
    expect(page["checkpoints"].locator("i")).not_to_have_count(0)


def test_two_clicks_fork_with_another_drop_rate(server: Server, visit: Visit) -> None:
    page = visit(server, f"/train?experiment={digits(server)}")
    page.wait_rows("r1", 60)
    page.card("r2").locator(".card-name").click()
    look_at(page, 41)
    page["fork-here"].click()
    expect(page["fork-run"]).to_have_value("r2")
    expect(page["fork-drop-rate"]).to_be_focused()
    page["fork-drop-rate"].fill("1.5")
    page["fork"].click()
    expect(page["error"]).to_have_text(re.compile(r"^drop_rate: 1\.5 is not allowed"))
    assert len(page.experiment()["runs"]) == 2
    page["fork-drop-rate"].fill("0.9")
    page["fork"].click()
    expect(page["fork-form"]).to_have_count(0)
    page.wait_rows("r3", 81)
    made = page.experiment()["runs"][2]
    assert (made["parent"], made["fork_step"], made["drop_rate"]) == ("r2", 41, 0.9)
    rates = page.rows("r3", "drop_rate")
    assert [rates[41], rates[42]] == pytest.approx([0.5, 0.9])
    assert page.rows("r2", "drop_rate")[42] == pytest.approx(0.5)
    expect(page["history-bar"]).to_contain_text("fork: Adam + LRD, from 41")
    # Each point of the past is drawn once: a fork's line begins where it leaves its parent's.
    assert page.rows("r3")[20] == page.rows("r2")[20]


def test_a_change_of_the_drop_rate_is_undone_as_if_it_had_not_been(
    server: Server, visit: Visit
) -> None:
    id = digits(server)
    page = visit(server, f"/train?experiment={id}")
    page.wait_rows("r2", 40)
    page.slide("r2", 0.9)
    expect(page["mark"]).to_have_count(1)
    page.wait_rows("r2", max(page.rows("r2")) + 30)
    page["mark"].click()
    expect(page["mark-about"]).to_contain_text("Adam + LRD: drop rate 0.5 → 0.9")
    expect(page["mark-about"]).to_contain_text("by you")
    page["go-back"].click()
    expect(page.card("r3")).to_be_visible()
    expect(page.card("r2")).to_have_count(0)
    made = page.experiment()["runs"][2]
    step = made["fork_step"]
    first = losses(server, id, "r2")
    assert (made["parent"], made["drop_rate"]) == ("r2", 0.5)
    page.wait_rows("r3", step + 20)
    reference = digits(server, speed=0, steps=max(first))
    server.state(reference, "finished")
    unchanged = losses(server, reference, "r2")
    own = losses(server, id, "r3", step + 20)
    assert own == {s: unchanged[s] for s in range(step + 1, step + 21)}
    assert {s: first[s] for s in range(1, step + 1)} == {
        s: unchanged[s] for s in range(1, step + 1)
    }
    assert first[max(first)] != unchanged[max(first)]
    assert page.rows("r3")[1] == unchanged[1]
    page.page.get_by_title(re.compile("removed Adam")).click()
    page["mark-restore"].click()
    expect(page.card("r2")).to_be_visible()


def test_an_ended_experiment_is_forked_from_its_page(server: Server, visit: Visit) -> None:
    id = digits(server, speed=0, steps=120)
    server.state(id, "finished")
    server.control(id, kind="stop")
    page = visit(server, f"/train?experiment={id}")
    page.wait_rows("r1", 120)
    look_at(page, 61)
    page["fork-here"].click()
    page["fork-drop-rate"].fill("0.25")
    page["fork"].click()
    page.wait_rows("r3", 120)
    assert losses(server, id, "r3").keys() == set(range(62, 121))


def test_after_kill_9_the_page_lets_it_go_on_to_the_same_end(narrow: Server, visit: Visit) -> None:
    reference = digits(narrow, speed=0, steps=300)
    narrow.state(reference, "finished")
    whole = {run: losses(narrow, reference, run) for run in ("r1", "r2")}
    narrow.control(reference, kind="stop")
    id = digits(narrow, steps=300, speed=20, paused=True)
    page = visit(narrow, f"/train?experiment={id}")
    page["play"].click()
    page.wait_rows("r2", 50)
    [worker] = narrow.workers()
    worker.kill()
    page.expect_status("failed")
    expect(page["ended"]).to_contain_text("is kept")
    page["resume"].click()
    page.expect_status("live", timeout=60_000)
    expect(page["ended"]).to_have_count(0)
    narrow.control(id, kind="speed", value=0)
    for run in ("r1", "r2"):
        page.wait_rows(run, 300)
        assert losses(narrow, id, run) == whole[run]
        assert list(page.rows(run)) == list(range(1, 301))
    narrow.control(id, kind="stop")


def test_who_finds_no_place_is_seen_to_wait_and_can_be_cancelled(
    narrow: Server, visit: Visit
) -> None:
    first = digits(narrow, speed=1)
    waiting = [
        narrow.client.post("/api/experiments", json={"problem": "digits", "speed": 60}).json()["id"]
        for _ in range(2)
    ]
    page = visit(narrow, f"/train?experiment={waiting[0]}")
    page.expect_status("queued")
    expect(page["queued"]).to_contain_text("Waits for a place")
    expect(page["play"]).to_be_disabled()
    page["jobs-open"].click()
    expect(page["job"]).to_have_count(3)
    own = page.page.locator(f"[data-testid=job][data-job='{first}']")
    expect(own).to_contain_text(re.compile(r"running · step \d+ of 100\s000"))
    expect(own).to_contain_text(re.compile(r"cpu · 1 thread · \d+\s% of a core · \d+ MB"))
    expect(page["device-use"].first).to_contain_text("cpu · ")
    last = page.page.locator(f"[data-testid=job][data-job='{waiting[1]}']")
    expect(last).to_contain_text("queued · 1 before it")
    last.get_by_test_id("cancel-job").click()
    expect(page["job"]).to_have_count(2)
    assert narrow.experiment(waiting[1])["state"] == "cancelled"
    page.page.keyboard.press("Escape")
    narrow.control(first, kind="stop")
    page.expect_status("live", timeout=60_000)
    page.wait_rows("r1", 5)
    narrow.control(waiting[0], kind="stop")


def test_a_mark_below_the_thumb_opens_and_can_be_dragged_away_from(
    server: Server, visit: Visit
) -> None:
    page = visit(server, f"/train?experiment={digits(server)}")
    page.wait_rows("r2", 40)
    page.slide("r2", 0.9)
    mark = page["mark"]
    expect(mark).to_have_count(1)
    # The thumb stays where it lies above the mark: the whole bar has 100 000 steps.
    page["play"].click()
    box = mark.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.click(x, y)
    expect(page["mark-about"]).to_contain_text("drop rate 0.5 → 0.9")
    expect(page["back-to-live"]).to_have_count(0)
    page.page.keyboard.press("Escape")
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x - 10, y, steps=4)
    page.page.mouse.up()
    expect(page["back-to-live"]).to_be_visible()
    expect(page["mark-about"]).to_have_count(0)
