"""The first minute: a comparison runs before anything is clicked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]


@pytest.mark.parametrize("path", ["/", "/train"])
def test_a_first_visit_sees_four_runs_and_their_curves_grow(
    server: Server, visit: Visit, path: str
) -> None:
    page = visit(server, path)
    expect(page["run-card"]).to_have_count(4)
    page.wait_rows("r4", 10)
    before = page.rows("r4")
    page.wait_rows("r4", max(before) + 20)
    after = page.rows("r4")
    assert len(after) >= len(before) + 20
    assert {step: after[step] for step in before} == before
    assert page.ink(page.chart("loss")) > 1000
    page.wait_probe("$.drawn > 5")
    assert page.step >= max(before)


def test_the_address_holds_the_experiment_and_a_second_visitor_joins_it(
    server: Server, visit: Visit
) -> None:
    one = visit(server)
    other = visit(server)
    assert one.id == other.id
    one.expect_status("2 watching")


def test_train_compares_adam_with_lrd_and_with_the_fair_baseline(
    server: Server, visit: Visit
) -> None:
    page = visit(server, "/train")
    names = [card.get_attribute("aria-label") for card in page["run-card"].all()]
    assert names == ["Adam", "Adam + LRD", "Adam, lr ÷ 2", "SGD momentum + LRD"]
    for chart in ("loss", "accuracy", "kept", "trajectories", "mask"):
        expect(page.chart(chart)).to_be_visible()


def test_the_pages_of_the_header_share_one_workbench(server: Server, visit: Visit) -> None:
    page = visit(server)
    explored = page.id
    page.wait_rows("r1", 5)
    page.page.get_by_role("link", name="Train").click()
    expect(page["problem"]).to_contain_text("Digits")
    page.wait_rows("r1", 5)
    assert page.id != explored
    page.page.get_by_role("link", name="Experiments").click()
    rows = page["experiment-row"]
    expect(rows.first).to_be_visible()
    page.page.locator(f'[data-experiment="{explored}"] a').first.click()
    page.page.wait_for_url(f"**experiment={explored}**")
    page.wait_rows("r1", 5)


def test_one_sentence_says_how_sure_we_are(server: Server, visit: Visit) -> None:
    page = visit(server)
    expect(page["verdict"]).to_contain_text("seed")
    page = visit(server, "/train")
    expect(page["verdict"]).to_contain_text("seed")
