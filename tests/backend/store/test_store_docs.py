"""The worked example in docs/store.md is what the code reads and writes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from backend.store import codec, tables
from backend.store.chunks import WINDOW, Key, checksum
from backend.store.compactor import TAIL_FRAMES
from backend.store.pyramid import GROUP, SIZES

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "store.md").read_text(encoding="utf-8")


def test_the_example_is_true() -> None:
    example = re.search(r"```\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    losses, raw = (bytes.fromhex(line) for line in example.group(1).strip().splitlines())
    assert codec.decode(losses, "f8", 3).tolist() == [0.5, 0.5, 0.5]
    assert codec.encode(np.full(3, 0.5)) == losses
    values = codec.decode(raw, "f4", 2)
    assert values.tobytes() == np.array([1.0, -0.0], "<f4").tobytes()
    assert codec.encode_raw(values) == raw
    written = re.search(r"`(0x[0-9a-f]{8})`", TEXT)
    assert written is not None
    key = Key("r2", "loss", 1, 0, "f8")
    assert int(written.group(1), 16) == checksum(key, 0, 121, 3, losses)


def test_tables_and_sizes_are_told_as_they_are() -> None:
    for name in tables.metadata.tables:
        assert f"`{name}`" in TEXT
    for number in (WINDOW, GROUP, *SIZES):
        assert f"{number:,}" in TEXT
    assert f"{TAIL_FRAMES} frames" in TEXT
