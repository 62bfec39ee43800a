"""axe-core finds nothing on any page, in both themes, nor in what opens on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.backend.server import ROOT, Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
AXE = Path(ROOT / "frontend/live/node_modules/axe-core/axe.min.js")
#: What is there once a page is ready, by path; ``{surface}`` and ``{task}`` are experiments.
PAGES = {
    "/?experiment={surface}": "surface-map",
    "/?experiment={surface}&view=basins": "basin-numbers",
    "/train?experiment={task}": "mask-facts",
    "/train?experiment={task}&lecture=1": "board",
    "/lessons": "lesson-card",
    "/lessons?lesson=ravine": "lesson-step",
    "/experiments": "experiment-row",
    "/compare?add={task}": "compare-line",
    "/sweeps": "sweep-form",
}


def faults(page: Page) -> list[str]:
    """Violations: rule, where, and why."""
    # Not as a script of the page: its policy allows none but its own.
    page.evaluate(f"(() => {{ {AXE.read_text()} }})()")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:300]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


#: What opens on Train: the button, and what is there then.
OPENED = {
    "keys": "key-help",
    "share": "copy-python",
    "run-menu": "remove-run",
    "fork-here": "fork-form",
    "export": "export-png",
}


@pytest.fixture(scope="module")
def shown(dashboard_server: Server) -> dict[str, str]:
    """Experiments that stay as they are."""
    made = {}
    for kind, given in (("surface", {"problem": "beale"}), ("task", {"problem": "digits"})):
        id = dashboard_server.create(**given, speed=0, steps=60)["id"]
        dashboard_server.state(id, "finished")
        made[kind] = id
    return made


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_anybody_out(
    server: Server, visit: Visit, shown: dict[str, str], theme: str
) -> None:
    page = visit(server, "/train?experiment={task}".format(**shown), color_scheme=theme)
    problems = {}
    for path, ready in PAGES.items():
        page.page.goto(server.url + path.format(**shown))
        expect(page[ready].first).to_be_visible()
        problems[path] = faults(page.page)
        if (theme, ready) == ("dark", "mask-facts"):
            for button, opened in OPENED.items():
                page[button].first.click()
                expect(page[opened].first).to_be_visible()
                problems[button] = faults(page.page)
                page.page.keyboard.press("Escape")
                expect(page[opened]).to_have_count(0 if button != "keys" else 1)
    assert {path: found for path, found in problems.items() if found} == {}
