"""Lists of experiments that fit what is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from backend.store import Store
from backend.store.records import Filter, moment
from tests.backend.server import Server
from tests.backend.store.test_compaction import store
from tests.backend.store.test_store import experiment

__all__ = ["store"]


def made(id: str, at: int, optimizer: str, label: str = "", **changes: Any) -> Any:
    run = experiment().runs[0].model_copy(update={"optimizer": optimizer, "label": label})
    gone = run.model_copy(update={"id": "r2", "optimizer": "lion", "state": "removed"})
    return experiment(id, created_at=moment(1000.0 + at), runs=[run, gone], **changes)


@pytest.fixture
async def several(store: Store) -> Store:
    everything = [
        made("a", 1, "adam", problem="beale", name="Sweep 1"),
        made("b", 2, "sgd", "the 50% one", problem="booth", state="finished", name="sweep 2"),
        made("c", 3, "adam", "Été", problem="booth", state="failed", name="x_y"),
    ]
    for one in everything:
        await store.create(one, {})
    return store


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (Filter(), ["c", "b", "a"]),
        (Filter(problem="booth"), ["c", "b"]),
        (Filter(state="finished"), ["b"]),
        (Filter(optimizer="adam"), ["c", "a"]),
        (Filter(optimizer="lion"), []),
        (Filter(problem="booth", optimizer="adam"), ["c"]),
        (Filter(text="SWEEP"), ["b", "a"]),
        (Filter(text="50%"), ["b"]),
        (Filter(text="%"), ["b"]),
        (Filter(text="_"), ["c"]),
        (Filter(text="nothing"), []),
        (Filter(text=""), ["c", "b", "a"]),
    ],
    ids=str,
)
async def test_only_what_fits_is_listed_newest_first(
    several: Store, chosen: Filter, ids: list[str]
) -> None:
    assert [one.id for one in await several.experiments(10, chosen)] == ids
    assert [one.id for one in await several.experiments(1, chosen)] == ids[:1]


def test_filters_over_http(server: Server) -> None:
    first = server.create(problem="booth", name="Alpha 1", paused=True)
    second = server.create(problem="booth", name="alpha 2", paused=True)

    def ids(**query: Any) -> list[str]:
        return [one["id"] for one in server.get("/api/experiments", **query)]

    assert ids(text="ALPHA", problem="booth") == [second["id"], first["id"]]
    assert ids(text="alpha", problem="beale") == []
    assert ids(text="alpha 1", optimizer=first["runs"][0]["optimizer"]) == [first["id"]]
    whole = next(one for one in server.get("/api/experiments") if one["id"] == first["id"])
    assert whole["labels"]
    assert whole["runs"] == len(whole["slots"]) == len(first["runs"])
    assert server.get("/api/experiments", text="alpha 1") == [whole]
    for query, field in (({"state": "nope"}, "state"), ({"limit": 5001}, "limit")):
        answer = server.client.get("/api/experiments", params=query)
        assert answer.status_code == 422
        assert answer.json()["error"]["field"] == field
