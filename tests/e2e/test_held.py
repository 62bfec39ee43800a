"""A store that takes nothing is told on the page, until it does again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser


def test_a_locked_store_is_told_and_the_rows_come_later(
    server: Server, visit: Callable[..., Dashboard]
) -> None:
    id = server.create(problem="beale", speed=60, steps=100_000)["id"]
    page = visit(server, f"/?experiment={id}")
    page.wait_rows("r4", 30)
    path = server.folder / "lrd.sqlite3"
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        expect(page["held"]).to_contain_text(
            "The store takes nothing (database is locked)", timeout=30_000
        )
        seen = max(page.rows("r4"))
        other.execute("ROLLBACK")
    expect(page["held"]).to_have_count(0, timeout=30_000)
    page.wait_rows("r4", seen + 30)
    rows = page.rows("r4")
    assert list(rows) == list(range(1, len(rows) + 1))
