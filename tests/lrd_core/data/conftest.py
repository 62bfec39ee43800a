"""No test of data sees the user's own folders, caches or network."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrd_core.data import catalogue


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder is named, nothing is cached, and the hub is a port where nobody listens."""
    # Empty is as good as absent, and what `use` sets is taken back after the test.
    for name in ("LRD_DATA", "LRD_OFFLINE", "HF_HUB_OFFLINE", "HF_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("LRD_DATA_CACHE", str(tmp_path / "decoded"))
    monkeypatch.setattr(catalogue, "_kept", {})
