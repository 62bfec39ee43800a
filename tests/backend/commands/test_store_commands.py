"""`lrd backup`, `lrd verify`, `lrd gc` and filters of `lrd list`, beside a server and without."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from backend.cli import app
from lrd_core.settings import SettingError
from tests.backend.server import running_server


def lrd(folder: Path, *words: str, code: int = 0) -> Any:
    """What a command prints as JSON, or its error text."""
    environment = {"LRD_STORE": f"sqlite:///{folder / 'lrd.sqlite3'}"}
    done = CliRunner().invoke(app, [*words, "--json"], env=environment)
    if isinstance(done.exception, SettingError):  # `main` makes one sentence and code 2 of it
        assert code == 2
        return str(done.exception)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_a_store_in_use_can_be_copied_and_checked_and_is_tidied_afterwards(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        made = server.create(problem="beale", steps=400, speed=0, name="the first")
        server.state(made["id"], "finished")
        copied = lrd(tmp_path, "backup", str(tmp_path / "copy.sqlite3"))
        assert copied["bytes"] == (tmp_path / "copy.sqlite3").stat().st_size
        checked = lrd(tmp_path, "verify")
        assert (checked["experiments"], checked["bad"]) == (1, [])
        assert checked["values"] > 4 * 400
        refused = lrd(tmp_path, "gc", code=1)
        assert "in use by another server" in refused
        assert [one["id"] for one in lrd(tmp_path, "list", "--text", "FIRST")["experiments"]] == [
            made["id"]
        ]
        assert lrd(tmp_path, "list", "--problem", "booth")["experiments"] == []
        assert "one of queued" in lrd(tmp_path, "list", "--state", "nope", code=2)
    orphan = tmp_path / "checkpoints" / "nobody" / "r1"
    orphan.mkdir(parents=True)
    (orphan / "000000000001.safetensors").write_bytes(b"x" * 100)
    planned = lrd(tmp_path, "gc", "--dry-run")
    assert [Path(one["path"]).name for one in planned["deleted"]] == ["nobody"]
    assert orphan.exists()
    bad = lrd(tmp_path, "verify", code=1)["bad"]
    assert len(bad) == 1
    assert str(orphan) in bad[0]
    done = lrd(tmp_path, "gc")
    assert done["deleted"] == planned["deleted"]
    assert not orphan.parent.exists()
    assert lrd(tmp_path, "verify")["bad"] == []
    with sqlite3.connect(tmp_path / "lrd.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM frames").fetchone() == (0,)
        database.execute("UPDATE chunks SET bytes = x'00' WHERE level = 0")
    bad = lrd(tmp_path, "verify", code=1)["bad"]
    assert all("checksum" in sentence for sentence in bad)
    assert any("r1 loss" in sentence for sentence in bad)
