"""The System panel: what the server measures of itself, beside the jobs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser

Visit = Callable[..., Dashboard]


@pytest.mark.parametrize(("phone", "scheme"), [(False, "light"), (True, "dark")])
def test_it_shows_live_figures_and_fits(
    server: Server, visit: Visit, phone: bool, scheme: str
) -> None:
    id = server.create(problem="beale", steps=1_000_000, speed=60)["id"]
    page = visit(server, f"/?experiment={id}", phone=phone, color_scheme=scheme)
    page.wait_rows("r1", 5)
    page["jobs-open"].click()
    expect(page["system-in"]).to_have_text(re.compile(r"^[\d.]+ frames/s · [\d.]+ k?B/s$"))
    expect(page["system-in"]).not_to_have_text(re.compile(r"^0 "))
    expect(page["system-out"]).to_have_text(re.compile(r"^[\d.]+ messages/s · [\d.]+ [kM]?B/s$"))
    expect(page["system-viewers"]).to_have_text(re.compile(r"^[1-9]"))
    expect(page["system-queue"]).to_be_visible()
    expect(page["system-lag"]).to_have_text(re.compile(r"^\d+ frames?$"))
    expect(page["system-store"]).to_have_text(re.compile(r"ms · p99 .+ ms$"))
    expect(page["system-fan-out"]).to_have_text(re.compile(r"ms · p99 .+ ms$"))
    expect(page["system-memory"]).to_have_text(re.compile(r"[MG]B$"))
    box, size = page["system"].bounding_box(), page.page.viewport_size
    assert box
    assert size
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] + box["height"] <= size["height"]
    assert page.overflow() == 0
    page.page.keyboard.press("Escape")
    expect(page["system"]).to_have_count(0)
