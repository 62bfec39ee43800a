"""Basin pictures over HTTP: what comes is what `basins` finds; bad input; who waits for whom."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import numpy as np
import pytest

from backend.api.swarm_pictures import Pictures
from backend.api.swarms import MAX_WAITING, Turns
from backend.errors import ApiError
from lrd_core.engine.experiment import check_run
from lrd_core.problems import Surface, get_problem
from lrd_core.swarm import basins
from tests.backend.server import Server

RUN = {"optimizer": "adam", "drop_rate": 0.5}


def ask(server: Server, **given: Any) -> Any:
    body = {"problem": "himmelblau", "n": 24, "steps": 60, "runs": [RUN]} | given
    return server.client.post("/api/swarms", json=body)


def test_a_picture_a_run(server: Server) -> None:
    runs = [RUN, RUN | {"drop_rate": 0.9}]
    answer = ask(server, runs=runs, seed=4, masks="shared", steps=100)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/msgpack"
    found = msgspec.msgpack.decode(answer.content)
    surface = get_problem("himmelblau")
    assert isinstance(surface, Surface)
    told = {key: found[key] for key in ("v", "n", "steps", "masks", "seed", "x", "y")}
    assert told == {
        "v": 1,
        "n": 24,
        "steps": 100,
        "masks": "shared",
        "seed": 4,
        "x": list(surface.view.x),
        "y": list(surface.view.y),
    }
    assert [point["kind"] for point in found["minima"]] == ["minimum"] * 4
    assert found["seconds"] > 0
    for run, picture in zip(runs, found["pictures"], strict=True):
        wanted = basins(surface, check_run(run, 0, surface.suggested_lr), 24, 100, 4, "shared")
        assert picture["which"] == wanted.which.tobytes()
        at = np.frombuffer(picture["reached_at"], "<u2")
        assert np.array_equal(at, np.minimum(wanted.reached_at.ravel(), 0xFFFF))
        assert np.array_equal(np.frombuffer(picture["curve"], "<f4"), wanted.curve)
        assert picture["reached"] == wanted.reached
        assert picture["median"] == wanted.median
        assert picture["shares"] == wanted.shares
        assert picture["diverged"] == wanted.diverged
    first, second = found["pictures"]
    assert first["which"] != second["which"]


def test_the_second_time_it_is_compiled(server: Server) -> None:
    assert ask(server).status_code == 200
    again = msgspec.msgpack.decode(ask(server, runs=[RUN | {"drop_rate": 0.1}]).content)
    assert again["compiled"] is False


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("problem", {"problem": "digits"}),
        ("problem", {"problem": "nowhere"}),
        ("n", {"n": 15}),
        ("n", {"n": 513}),
        ("n", {"n": 20.5}),
        ("steps", {"steps": 0}),
        ("steps", {"steps": 5001}),
        ("steps", {"steps": 5000, "n": 512, "runs": [RUN] * 2}),
        ("seed", {"seed": -1}),
        ("masks", {"masks": "none"}),
        ("runs", {"runs": []}),
        ("runs", {"runs": [RUN] * 17}),
        ("runs.1.drop_rate", {"runs": [RUN, RUN | {"drop_rate": 1.0}]}),
        ("runs.0.settings.lr", {"runs": [RUN | {"settings": {"lr": -1.0}}]}),
        ("runs.0.optimizer", {"runs": [{"optimizer": "other"}]}),
        ("runs.1.schedule", {"runs": [RUN, RUN | {"schedule": "cosine"}]}),
        ("runs.0.schedule", {"runs": [RUN | {"schedule_settings": {"warm_up": 9}}]}),
        ("client", {"client": "x" * 41}),
        ("colour", {"colour": "red"}),
    ],
)
def test_bad_input_is_named_with_the_mend(server: Server, field: str, given: Any) -> None:
    answer = ask(server, **given)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["field"] == field
    assert error["allowed"]


def test_the_newest_of_a_client_takes_its_place() -> None:
    """Others wait in turn; what is replaced is told so at once."""

    async def scene() -> list[str]:
        turns, order = Turns(), list[str]()
        going = asyncio.Event()

        async def one(client: str, name: str) -> None:
            try:
                async with turns.turn(client):
                    order.append(name)
                    await going.wait()
            except ApiError as error:
                order.append(f"{name}: {error.status}")

        asked = [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3"), ("b", "b2"), ("c", "c1")]
        tasks = []
        for client, name in asked:
            tasks.append(asyncio.create_task(one(client, name)))
            await asyncio.sleep(0)
        tasks[-1].cancel()
        await asyncio.sleep(0)
        going.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with turns.turn("d"):
            order.append("d")
        return order

    order = asyncio.run(scene())
    assert order[0] == "a1"
    assert sorted(order[1:3]) == ["a2: 409", "b1: 409"]
    assert order[3:] == ["a3", "b2", "d"]


def test_a_full_room_is_told() -> None:
    async def scene() -> int:
        turns = Turns()
        async with turns.turn("first"):
            waiting = [
                asyncio.create_task(turns.turn(str(i)).__aenter__()) for i in range(MAX_WAITING)
            ]
            await asyncio.sleep(0)
            with pytest.raises(ApiError) as error:
                async with turns.turn("last"):
                    pass
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        async with turns.turn("again"):
            return error.value.status

    assert asyncio.run(scene()) == 503


def test_what_a_slider_does_not_move_is_not_computed_again(server: Server) -> None:
    surface = get_problem("himmelblau")
    assert isinstance(surface, Surface)
    for rate in (0.1, 0.2, 0.1):
        runs = [RUN, RUN | {"drop_rate": rate}, RUN]
        found = msgspec.msgpack.decode(ask(server, runs=runs, seed=9).content)["pictures"]
        for place, (run, picture) in enumerate(zip(runs, found, strict=True)):
            wanted = basins(surface, check_run(run, place, surface.suggested_lr), 24, 60, 9)
            assert picture["which"] == wanted.which.tobytes()


def test_pictures_are_kept_up_to_a_number_of_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.api.swarm_pictures.MOST", 300)
    made: list[str] = []
    pictures = Pictures()

    def want(name: str) -> Any:
        return pictures.of(name, 100, lambda: made.append(name) or {"name": name})

    for name in ("a", "b", "c", "a", "d", "a", "b"):
        assert want(name) == {"name": name}
    # The fourth is one too many: b was asked for longest ago.
    assert made == ["a", "b", "c", "d", "b"]


def test_basins_of_a_turned_surface_and_of_a_typed_formula(server: Server) -> None:
    given = {"n": 16, "steps": 150, "runs": [{"optimizer": "adam", "settings": {"lr": 0.1}}]}
    for problem, settings, minimum in (
        ("saddle", {"rotation": 90.0}, (2**0.5, 0.0)),
        ("own_formula", {"formula": "(x - 1)**2 + (y + 0.5)**2"}, (1.0, -0.5)),
    ):
        body = {**given, "problem": problem, "settings": settings}
        answer = server.client.post("/api/swarms", json=body)
        assert answer.status_code == 200, answer.text
        found = msgspec.msgpack.decode(answer.content)
        near = [abs(p["x"] - minimum[0]) + abs(p["y"] - minimum[1]) for p in found["minima"]]
        assert min(near) < 1e-9
        assert found["pictures"][0]["reached"] > 0.3


@pytest.mark.parametrize("formula", ["x**2 + y +", "abs(sqrt(x)) + y"])
def test_a_formula_that_cannot_be_computed_is_what_is_named(server: Server, formula: str) -> None:
    given = {"n": 16, "steps": 10, "runs": [{"optimizer": "adam"}]}
    body = {**given, "problem": "own_formula", "settings": {"formula": formula}}
    answer = server.client.post("/api/swarms", json=body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["field"], error["value"]) == ("settings.formula", formula)
