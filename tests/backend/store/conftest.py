"""Every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store; a test that takes it runs once a database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'deep' / 'lrd.sqlite3'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
