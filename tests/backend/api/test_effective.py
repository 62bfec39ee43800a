"""Effective steps over HTTP: sums of learning rate × kept share, against NumPy."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from backend.api.effective import PIECE
from backend.store import Store
from backend.store.frames import pack
from lrd_core.engine.frames import Block, Frame, encode, packed
from tests.backend.server import Server
from tests.backend.store.test_store import experiment

ROWS = 120_000  # more than one piece
DRAWS = np.random.default_rng(3)
LR = DRAWS.uniform(0.001, 0.1, ROWS).astype(np.float32)
KEEP = DRAWS.uniform(0, 1, ROWS).astype(np.float32)
DROP = np.full(ROWS, 0.75, np.float32)
KEEP[-1] = np.nan  # it diverged
SUMS = np.cumsum(LR.astype(np.float64) * np.nan_to_num(KEEP))


async def fill(url: str) -> None:
    store = Store(url)
    made = experiment("effective", state="finished", step=ROWS)
    made.runs[1].rescale = True
    await store.create(made, {"runs": []})
    columns = packed({"loss": np.ones(ROWS), "lr": LR, "keep_rate": KEEP, "drop_rate": DROP})
    blocks = [Block(run.id, 1, 1, ROWS, columns) for run in made.runs[:2]]
    frame = Frame(1, 1, blocks)
    await store.append_frame(made.id, pack(frame, encode(frame)))
    store.close()


@pytest.fixture(scope="module")
def filled(shared_server: Server) -> Server:
    asyncio.run(fill(shared_server.store))
    return shared_server


def ask(server: Server, run: str, **query: Any) -> tuple[np.ndarray[Any, Any], ...]:
    found = server.get("/api/experiments/effective/effective", run=run, **query)
    return np.array(found["steps"]), np.array(found["values"])


def test_every_row_counts_and_the_last_is_given(filled: Server) -> None:
    assert ROWS > PIECE
    steps, values = ask(filled, "r1", width=10)
    assert len(steps) <= 41
    assert steps[-1] == ROWS
    np.testing.assert_allclose(values, SUMS[steps - 1], rtol=1e-9)


def test_a_range_is_summed_from_its_first_step(filled: Server) -> None:
    steps, values = ask(filled, "r1", first=101, last=300)
    assert steps.tolist() == list(range(101, 301))
    np.testing.assert_allclose(values, SUMS[100:300] - SUMS[99], rtol=1e-9)


def test_rescaled_updates_are_divided_by_the_share_that_is_kept(filled: Server) -> None:
    steps, values = ask(filled, "r2", width=10)
    np.testing.assert_allclose(values, SUMS[steps - 1] / 0.25, rtol=1e-6)


@pytest.mark.parametrize(
    ("query", "field"),
    [({"run": "r99"}, "run"), ({"run": "r1", "first": 9, "last": 3}, "last")],
)
def test_a_bad_question_names_its_field(filled: Server, query: dict[str, Any], field: str) -> None:
    answer = filled.client.get("/api/experiments/effective/effective", params=query)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field


def test_a_run_says_what_it_has_measured(filled: Server) -> None:
    found = filled.get("/api/experiments/effective/columns", run="r1")
    assert found["columns"] == ["drop_rate", "keep_rate", "loss", "lr"]
    answer = filled.client.get("/api/experiments/effective/columns", params={"run": "r99"})
    assert answer.json()["error"]["field"] == "run"
