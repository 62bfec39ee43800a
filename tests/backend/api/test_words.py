"""What people write about experiments; deleting them, with a way back."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from tests.backend.commands.test_store_commands import lrd
from tests.backend.server import Server, running_server


def listed(server: Server, **query: object) -> list[str]:
    return [one["id"] for one in server.get("/api/experiments", **query)]


def describe(server: Server, id: str, status: int = 200, **given: object) -> dict[str, object]:
    answer = server.client.patch(f"/api/experiments/{id}", json=given)
    assert answer.status_code == status, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_name_notes_and_tags_are_kept_told_and_found(server: Server) -> None:
    id = server.create(problem="beale", steps=100_000, speed=100, name="before")["id"]
    with server.watch(id) as viewer:
        made = describe(server, id, name="Größe", tags=["  paper ", "50% é", "paper"])
        assert (made["name"], made["tags"], made["notes"]) == ("Größe", ["paper", "50% é"], "")
        while '"Größe"' not in str(viewer.recv(timeout=30)):
            pass
    server.control(id, kind="stop")
    server.state(id, "cancelled")
    # Of one that has ended as well, and what is left out stays.
    describe(server, id, notes="# Saddle\nwith _care_")
    found = server.experiment(id)
    assert (found["name"], found["tags"]) == ("Größe", ["paper", "50% é"])
    assert found["notes"] == "# Saddle\nwith _care_"
    assert listed(server, text="50% É".lower()) == [id]
    assert listed(server, text="saddle") == [id]
    assert listed(server, tag="paper") == [id]
    assert listed(server, tag="pape") == []
    assert listed(server, tag="%") == []
    assert server.get("/api/experiments", tag="paper")[0]["tags"] == ["paper", "50% é"]
    describe(server, id, tags=[])
    assert listed(server, tag="paper") == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"tags": ["a,b"]}, "tags"),
        ({"tags": [" "]}, "tags"),
        ({"tags": ["x" * 41]}, "tags"),
        ({"tags": [str(i) for i in range(21)]}, "tags"),
        ({"notes": "x" * 20_001}, "notes"),
        ({"name": "x" * 101}, "name"),
        ({"nmae": "x"}, "nmae"),
    ],
)
def test_words_that_cannot_be_kept_are_refused(
    server: Server, given: dict[str, object], field: str
) -> None:
    id = server.post("/api/experiments", 201, problem="beale", steps=1)["id"]
    error = describe(server, id, 422, **given)["error"]
    assert isinstance(error, dict)
    assert str(error["field"]).startswith(field)
    assert describe(server, "nobody", 404, name="x")


def test_a_deleted_experiment_comes_back_until_it_is_collected(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        trains = server.create(problem="digits", steps=100_000, speed=200)["id"]
        ended = server.create(problem="beale", steps=50, speed=0)["id"]
        server.reach(trains, 30)
        server.state(ended, "finished")
        for id in (trains, ended):
            assert server.client.delete(f"/api/experiments/{id}").status_code == 204
        assert listed(server) == []
        assert set(listed(server, deleted=True)) == {trains, ended}
        assert server.state(trains, "cancelled")["step"] >= 30
        assert server.post(f"/api/experiments/{trains}/restore")["id"] == trains
        assert listed(server) == [trains]
        assert server.client.delete("/api/experiments/nobody").status_code == 404
        assert server.client.post("/api/experiments/nobody/restore").status_code == 404
    assert lrd(tmp_path, "gc")["experiments"] == []
    with sqlite3.connect(tmp_path / "lrd.sqlite3") as database:
        week = (time.time() - 8 * 86400, ended)
        database.execute("UPDATE experiments SET deleted_at = ? WHERE id = ?", week)
    assert lrd(tmp_path, "gc", "--dry-run")["experiments"] == [ended]
    assert lrd(tmp_path, "gc")["experiments"] == [ended]
    assert lrd(tmp_path, "verify")["experiments"] == 1
    with sqlite3.connect(tmp_path / "lrd.sqlite3") as database:
        for table in ("runs", "frames", "series", "spans"):
            query = f"SELECT count(*) FROM {table} WHERE experiment_id = ?"
            assert database.execute(query, [ended]).fetchone() == (0,)
