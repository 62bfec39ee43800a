"""Lines of all runs in one answer: rows, buckets and samples, as of one frame."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import numpy as np
import pytest

from backend.store import Store
from backend.store.frames import pack
from backend.store.pyramid import BLOCK
from lrd_core.engine.frames import Block, Frame, encode, packed
from tests.backend.server import Server
from tests.backend.store.test_store import experiment

ROWS = BLOCK + 40_000
LOSS = {
    run: np.random.default_rng(seed).normal(size=ROWS).astype(np.float32).astype(np.float64)
    for seed, run in enumerate(("r1", "r2"))
}
LOSS["r1"][[10, 99_999]] = [np.nan, np.inf]
TEST = np.linspace(1, 0, ROWS // 100)


async def fill(url: str) -> None:
    store = Store(url)
    await store.create(experiment("lines", state="finished", step=ROWS), {"runs": []})
    for seq, first in enumerate(range(0, ROWS, 50_000), 1):
        part = slice(first, first + 50_000)
        blocks = [
            Block(run, first + 1, 1, len(loss[part]), packed({"loss": loss[part]}))
            for run, loss in LOSS.items()
        ]
        tests = TEST[first // 100 : first // 100 + 500]
        blocks.append(Block("r1", first + 100, 100, len(tests), packed({"test_loss": tests})))
        frame = Frame(1, seq, blocks)
        await store.append_frame("lines", pack(frame, encode(frame)))
    # The first part is in chunks with buckets, the last in frames.
    await store.compact("lines", whole=True)
    tail = Frame(1, seq + 1, [Block("r2", ROWS + 1, 1, 1, packed({"loss": np.array([0.5])}))])
    await store.append_frame("lines", pack(tail, encode(tail)))
    store.close()


@pytest.fixture(scope="module")
def filled(shared_server: Server) -> Server:
    asyncio.run(fill(shared_server.store))
    return shared_server


def ask(server: Server, **query: Any) -> Any:
    answer = server.client.get("/api/experiments/lines/lines", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/msgpack"
    return msgspec.msgpack.decode(answer.content)


def line(answer: Any, run: str, name: str) -> dict[str, Any]:
    [found] = [one for one in answer["lines"] if (one["run"], one["name"]) == (run, name)]
    return {
        key: np.frombuffer(value[1], f"<{value[0]}") if isinstance(value, list) else value
        for key, value in found.items()
    }


def test_all_runs_come_as_of_one_frame_with_what_else_there_is(filled: Server) -> None:
    answer = ask(filled)
    assert answer["v"] == 1
    assert answer["seq"] == -(-ROWS // 50_000) + 1
    assert answer["lines"] == []
    assert answer["runs"] == {
        "r1": {"last": ROWS, "names": ["loss", "test_loss"]},
        "r2": {"last": ROWS + 1, "names": ["loss"]},
    }


def test_buckets_hold_extremes_last_and_mean_of_their_rows(filled: Server) -> None:
    answer = ask(filled, columns="loss", width=400)
    for run in ("r1", "r2"):
        found = line(answer, run, "loss")
        values = np.append(LOSS[run], [0.5] if run == "r2" else [])
        assert 200 <= len(found["first"]) <= 401
        assert (found["first"][0], found["last"][-1]) == (1, len(values))
        for i, (first, last) in enumerate(zip(found["first"], found["last"], strict=True)):
            rows = values[int(first) - 1 : int(last)]
            finite = rows[np.isfinite(rows)]
            assert found["bad"][i] == len(rows) - len(finite)
            assert (found["low"][i], found["high"][i]) == (finite.min(), finite.max())
            assert found["mean"][i] == pytest.approx(finite.mean(), abs=1e-6)
            assert np.array_equal(found["final"][i], rows[-1], equal_nan=True)


def test_a_small_range_comes_row_by_row(filled: Server) -> None:
    answer = ask(filled, columns="loss,test_loss", first=99_900, last=100_100, width=100)
    found = line(answer, "r1", "loss")
    assert found["steps"].tolist() == list(range(99_900, 100_101))
    assert np.array_equal(found["values"], LOSS["r1"][99_899:100_100])
    assert line(answer, "r1", "test_loss")["steps"].tolist() == [99_900, 100_000, 100_100]
    assert len(answer["lines"]) == 3


def test_samples_are_rows_that_were_recorded(filled: Server) -> None:
    found = line(ask(filled, samples="loss", width=300), "r2", "loss")
    assert found["thin"] is True
    values = np.append(LOSS["r2"], 0.5)
    assert found["values"].tolist() == values[found["steps"].astype(int) - 1].tolist()
    assert found["steps"][-1] == ROWS + 1


@pytest.mark.parametrize(
    ("query", "field", "mend"),
    [
        ({"first": 9, "last": 8}, "last", "first=9"),
        ({"width": 0}, "width", "1"),
        ({"width": 5000}, "width", "4096"),
        ({"first": 0}, "first", "1"),
        ({"columns": ",".join(f"c{n}" for n in range(300)), "width": 4096}, "width", "at most"),
    ],
)
def test_bad_questions_are_answered_with_field_value_and_range(
    filled: Server, query: dict[str, Any], field: str, mend: str
) -> None:
    answer = filled.client.get("/api/experiments/lines/lines", params=query)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["field"] == field
    assert mend in error["allowed"]


def test_an_experiment_that_is_not_there(filled: Server) -> None:
    assert filled.client.get("/api/experiments/nope/lines").status_code == 404
