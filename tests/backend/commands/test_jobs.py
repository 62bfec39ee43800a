"""`lrd jobs`: what a running server trains."""

from __future__ import annotations

import pytest

from backend.cli import main
from tests.backend.server import Server


def test_jobs_are_shown_and_a_server_that_is_not_there_is_named(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = server.create(problem="booth", steps=100_000, speed=1.0)["id"]
    monkeypatch.setenv("LRD_PORT", str(server.port))
    for options, expected in (([], id), (["--json"], f'"experiment": "{id}"')):
        monkeypatch.setattr("sys.argv", ["lrd", "jobs", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        assert expected in capsys.readouterr().out
    monkeypatch.setenv("LRD_PORT", "1")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "start one with `lrd serve`" in capsys.readouterr().err
