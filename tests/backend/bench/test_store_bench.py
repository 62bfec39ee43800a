"""The benchmark of the store runs, and its parts write what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.bench import store, store_data
from backend.bench.store_peers import Rows


def test_every_figure_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_data, "TASKS", ("digits",))
    small = {"STEPS": 40, "LONG": 30_000, "READS": 1, "ROUNDS": 1, "EXPERIMENTS": 50}
    for name, value in {**small, "LIST_ROUNDS": 1, "PEER_VALUES": 100}.items():
        monkeypatch.setattr(store, name, value)
    found = store.measure()
    assert found["values"] > 40 * 4 * 20
    for name in ("values_per_s", "bytes_per_value", "read_growth", "read_speedup", "list_ms"):
        assert found[name] > 0
    assert found["compared"].startswith("plain rows in SQLite")


def test_plain_rows_hold_the_same_values(tmp_path: Path) -> None:
    values = np.arange(1000.0)[::-1]
    rows = Rows(tmp_path / "rows")
    rows.write([("loss", np.arange(1, 1001), values)])
    found = rows.buckets(1, 1000, 10)
    assert found[1] == (1, values[99:199].min(), values[99:199].max(), 199)
    assert sum(1 for _ in found) == 11
