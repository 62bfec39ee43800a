"""Frames that find no room in memory are kept on the disk, whatever the disk does."""

from __future__ import annotations

import os
import resource
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.jobs.spill import Spill, SpillError


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files can't grow beyond `size` bytes: the system says so, as it does of a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@given(acts=st.lists(st.none() | st.binary(max_size=50)))
def test_it_is_a_queue(tmp_path_factory: pytest.TempPathFactory, acts: list[bytes | None]) -> None:
    spill = Spill(tmp_path_factory.getbasetemp(), limit=10_000)
    model: deque[bytes] = deque()
    for frame in acts:
        if frame is not None:
            assert spill.put(frame)
            model.append(frame)
        elif model:
            assert spill.take() == model.popleft()
        assert len(spill) == len(model)
    while model:
        assert spill.take() == model.popleft()
    with pytest.raises(IndexError):
        spill.take()


def test_it_keeps_to_its_limit_and_has_room_again_when_it_is_empty(tmp_path: Path) -> None:
    spill = Spill(tmp_path, limit=100)
    assert spill.put(b"x" * 60)
    assert not spill.put(b"y" * 60)
    assert spill.put(b"z")
    assert [spill.take(), spill.take()] == [b"x" * 60, b"z"]
    assert spill.put(b"y" * 60)


def test_on_a_full_disk_it_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    spill = Spill(tmp_path, limit=1_000_000)
    frames = [os.urandom(1000) for _ in range(10)]
    assert all(spill.put(frame) for frame in frames[:5])
    with largest_file(5_500):  # half of the next frame is written
        assert not spill.put(frames[5])
    assert all(spill.put(frame) for frame in frames[5:])
    assert [spill.take() for _ in frames] == frames


def test_what_the_disk_gives_back_wrong_is_not_taken_for_a_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spilled"
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: path.open("w+b", buffering=0))
    spill = Spill(tmp_path, limit=1_000)
    spill.put(b"rows" * 20)
    spill.put(b"more rows")
    path.write_bytes(path.read_bytes().replace(b"rows", b"bows", 1))
    with pytest.raises(SpillError, match="checksum"):
        spill.take()


def test_nothing_of_it_stays(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "deep" / "folder", limit=1_000)
    spill.put(b"rows")
    assert list((tmp_path / "deep" / "folder").iterdir()) == []
