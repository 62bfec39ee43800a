"""Series over HTTP: ranges, buckets, formats, ETags, and every bad question."""

from __future__ import annotations

import asyncio
import csv
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.protocol import Series
from backend.store import Store
from backend.store.frames import pack
from lrd_core.engine.frames import Block, Frame, encode, packed
from tests.backend.server import Server
from tests.backend.store.test_store import experiment

ROWS = 200_000
LOSS = np.random.default_rng(5).normal(size=ROWS).astype(np.float32).astype(np.float64)
LOSS[[10, 99_999, 100_000]] = [np.nan, np.inf, -np.inf]
TEST = np.linspace(1, 0, ROWS // 100)


async def fill(url: str) -> None:
    store = Store(url)
    made = experiment("series", state="finished", step=ROWS)
    await store.create(made, {"runs": []})
    for seq, first in enumerate(range(0, ROWS, 50_000), 1):
        columns = {"loss": LOSS[first : first + 50_000], "lr": np.full(50_000, 0.1)}
        many = {f"c{i}": np.full(50_000, i) for i in range(11)}
        tests = {"test_loss": TEST[first // 100 : first // 100 + 500]}
        blocks = [
            Block("r1", first + 1, 1, 50_000, packed(columns)),
            Block("r1", first + 100, 100, 500, packed(tests)),
            Block("r10", first + 1, 1, 50_000, packed(many)),
        ]
        frame = Frame(1, seq, blocks)
        await store.append_frame("series", pack(frame, encode(frame)))
    await store.compact("series", whole=True)
    store.close()


@pytest.fixture(scope="module")
def filled(shared_server: Server) -> Server:
    asyncio.run(fill(shared_server.store))
    return shared_server


def ask(server: Server, accept: str = "application/json", **query: Any) -> httpx.Response:
    return server.client.get(
        "/api/experiments/series/series", params={"run": "r1", **query}, headers={"Accept": accept}
    )


def test_a_small_range_comes_as_it_is(filled: Server) -> None:
    answer = ask(filled, columns="loss,test_loss", first=5, last=205, width=100)
    assert answer.status_code == 200, answer.text
    found = Series.model_validate(answer.json()).columns
    assert answer.json()["columns"]["loss"]["steps"] == list(range(5, 206))
    values = answer.json()["columns"]["loss"]["values"]
    assert values[6] == "NaN"
    assert values[7:] == LOSS[11:205].tolist()
    assert answer.json()["columns"]["test_loss"] == {
        "steps": [100, 200],
        "values": TEST[:2].tolist(),
    }
    assert found.keys() == {"loss", "test_loss"}


def test_a_large_range_comes_in_buckets_that_hide_nothing(filled: Server) -> None:
    answer = ask(filled, columns="loss,test_loss", width=500)
    Series.model_validate(answer.json())
    loss = answer.json()["columns"]["loss"]
    assert 250 <= len(loss["first"]) <= 501
    assert (loss["first"][0], loss["last"][-1], sum(loss["count"])) == (1, ROWS, ROWS)
    for i, (first, last) in enumerate(zip(loss["first"], loss["last"], strict=True)):
        rows = LOSS[first - 1 : last]
        finite = rows[np.isfinite(rows)]
        assert loss["bad"][i] == len(rows) - len(finite)
        assert (loss["min"][i], loss["max"][i]) == (finite.min(), finite.max())
        assert float(loss["final"][i]) == rows[-1] or np.isnan(rows[-1])
    assert sum(loss["bad"]) == 3
    assert answer.json()["columns"]["test_loss"]["steps"] == list(range(100, ROWS + 1, 100))
    panned = ask(filled, columns="loss", first=150, width=500).json()["columns"]["loss"]
    assert panned["max"][1:] == loss["max"][1 + len(loss["max"]) - len(panned["max"]) :]


def test_a_bucket_without_a_finite_value_says_so(filled: Server) -> None:
    loss = ask(filled, columns="loss", first=99_991, last=100_009, width=4).json()
    found = loss["columns"]["loss"]
    at = next(i for i, first in enumerate(found["first"]) if first <= 100_000 <= found["last"][i])
    assert found["bad"][at] == 2
    assert ask(filled, columns="loss", first=11, last=11).json()["columns"]["loss"] == {
        "steps": [11],
        "values": ["NaN"],
    }


def test_arrow_and_csv_hold_the_same_rows(filled: Server) -> None:
    query = {"columns": "loss,test_loss,lr", "first": 99_990, "last": 100_100}
    arrow = ask(filled, "application/vnd.apache.arrow.stream", **query)
    table = pa.ipc.open_stream(arrow.content).read_all()
    assert table.column_names == ["step", "loss", "test_loss", "lr"] or set(table.column_names) == {
        "step",
        "loss",
        "test_loss",
        "lr",
    }
    steps = table["step"].to_pylist()
    assert steps == list(range(99_990, 100_101))
    assert table.schema.field("lr").type == pa.float32()
    loss = table["loss"].to_numpy()
    assert loss.tobytes() == LOSS[99_989:100_100].tobytes()
    at = steps.index(100_000)
    assert [i for i, v in enumerate(table["test_loss"].to_pylist()) if v is not None] == [
        at,
        at + 100,
    ]
    text = ask(filled, "text/csv", **query)
    assert text.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert [int(row["step"]) for row in rows] == steps
    assert [float(row["loss"]) for row in rows] == loss.tolist()
    assert rows[at]["loss"] == "Infinity"
    assert (rows[0]["test_loss"], float(rows[at]["test_loss"])) == ("", TEST[999])


def test_buckets_as_arrow_and_csv_are_those_of_json(filled: Server) -> None:
    query = {"columns": "loss,test_loss", "width": 700}
    json = ask(filled, **query).json()["columns"]
    content = ask(filled, "application/vnd.apache.arrow.stream", **query).content
    rows = pa.ipc.open_stream(content).read_all().to_pylist()
    loss = [row for row in rows if row["column"] == "loss"]
    for name in ("first", "last", "count", "bad", "min", "max"):
        assert [row[name] for row in loss] == json["loss"][name]
    tests = [row for row in rows if row["column"] == "test_loss"]
    assert [row["final"] for row in tests] == json["test_loss"]["values"]
    assert {row["count"] for row in tests} == {1}
    text = ask(filled, "text/csv", **query).text
    assert len(text.splitlines()) == len(rows) + 1
    empty = ask(filled, "text/csv", run="r2", width=10)
    assert empty.text == "column,first,last,count,bad,min,max,final\r\n"


def test_nothing_new_is_not_sent_again(filled: Server) -> None:
    answer = ask(filled, columns="loss", width=100)
    tag = answer.headers["etag"]
    path, query = "/api/experiments/series/series", {"run": "r1", "columns": "loss", "width": 100}
    for given, status in ((tag, 304), (f'"x", {tag}', 304), ("*", 304), ('"x"', 200)):
        again = filled.client.get(path, params=query, headers={"If-None-Match": given})
        assert again.status_code == status
    assert again.headers["etag"] == tag
    others = [{**query, "width": 101}, {**query, "first": 2}, {**query, "columns": "lr"}]
    for other in others:
        found = filled.client.get(path, params=other, headers={"If-None-Match": tag})
        assert found.status_code == 200
    asked = {"If-None-Match": tag, "Accept": "text/csv"}
    assert filled.client.get(path, params=query, headers=asked).status_code == 200


def test_a_running_series_gets_another_tag_with_every_row(server: Server) -> None:
    id = server.create(problem="beale", steps=50, speed=0, paused=True)["id"]
    path = f"/api/experiments/{id}/series"
    before = server.client.get(path, params={"run": "r1"}).headers["etag"]
    server.control(id, kind="play")
    server.state(id, "finished")
    answer = server.client.get(path, params={"run": "r1"}, headers={"If-None-Match": before})
    assert answer.status_code == 200
    assert answer.headers["etag"] != before
    assert answer.json()["columns"]["loss"]["steps"] == list(range(1, 51))


@pytest.mark.parametrize(
    ("query", "field", "allowed"),
    [
        ({"run": "r9"}, "run", "one of r1, r2, r10"),
        ({"columns": "loss,nope"}, "columns", "loss, lr, test_loss"),
        ({"first": 10, "last": 9}, "last", "first=10"),
        ({"first": ROWS + 1}, "first", f"[1, {ROWS}]"),
        ({"first": 0}, "first", "1"),
        ({"last": 0}, "last", "1"),
        ({"width": 0}, "width", "1"),
        ({"width": 10_001}, "width", "10000"),
        ({"width": "wide"}, "width", "integer"),
        ({"first": 10**40}, "first", "[1,"),
    ],
)
def test_bad_questions_are_answered_with_field_value_and_range(
    filled: Server, query: dict[str, Any], field: str, allowed: str
) -> None:
    answer = ask(filled, **query)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["field"] == field
    assert allowed in error["allowed"]
    assert str(error["value"]) in error["message"]


def test_formats_that_are_not_there_are_406(filled: Server) -> None:
    answer = ask(filled, "image/png")
    assert (answer.status_code, answer.json()["error"]["field"]) == (406, "Accept")
    for accept, got in (
        ("*/*", "application/json"),
        ("image/png, text/*;q=0.5", "text/csv"),
        ("application/json;q=0.1, text/csv;q=0.9", "text/csv"),
        ("text/csv;q=0, application/json", "application/json"),
    ):
        found = ask(filled, accept, columns="lr", last=3)
        assert found.headers["content-type"].split(";")[0] == got


def test_a_range_beyond_the_end_is_cut_and_a_run_without_rows_is_empty(filled: Server) -> None:
    found = ask(filled, columns="lr", first=ROWS - 1, last=ROWS + 10**12).json()
    assert found["columns"]["lr"]["steps"] == [ROWS - 1, ROWS]
    assert ask(filled, run="r2", columns="loss").json() == {"run": "r2", "columns": {}}


def test_more_than_fits_in_an_answer_is_refused_with_a_mend(filled: Server) -> None:
    answer = ask(filled, run="r10")
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["field"], error["value"]) == ("last", None)
    assert f"{11 * ROWS} values" in error["message"]
    assert "width" in error["allowed"]
    assert len(ask(filled, run="r10", width=10).json()["columns"]) == 11
    assert len(ask(filled, run="r10", last=10).json()["columns"]["c7"]["values"]) == 10


def table(server: Server, accept: str = "text/csv", **query: Any) -> httpx.Response:
    return server.client.get(
        "/api/experiments/series/table", params=query, headers={"Accept": accept}
    )


def test_a_table_has_the_rows_of_several_runs(filled: Server) -> None:
    query = {"columns": "test_loss,loss,c3", "first": 99, "last": 101}
    found = list(csv.reader(io.StringIO(table(filled, **query).text)))
    assert found[0] == ["run", "step", "test_loss", "loss", "c3"]
    assert [row[:3] for row in found[1:]] == [
        ["r1", "99", ""],
        ["r1", "100", "1.0"],
        ["r1", "101", ""],
        *(["r10", str(step), ""] for step in (99, 100, 101)),
    ]
    assert [float(row[3]) for row in found[1:4]] == LOSS[98:101].tolist()
    assert [row[3:] for row in found[4:]] == [["", "3.0"]] * 3
    for media, read in (
        ("application/vnd.apache.parquet", lambda data: pq.read_table(io.BytesIO(data))),
        ("application/vnd.apache.arrow.stream", lambda data: pa.ipc.open_stream(data).read_all()),
    ):
        answer = table(filled, media, **query)
        assert answer.headers["content-type"] == media
        assert read(answer.content)["loss"].to_pylist() == [*LOSS[98:101].tolist(), *[None] * 3]
    alone = table(filled, runs="r10", columns="c3", last=1).text.splitlines()
    assert alone == ["run,step,c3", "r10,1,3.0"]


def test_more_than_fits_in_a_csv_fits_in_parquet(filled: Server) -> None:
    columns = ",".join(["loss", "lr", *(f"c{i}" for i in range(11))])
    answer = table(filled, columns=columns)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "last")
    assert "or Parquet, which takes 8,000,000" in answer.json()["error"]["message"]
    found = table(filled, "application/vnd.apache.parquet", columns=columns)
    assert pq.read_table(io.BytesIO(found.content)).num_rows == 2 * ROWS


def test_a_series_comes_as_parquet(filled: Server) -> None:
    answer = ask(filled, "application/vnd.apache.parquet", columns="loss", first=5, last=9)
    found = pq.read_table(io.BytesIO(answer.content))
    assert found["step"].to_pylist() == [5, 6, 7, 8, 9]
    assert found["loss"].to_pylist() == LOSS[4:9].tolist()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"columns": ""}, "columns"),
        ({"columns": "nothing"}, "columns"),
        ({"columns": "loss", "runs": "r9"}, "run"),
        ({"columns": "loss", "first": 5, "last": 4}, "last"),
    ],
)
def test_a_bad_question_of_a_table_says_so(
    filled: Server, query: dict[str, Any], field: str
) -> None:
    answer = table(filled, **query)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert table(filled, "image/png", columns="loss").status_code == 406


@pytest.fixture
def damaged(filled: Server) -> Iterator[Server]:
    """One column of one run cannot be read."""
    its = "WHERE series_id = (SELECT id FROM series WHERE name = 'c3')"
    with closing(sqlite3.connect(filled.folder / "lrd.sqlite3")) as database:
        with database:
            kept = database.execute(f"SELECT bytes, rowid FROM chunks {its}").fetchall()
            database.execute(f"UPDATE chunks SET bytes = x'0102' {its}")
        yield filled
        with database:
            database.executemany("UPDATE chunks SET bytes = ? WHERE rowid = ?", kept)
    assert kept


def test_a_damaged_chunk_is_an_error_that_names_it(damaged: Server) -> None:
    answer = ask(damaged, columns="c3", run="r10", width=10)
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert error["field"] == "store"
    assert "r10 c3" in error["message"]
    assert "lrd verify" in error["message"]
    assert ask(damaged, columns="c4", run="r10", width=10).status_code == 200
