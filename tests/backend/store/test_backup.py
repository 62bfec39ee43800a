"""Backup and tidying: a copy beside a writer, and only rubbish goes."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from backend.store import Store, StoreError
from backend.store.backup import backup
from backend.store.checkpoints import broken, files, rubbish
from lrd_core.settings import SettingError
from tests.backend.store.sent import Job, block
from tests.backend.store.test_store import experiment


async def filled(path: Path, frames: int = 20) -> tuple[Store, Job]:
    store = Store(f"sqlite:///{path}")
    await store.create(experiment(), {})
    job = Job(store)
    for turn in range(frames):
        await job.send(block("r1", 1 + 100 * turn, 100))
    return store, job


async def test_a_copy_is_whole_while_others_write_and_compact(tmp_path: Path) -> None:
    store, job = await filled(tmp_path / "lrd.sqlite3")
    url, target = f"sqlite:///{tmp_path / 'lrd.sqlite3'}", tmp_path / "copy.sqlite3"
    copying = asyncio.create_task(asyncio.to_thread(backup, url, target))
    turn = 20
    while not copying.done() or turn < 25:
        await job.send(block("r1", 1 + 100 * turn, 100))
        if turn % 7 == 0:
            await store.compact("e1")
        turn += 1
    assert await copying == target.stat().st_size
    copy = Store(f"sqlite:///{target}")
    newest = await copy.newest("e1")
    assert 20 <= newest <= turn
    rows = await copy.series("e1", "r1", {"loss"}, 1, None)
    assert rows.steps["loss"] == list(range(1, 100 * newest + 1))
    assert copy.verify().bad == []
    copy.close()
    assert [name for name in os.listdir(tmp_path) if "copy" in name] == ["copy.sqlite3"]
    assert target.stat().st_mode & 0o077 == 0
    store.close()


async def test_a_copy_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = await filled(tmp_path / "lrd.sqlite3")
    store.close()
    url, target = f"sqlite:///{tmp_path / 'lrd.sqlite3'}", tmp_path / "copy.sqlite3"
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(StoreError, match=r"0 MB are free, the copy needs 0 MB; free some"):
            backup(url, target)
    with pytest.raises(SettingError, match="a folder that exists"):
        backup(url, tmp_path / "nowhere" / "copy.sqlite3")
    with pytest.raises(SettingError, match="a file that does not exist yet"):
        backup(url, tmp_path / "lrd.sqlite3")
    with pytest.raises(SettingError, match="pg_dump"):
        backup("sqlite://", target)
    with pytest.raises(SettingError, match="that exists"):
        backup(f"sqlite:///{tmp_path / 'other.sqlite3'}", target)
    data = bytearray((tmp_path / "lrd.sqlite3").read_bytes())
    data[4096:8192] = os.urandom(4096)
    (tmp_path / "bad.sqlite3").write_bytes(data)
    with pytest.raises(StoreError, match=r"bad\.sqlite3|copy failed"):
        backup(f"sqlite:///{tmp_path / 'bad.sqlite3'}", target)
    assert [name for name in os.listdir(tmp_path) if "copy" in name] == []


async def test_tidying_compacts_and_gives_room_back(tmp_path: Path) -> None:
    store, job = await filled(tmp_path / "lrd.sqlite3", 300)
    await store.save(experiment(state="finished"))
    frames, freed = await store.tidy()
    assert frames == 300
    assert freed > 0
    assert await store.tails() == []
    found = await store.series("e1", "r1", {"loss"}, 1, None)
    assert np.asarray(found.values["loss"]).tobytes() == job.expected("r1", "loss")[1].tobytes()
    assert store.verify().bad == []
    store.close()


def checkpoint(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"0.parameter.0": np.zeros(100, np.float32)}, path, {"lrd": "{}"})


def test_rubbish_is_what_belongs_to_nobody_or_was_never_finished(tmp_path: Path) -> None:
    checkpoint(tmp_path / "e1" / "r1" / "000000000010.safetensors")
    checkpoint(tmp_path / "gone" / "r1" / "000000000010.safetensors")
    old = tmp_path / "e1" / "r1" / "000000000020.safetensors.77.part"
    new = tmp_path / "e1" / "r1" / "000000000030.safetensors.78.part"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    found = rubbish(tmp_path, {"e1"})
    assert {(one.path.name, one.why) for one in found} == {
        ("gone", "of no experiment in the store"),
        (old.name, "half written"),
    }
    assert rubbish(tmp_path / "nothing", set()) == []


def test_damaged_checkpoints_are_named(tmp_path: Path) -> None:
    whole = tmp_path / "e1" / "r1" / "000000000010.safetensors"
    cut = tmp_path / "e1" / "r1" / "000000000020.safetensors"
    for path in (whole, cut):
        checkpoint(path)
    cut.write_bytes(cut.read_bytes()[:-10])
    assert list(files(tmp_path)) == [whole, cut]
    assert broken(whole) == ""
    assert str(cut) in broken(cut)
    assert broken(tmp_path / "e1" / "r1" / "gone.safetensors") == ""
