"""The peers' benchmark: its arithmetic, what it writes for others, and what it says is missing."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.bench import browser_page, peers, peers_events, peers_page, peers_tools
from backend.bench.peers_log import COLUMNS, values_of
from backend.bench.peers_plan import SHORT, Plan, best, calls, keys, told
from lrd_core.settings import SettingError


def test_a_step_waits_until_the_page_has_it_or_a_newer_one() -> None:
    logged = {101: 10.0, 102: 10.1, 103: 10.2, 104: 10.3}
    seen = [(9.5, 100), (10.5, 102), (11.2, 103)]
    waits = peers_page.latencies(logged, seen)
    assert waits == pytest.approx([500.0, 400.0, 1000.0])
    assert peers_page.latencies(logged, [(9.5, 100)]).size == 0


def test_frames_are_counted_between_the_first_and_the_last() -> None:
    found = peers_page.pace(np.array([0.0, 10.0, 20.0, 220.0]))
    assert found == {"frames_per_s": 13.6, "longest_gap_ms": 200.0}


def test_the_best_has_most_frames_and_least_of_all_else() -> None:
    tools: dict[str, dict[str, Any]] = {
        "a": {"open_2k_s": 1.0, "frames_per_s": 20.0},
        "b": {"open_2k_s": 2.0, "frames_per_s": 60.0, "latency_p50_ms": None},
    }
    rows = ["open_2k_s", "frames_per_s", "latency_p50_ms"]
    assert best(rows, tools) == {"open_2k_s": "a", "frames_per_s": "b"}
    assert told("latency", "ms", [1.0, 2.0, 3.0], (50,)) == {"latency_p50_ms": 2.0}
    assert told("latency", "ms", [], (50,)) == {}
    assert calls([1.0, 1.0, 4.0])["log_call_mean_us"] == 2.0


def test_rows_are_named_after_the_steps_that_were_opened() -> None:
    assert keys(Plan())[:2] == ["open_2k_s", "open_100k_s"]
    assert keys(SHORT)[:2] == ["open_2k_s", "open_20k_s"]
    assert Plan().opening(100_000, [3.0, 1.0, 2.0], [900, 1000, 950]) == {
        "open_100k_s": 2.0,
        "open_100k_points": 900,
    }


def test_checksums_are_castagnolis() -> None:
    rows = np.frombuffer(b"123456789" + bytes(9), np.uint8).reshape(2, 9)
    assert peers_events.crc32c(rows)[0] == 0xE3069283


def test_event_files_hold_the_curves(tmp_path: Path) -> None:
    steps = np.array([1, 127, 128, 16_384])
    columns = {"loss": np.array([0.5, 1.5, 2.5, 3.5]), "lr": np.full(4, 0.25)}
    peers_events.write(tmp_path / "run1", steps, columns)
    [path] = (tmp_path / "run1").iterdir()
    data, found = path.read_bytes(), []
    while data:
        size = struct.unpack("<Q", data[:8])[0]
        found.append(data[12 : 12 + size])
        data = data[16 + size :]
    assert found[0].endswith(b"brain.Event:2")
    for record, step, loss in zip(
        found[1:], (b"\x01", b"\x7f", b"\x80\x01", b"\x80\x80\x01"), columns["loss"], strict=True
    ):
        assert record[9 : 10 + len(step)] == b"\x10" + step
        assert record.endswith(
            b"\x0a\x04loss\x15"
            + struct.pack("<f", loss)
            + b"\x0a\x09\x0a\x02lr\x15"
            + struct.pack("<f", 0.25)
        )


def test_steps_go_on_where_the_stored_ones_end() -> None:
    later, first = values_of(2, 2, 3), values_of(2, 1, 4)
    assert later == first[1:]
    assert [list(row) for row in later[0]] == [list(COLUMNS)] * 2


def test_a_peer_that_is_not_installed_is_told_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(browser_page, "require", lambda: None)
    monkeypatch.setattr(peers_tools, "version", lambda name, _: None if name == "trackio" else "1")
    monkeypatch.setattr(peers.peers_ours, "measure", lambda _: {"open_2k_s": 1.0})
    monkeypatch.setattr(peers, "_of", lambda tool, _: {"open_2k_s": 2.0, "name": tool.name})
    found = peers.measure(short=True)
    assert list(found["missing"]) == ["trackio"]
    assert "LRD_PEERS_PYTHON" in found["missing"]["trackio"]
    assert "trackio" not in found["table"]["open_2k_s"]
    assert found["best"] == {"open_2k_s": "lrd"}
    assert "pip install trackio" in capsys.readouterr().err
    json.dumps(found)


def test_a_loggers_figures_are_found_among_its_tools_words() -> None:
    assert peers_tools._answer(b"* made\n[1.5, 2.0]\n* Run finished.\n") == [1.5, 2.0]
    with pytest.raises(RuntimeError, match="no figures"):
        peers_tools._answer(b"* made\n")


def test_a_python_is_asked_for_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert peers_tools.version("pytest", sys.executable) == pytest.__version__
    assert peers_tools.version("no-such-tool", sys.executable) is None
    monkeypatch.setenv("LRD_PEERS_PYTHON", "/nowhere/python")
    with pytest.raises(SettingError, match="has tensorboard and trackio") as found:
        peers_tools.version("trackio", peers_tools.peers_python())
    assert (found.value.field, found.value.value) == ("LRD_PEERS_PYTHON", "/nowhere/python")
