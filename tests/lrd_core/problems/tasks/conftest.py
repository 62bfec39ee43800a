"""Where the tests of tasks find data."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrd_core.data import use

SHARED = Path(__file__).resolve().parents[5] / "shared" / "data"


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real data sets, where a copy of them lies beside the project."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data: {SHARED} is absent")
    monkeypatch.setenv("LRD_DATA", "")  # what `use` sets is taken back after the test
    use(SHARED)


@pytest.fixture
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without data sets."""
    for name in ("LRD_DATA", "HF_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
