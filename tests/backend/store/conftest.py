"""Every test of the store runs on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite"])
def store_url(tmp_path: Path) -> str:
    """The URL of an empty store; a test that takes it runs once a database."""
    return f"sqlite:///{tmp_path / 'deep' / 'lrd.sqlite3'}"
