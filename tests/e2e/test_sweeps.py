"""Sweeps: two clicks to a map that fills, a cell's curves, and back again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser

DROP = {"setting": "drop_rate", "values": [0.0, 0.5, 0.9]}


def test_a_sweep_is_filled_in_started_walked_over_and_deleted(
    server: Server, visit: Callable[..., Dashboard]
) -> None:
    board = visit(server, "/train")
    board.page.get_by_role("link", name="Sweeps").click()
    # What is filled in could start at once; here it is made small.
    expect(board["sweep-cost"]).to_contain_text("90 cells × 3 seeds of 900 steps")
    board["sweep-x-list"].fill("0 0.5 x")
    expect(board["sweep-x"].get_by_test_id("error")).to_contain_text("“x” is no number")
    expect(board["start-sweep"]).to_be_disabled()
    board["sweep-x-list"].fill("0 0.5")
    board["sweep-y-from"].fill("0.003")
    board["sweep-y-to"].fill("1000")
    board["sweep-y-count"].fill("2")
    expect(board["sweep-y-list"]).to_have_value("0.003  1000")
    # Another problem, or optimizer, has other learning rates.
    board["sweep-problem"].select_option("matrix-factorisation")
    board["sweep-optimizer"].select_option("sgd")
    expect(board["sweep-y-from"]).not_to_have_value("0.003")
    # Enough steps to have a held-out row.
    board["sweep-steps"].fill("60")
    board["sweep-y-list"].fill("0.01 2000")
    board["start-sweep"].click()
    # What the server refuses stands beside its field.
    expect(board["sweep-y"].get_by_test_id("error")).to_contain_text("y.values.1: 2000")
    board["sweep-y-list"].fill("0.01 100")
    board["start-sweep"].click()

    expect(board["sweep-state"]).to_contain_text("finished")
    cells = board["cell"]
    expect(cells).to_have_count(4)
    expect(board.page.locator("[data-testid=cell][data-state=diverged]").first).to_have_attribute(
        "aria-label", re.compile(r"learning rate 100; diverged at step \d+")
    )
    expect(board.page.locator("[data-testid=cell][data-best=true]")).to_have_count(1)
    expect(board["sweep-verdict"]).to_contain_text("Best: drop rate")
    expect(board["heat-legend"]).to_contain_text("diverged")
    # Once all is trained the best cell is shown; a person chooses another with the keys.
    expect(board["cell-panel"]).to_contain_text("the best cell")
    board.page.locator('[data-cell="0.0"]').first.click()
    board.page.keyboard.press("ArrowRight")
    expect(board["cell-tip"]).to_contain_text(re.compile(r"0\.5.*sd .*, 3 seeds", re.DOTALL))
    board.page.keyboard.press("Enter")
    expect(board["cell-panel"]).to_have_attribute("data-cell", "1.0")
    board.page.wait_for_url(re.compile(r"sweep=\w+&cell=1\.0"))
    assert board.ink(board.chart("loss")) > 0
    way = board["open-experiment"].get_attribute("href") or ""
    compared = board["compare-cell"].get_attribute("href") or ""
    id = way.partition("experiment=")[2]
    assert server.experiment(id)["runs"][1]["drop_rate"] == 0.5
    assert f"runs={id}.r2,{id}.r1" in compared

    # Whoever opens the address sees the same, in the colours that were chosen.
    board["sweep-by"].select_option("loss")
    board.page.wait_for_url(re.compile(r"by=loss"))
    again = visit(server, board.page.url.removeprefix(server.url), phone=True)
    expect(again["heat-legend"]).to_contain_text("train loss")
    expect(again["cell-panel"]).to_have_attribute("data-cell", "1.0")
    assert again.overflow() == 0

    board["sweep-more"].click()
    with board.page.expect_download() as got:
        board["sweep-csv"].click()
    text = got.value.path().read_text(encoding="utf-8")
    assert text.startswith("drop_rate,lr,state,step,diverged_step,test_loss,test_loss_sd")
    assert len(text.splitlines()) == 5
    board["delete-sweep"].click()
    expect(board["sweep-item"]).to_have_count(0)
    board["undo-delete"].click()
    expect(board["cell"]).to_have_count(4)


def test_a_sweep_fills_while_it_trains_and_is_stopped(
    server: Server, visit: Callable[..., Dashboard]
) -> None:
    y = {"setting": "lr", "values": [0.001, 0.003]}
    made = server.post("/api/sweeps", 201, x=DROP, y=y, steps=100_000)
    board = visit(server, f"/sweeps?sweep={made['id']}")
    cell = board.page.locator('[data-testid=cell][data-cell="0.0"]')
    expect(cell).to_have_attribute("data-state", "running")
    expect(cell).to_have_attribute("aria-label", re.compile("test loss .*training, step"))
    before = cell.get_attribute("aria-label")
    expect(cell).not_to_have_attribute("aria-label", before or "")
    expect(board["even-line"]).to_be_attached()
    board["stop-sweep"].click()
    expect(board["sweep-state"]).to_contain_text("stopped at")
    expect(board["resume-sweep"]).to_be_visible()
    assert server.get(f"/api/sweeps/{made['id']}")["state"] == "stopped"
