"""A person names an experiment, tags it, finds it by its tag, deletes it and brings it back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]


def test_words_are_kept_and_a_deleted_experiment_comes_back(server: Server, visit: Visit) -> None:
    ids = [server.create(problem="booth", speed=0, steps=20, seed=s)["id"] for s in (41, 42)]
    for id in ids:
        server.state(id, "finished")
    page = visit(server, f"/?experiment={ids[0]}")
    page.page.get_by_role("link", name="Experiments").click()
    row, other = (page.page.locator(f'[data-experiment="{id}"]') for id in ids)
    row.get_by_test_id("words").click()
    expect(page["words-name"]).to_be_focused()
    page["words-name"].fill("The valley")
    page["words-tags"].fill("for class, with,comma")
    page["words-notes"].fill("Look at step 12.")
    page["words-save"].click()
    expect(page["words-save"]).to_have_count(0)
    expect(row.get_by_role("link").first).to_have_text("The valley")
    expect(row.get_by_test_id("tag")).to_have_text(["for class", "with", "comma"])
    found = server.experiment(ids[0])
    assert (found["name"], found["notes"]) == ("The valley", "Look at step 12.")
    row.get_by_test_id("tag").first.click()
    expect(other).to_have_count(0)
    expect(row).to_be_visible()

    row.get_by_test_id("words").click()
    page["words-tags"].fill("x" * 41)
    page["words-save"].click()
    expect(page.page.get_by_role("alert").filter(has_text="tags")).to_contain_text(
        "1 to 40 characters"
    )
    page["delete"].click()
    expect(row).to_have_count(0)
    assert ids[0] not in [one["id"] for one in server.get("/api/experiments")]
    page["undo-delete"].click()
    expect(row.get_by_role("link").first).to_have_text("The valley")
