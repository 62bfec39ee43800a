"""The secret that lets workers in is there whole, once, and for its owner alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from backend.jobs.token import worker_token


def test_the_token_stays(tmp_path: Path) -> None:
    token = worker_token(tmp_path)
    assert len(token) >= 32
    assert worker_token(tmp_path) == token
    assert [path.name for path in tmp_path.iterdir()] == ["worker.token"]
    assert (tmp_path / "worker.token").stat().st_mode & 0o777 == 0o600


def test_servers_that_start_together_have_one_token(tmp_path: Path) -> None:
    for number in range(50):
        folder = tmp_path / str(number)
        together = Barrier(4)

        def start(folder: Path = folder, together: Barrier = together) -> str:
            together.wait()
            return worker_token(folder)

        with ThreadPoolExecutor(4) as pool:
            tokens = {one.result() for one in [pool.submit(start) for _ in range(4)]}
        assert tokens == {(folder / "worker.token").read_text()}


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_token_is_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "worker.token"
    path.write_text(content)
    (tmp_path / "worker.new").write_text("half a tok")  # what a crash left behind
    token = worker_token(tmp_path)
    assert len(token) >= 32
    assert path.read_text() == token
    assert path.stat().st_mode & 0o777 == 0o600
