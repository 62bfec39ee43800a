"""`lrd data`: the list, a download, and what goes wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.cli import main
from lrd_core.data import DATASETS, catalogue
from tests.lrd_core.data.fake_hub import FakeHub, fake_hub
from tests.lrd_core.data.small import Content, image_set


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with a small CIFAR-10; nothing is on this machine."""
    for name in ("LRD_DATA", "LRD_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("LRD_DATA_CACHE", str(tmp_path / "decoded"))
    monkeypatch.setattr(catalogue, "_kept", {})
    few = image_set("cifar10")
    monkeypatch.setitem(DATASETS, "cifar10", few)
    with fake_hub(tmp_path / "served") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        Content.of(few).write_parquet(hub.folder / few.hub.repo / few.hub.folder)
        yield hub


def lrd(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Exit code of `lrd data …`."""
    monkeypatch.setattr(sys, "argv", ["lrd", "data", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_the_list_and_a_download(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lrd(monkeypatch, "--json") == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)["data_sets"]}
    assert list(listed) == list(DATASETS)
    assert {one["state"] for one in listed.values()} == {"missing"}
    assert lrd(monkeypatch, "get", "cifar10", "--json") == 0
    (got,) = json.loads(capsys.readouterr().out)["data_sets"]
    assert (got["name"], got["state"]) == ("cifar10", "present")
    assert lrd(monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "144 MB" in printed
    assert "present" in printed
    assert lrd(monkeypatch, "get", "cifar10") == 0
    assert "CIFAR-10 is in " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("get", "mnist"), 1, "404"),
        (("get", "nope"), 2, "cifar10"),
        (("get", "cifar10", "nope"), 2, "cifar10"),
        (("get",), 2, "lrd data get NAME"),
        (("fetch", "mnist"), 2, "lrd data get NAME"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    hub: FakeHub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    assert lrd(monkeypatch, *words) == code
    error = capsys.readouterr().err
    assert "lrd: data: " in error
    assert says in error
    assert "Traceback" not in error


def test_offline(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LRD_OFFLINE", "1")
    assert lrd(monkeypatch, "get", "cifar10") == 1
    assert "switched off" in capsys.readouterr().err
    assert hub.asked == []
