"""Data sets over REST: which are here, and downloading one from a hub on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from backend.api import data, errors
from lrd_core.data import DATASETS, catalogue
from lrd_core.problems import PROBLEMS
from tests.backend.server import running_server, until
from tests.lrd_core.data.fake_hub import FakeHub, fake_hub
from tests.lrd_core.data.small import write_text_parquet

#: As long as Tiny Shakespeare, and of as many different characters.
TEXT = "".join(map(chr, range(40, 105))) * 17_160
TEXT = TEXT[:1_115_394]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with one text; nothing is on this machine."""
    for name in ("LRD_DATA", "LRD_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(catalogue, "_kept", {})
    with fake_hub(tmp_path / "served") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        write_text_parquet(hub.folder / "karpathy" / "tiny_shakespeare" / "data", TEXT)
        yield hub


@pytest.fixture
def client(hub: FakeHub) -> TestClient:
    app = FastAPI()
    errors.install(app)
    app.include_router(data.router, prefix="/api")
    return TestClient(app)


def look(client: TestClient, name: str) -> dict[str, Any]:
    answer = client.get("/api/data")
    assert answer.status_code == 200
    found: dict[str, Any] = {one["name"]: one for one in answer.json()}
    return found[name]


def test_the_list_tells_size_licence_and_what_to_do(client: TestClient, hub: FakeHub) -> None:
    found = client.get("/api/data").json()
    assert [one["name"] for one in found] == list(DATASETS)
    for one in found:
        assert (one["state"], one["progress"]) == ("missing", None)
        assert one["bytes"] == DATASETS[one["name"]].size
        assert one["label"]
        assert one["licence"]
        assert f"lrd data get {one['name']}" in one["message"]
        needing = [p.name for p in PROBLEMS.values() if p.data == one["name"]]
        assert one["problems"] == needing
    assert hub.asked == [], "the list must not use the network"


def test_a_download_is_followed_from_start_to_end(client: TestClient, hub: FakeHub) -> None:
    hub.held = "test-"
    hub.gate.clear()
    answer = client.post("/api/data/tinyshakespeare")
    assert answer.status_code == 202
    assert answer.json()["state"] == "downloading"
    under_way = until(
        lambda: (one := look(client, "tinyshakespeare"))["progress"] and one, what="progress"
    )
    assert under_way["state"] == "downloading"
    assert 0 < under_way["progress"] < 1
    assert client.post("/api/data/tinyshakespeare").json()["state"] == "downloading"
    assert look(client, "mnist")["state"] == "missing"
    hub.gate.set()
    done = until(
        lambda: (one := look(client, "tinyshakespeare"))["state"] != "downloading" and one,
        what="the end of the download",
    )
    assert (done["state"], done["progress"], done["message"]) == ("present", None, "")
    assert "hub" in done["where"]
    assert len([one for one in hub.asked if "GET" in one and "train" in one]) == 1
    hub.asked.clear()
    assert client.post("/api/data/tinyshakespeare").status_code == 202
    until(lambda: look(client, "tinyshakespeare")["state"] == "present", what="the check")
    assert hub.asked == []


def test_a_download_that_failed_says_why_and_can_be_tried_again(
    client: TestClient, hub: FakeHub
) -> None:
    served = hub.folder / "karpathy" / "tiny_shakespeare"
    served.rename(served.with_name("elsewhere"))
    client.post("/api/data/tinyshakespeare")
    failed = until(
        lambda: (one := look(client, "tinyshakespeare"))["state"] == "failed" and one,
        what="the failure",
    )
    assert "404" in failed["message"]
    assert "--data FOLDER" in failed["message"]
    served.with_name("elsewhere").rename(served)
    client.post("/api/data/tinyshakespeare")
    until(lambda: look(client, "tinyshakespeare")["state"] == "present", what="the second try")


def test_offline_and_unknown_names_are_answered_at_once(
    client: TestClient, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = client.post("/api/data/nope")
    assert answer.status_code == 404
    assert answer.json()["error"]["value"] == "nope"
    assert "cifar10" in answer.json()["error"]["allowed"]
    monkeypatch.setenv("LRD_OFFLINE", "1")
    answer = client.post("/api/data/cifar10")
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["field"], error["value"]) == ("data", "cifar10")
    assert "switched off" in error["message"]
    assert "--data FOLDER" in error["allowed"]
    assert look(client, "cifar10")["state"] == "missing"
    assert hub.asked == []


def test_an_experiment_whose_data_are_missing_is_refused_with_the_mend(
    hub: FakeHub, tmp_path: Path
) -> None:
    name = next(p.name for p in PROBLEMS.values() if p.data == "mnist")
    with running_server(tmp_path) as server:
        answer = server.client.post("/api/experiments", json={"problem": name})
        assert answer.status_code == 422, answer.text
        error = answer.json()["error"]
        assert (error["field"], error["value"]) == ("data", "mnist")
        assert "lrd data get mnist" in error["allowed"]
        assert error["allowed"] in error["message"]
        assert server.get("/api/experiments") == []
        assert {one["state"] for one in server.get("/api/data")} == {"missing"}
    assert hub.asked == []
