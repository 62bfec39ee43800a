"""Store, hub and manager without a server, for the tests that serve the stream alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backend.jobs.manager import Manager
from backend.services import Services
from backend.settings import Settings
from backend.store import Store
from backend.stream.hub import Hub
from tests.backend.store.test_store import experiment


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    """With experiment e1, which has no rows yet."""
    # The process of a test that plays a worker must not be given up.
    limits: dict[str, Any] = {"viewer_bytes": 200_000, "return_limit": 1e6}
    settings = Settings(store=f"sqlite:///{tmp_path / 'lrd.sqlite3'}", **limits)
    store, hub = Store(settings.store), Hub(settings.viewer_bytes)
    await store.create(experiment(), {})
    yield Services(settings, store, hub, Manager(settings, store, hub, "token"), "token")
    store.close()
