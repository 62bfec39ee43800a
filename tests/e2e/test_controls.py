"""A person moves what trains, and sees it happen."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.backend.server import ROOT, Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
CLIPBOARD = ["clipboard-read", "clipboard-write"]


def digits(server: Server, **given: Any) -> str:
    return str(server.create(**({"problem": "digits", "steps": 100_000} | given))["id"])


def test_the_kept_share_follows_the_slider_within_a_second(server: Server, visit: Visit) -> None:
    page = visit(server, f"/train?experiment={digits(server, speed=60)}")
    page.wait_rows("r2", 30)
    page.slide("r2", 0.9)
    page.page.wait_for_function(
        "e => { const c = e.__lrd.rows('r2', 'keep_rate'); return c.values.at(-1) < 0.15; }",
        arg=page["workbench"].element_handle(),
        timeout=1000,
    )
    kept = page.rows("r2", "keep_rate")
    rates = page.rows("r2", "drop_rate")
    changed = min(step for step, rate in rates.items() if rate == pytest.approx(0.9))
    assert kept[changed] == pytest.approx(0.1, abs=0.03)
    assert kept[changed - 1] == pytest.approx(0.5, abs=0.05)
    expect(page["mark"]).to_have_count(1)
    expect(page["history-bar"]).to_contain_text("drop rate 0.5 → 0.9")
    expect(page.card("r2").get_by_test_id("kept")).to_have_text(re.compile(r"^1\d\s%$"))


def test_pause_one_step_and_resume(server: Server, visit: Visit) -> None:
    page = visit(server, f"/train?experiment={digits(server, speed=60)}")
    page.wait_rows("r1", 10)
    step = page.pause()
    expect(page["step"]).to_have_text(re.compile(rf"^{step}$"))
    for more in (1, 2):
        page["step-once"].click()
        expect(page["step"]).to_have_text(re.compile(rf"^{step + more}$"))
    page.expect_status("paused")
    assert max(page.rows("r1")) == step + 2
    page["play"].click()
    page.expect_status("live")
    page.wait_rows("r4", step + 10)


def test_the_keyboard_plays_and_steps(server: Server, visit: Visit) -> None:
    id = digits(server, paused=True)
    page = visit(server, f"/train?experiment={id}")
    page.expect_status("paused")
    page.page.keyboard.press("ArrowRight")
    expect(page["step"]).to_have_text("1")
    # The step's row comes before the pause after it.
    server.state(id, "paused")
    page.expect_status("paused")
    page.page.keyboard.press("Space")
    page.expect_status("live")
    page.page.keyboard.press("Space")
    page.expect_status("paused")


def test_adding_a_run_offers_the_fair_baseline_first(server: Server, visit: Visit) -> None:
    id = digits(server, speed=60, runs=[
        {"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.75, "settings": {"lr": 0.004}},
    ])  # fmt: skip
    page = visit(server, f"/train?experiment={id}")
    page.wait_rows("r2", 20)
    page["add-run"].click()
    first = page.page.locator("[data-testid=add-fair-baseline], [data-testid=add-any]").first
    assert first.get_attribute("data-testid") == "add-fair-baseline"
    expect(first).to_have_text("Add Adam at lr 0.001")
    first.click()
    expect(page["run-card"]).to_have_count(3)
    page.wait_rows("r3", max(page.rows("r1")))
    added = page.experiment()["runs"][2]
    assert (added["settings"]["lr"], added["drop_rate"]) == (0.001, 0.0)
    assert min(page.rows("r3")) == 1


def test_any_optimizer_with_any_policy_is_added_by_the_form_and_trains(
    server: Server, visit: Visit
) -> None:
    page = visit(
        server, f"/train?experiment={digits(server, speed=60, runs=[{'optimizer': 'adam'}])}"
    )
    page.wait_rows("r1", 10)
    page["add-run"].click()
    known = server.get("/api/catalogue")
    for menu, told in (("add-optimizer", "optimizers"), ("add-policy", "policies")):
        labels = [one["label"] for one in known[told]]
        expect(page[menu].locator("option")).to_have_text(labels)
    page["add-optimizer"].select_option("sgd")
    page["add-more-settings"].click()
    page["add-momentum"].fill("0.8")
    page["add-nesterov"].check()
    page["add-policy"].select_option("momentum_aligned")
    expect(page["add-run-form"]).to_contain_text("arXiv:2606.17526")
    page["add-policy-rest"].fill("2")
    page["add-any"].click()
    expect(page["error"]).to_have_text(re.compile(r"^policy_settings\.rest: 2 is not allowed"))
    page["add-policy-rest"].fill("0.2")
    page["add-any"].click()
    card = page.card("r2")
    expect(card).to_contain_text("SGD Nesterov + momentum-aligned")
    expect(card.get_by_test_id("policy")).to_have_text("momentum-aligned · rest 0.2")
    page.wait_rows("r2", 30)
    added = page.experiment()["runs"][1]
    assert (added["optimizer"], added["settings"]["momentum"]) == ("sgd", 0.8)
    assert (added["policy"], added["policy_settings"]) == ("momentum_aligned", {"rest": 0.2})
    losses = page.rows("r2")
    assert losses[max(losses)] < losses[1]
    expect(page.chart("mask")).to_contain_text("shade: size of the update")
    card.get_by_test_id("run-menu").click()
    page["setting-policy.rest"].fill("0.6")
    page["setting-policy.rest"].press("Enter")
    expect(card.get_by_test_id("policy")).to_have_text("momentum-aligned · rest 0.6")
    expect(page["history-bar"]).to_contain_text("rest 0.2 → 0.6")


def test_a_removed_run_comes_back_by_undo_with_its_history(server: Server, visit: Visit) -> None:
    page = visit(server, f"/train?experiment={digits(server, speed=60)}")
    page.wait_rows("r2", 10)
    page.card("r2").get_by_test_id("run-menu").click()
    page["remove-run"].click()
    expect(page["run-card"]).to_have_count(3)
    page["undo"].click()
    expect(page["run-card"]).to_have_count(4)
    page.wait_rows("r2", max(page.rows("r1")))
    rows = page.rows("r2")
    assert list(rows) == list(range(1, max(rows) + 1))


def test_a_new_seed_is_a_new_experiment_and_back_returns_to_the_old(
    server: Server, visit: Visit
) -> None:
    old = server.create(problem="beale", speed=60)["id"]
    page = visit(server, f"/?experiment={old}")
    page.wait_rows("r1", 10)
    page["reset"].click()
    page.page.wait_for_url(lambda url: old not in url)
    page.wait_rows("r1", 5)
    assert page.experiment()["seed"] == 1
    assert page.experiment()["replaces"] == old
    page.page.go_back()
    page.page.wait_for_url(f"**{old}**")
    page.wait_rows("r1", 10)
    assert page.experiment()["replaced_by"]


def test_another_surface_keeps_the_runs_and_fits_their_learning_rates(
    server: Server, visit: Visit
) -> None:
    runs = [{"optimizer": "adam"}, {"optimizer": "rmsprop", "drop_rate": 0.3}]
    old = server.create(problem="beale", speed=60, runs=runs)["id"]
    page = visit(server, f"/?experiment={old}")
    page.wait_rows("r1", 5)
    page["problem"].click()
    page.page.locator("[data-problem=himmelblau]").click()
    page.page.wait_for_url(lambda url: old not in url)
    page.wait_rows("r2", 5)
    new = page.experiment()
    catalogue = {one["name"]: one for one in server.get("/api/problems")}
    assert new["problem"] == "himmelblau"
    assert [(run["optimizer"], run["drop_rate"]) for run in new["runs"]] == [
        ("adam", 0.0), ("rmsprop", 0.3),
    ]  # fmt: skip
    for run in new["runs"]:
        expected = catalogue["himmelblau"]["suggested_lr"][run["optimizer"]]
        assert run["settings"]["lr"] == pytest.approx(expected)


def test_looking_back_moves_every_number_and_live_returns(server: Server, visit: Visit) -> None:
    page = visit(server, f"/?experiment={server.create(problem='beale', speed=0)['id']}")
    page.expect_status("finished")
    page.wait_rows("r4", 900)
    last = page.card("r1").get_by_test_id("loss").inner_text()
    slider = page["history-bar"].get_by_role("slider")
    slider.press("Home")
    expect(page["step"]).to_have_text("1")
    expect(page.card("r1").get_by_test_id("loss")).not_to_have_text(last)
    page["back-to-live"].click()
    expect(page["step"]).to_have_text("900")
    expect(page.card("r1").get_by_test_id("loss")).to_have_text(last)


def test_a_finished_experiment_goes_on(server: Server, visit: Visit) -> None:
    id = server.create(problem="beale", speed=0, steps=50)["id"]
    page = visit(server, f"/?experiment={id}")
    page.expect_status("finished")
    page["play"].click()
    page.wait_rows("r1", 60)


def test_the_copied_command_computes_the_same_numbers(server: Server, visit: Visit) -> None:
    id = digits(server, speed=60, steps=300)
    page = visit(server, f"/train?experiment={id}", permissions=CLIPBOARD)
    page.wait_rows("r2", 20)
    # The change is on its way when the slider has moved: the rest must not be over before.
    with page.page.expect_response(lambda response: response.url.endswith(f"/{id}/controls")):
        page.slide("r2", 0.8)
    page.server.control(id, kind="speed", value=0)
    page.expect_status("finished")
    page.wait_rows("r4", 300)
    page["share"].click()
    page["copy-command"].click()
    expect(page.page.get_by_text("lrd run --problem digits")).to_be_visible()
    expect(page.page.get_by_text("copied", exact=True)).to_be_visible()
    command = page.page.evaluate("navigator.clipboard.readText()")
    assert "drop_rate=0.8" in command
    words = re.sub(r"^lrd", f"{sys.executable} -m backend.cli", command) + " --json"
    done = subprocess.run(words, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    runs = json.loads(done.stdout)["runs"]
    for run in runs:
        assert run["loss"] == page.rows(run["id"], "loss")[300]
        assert run["test_loss"] == page.rows(run["id"], "test_loss")[300]
        assert run["test_accuracy"] == page.rows(run["id"], "test_accuracy")[300]
