"""Experiments over REST: start, list, look, and every bad input."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.backend.server import Server

ADAM = {"optimizer": "adam"}
ALIGNED = {**ADAM, "policy": "momentum_aligned"}


def test_a_default_experiment_trains_and_tells_all_about_itself(server: Server) -> None:
    made = server.create(problem="digits", seed=3, name="first", steps=200, speed=0)
    id = made["id"]
    assert [run["drop_rate"] for run in made["runs"]] == [0.0, 0.5, 0.0, 0.5]
    assert made["connected"]
    done = server.state(id, "finished")
    assert done["step"] == 200
    assert all(run["state"] == "finished" and run["step"] == 200 for run in done["runs"])
    assert done["tensors"]
    newest = server.get("/api/experiments", limit=1)[0]
    assert (newest["id"], newest["name"], newest["runs"]) == (id, "first", 4)

    series = server.get(
        f"/api/experiments/{id}/series", run="r2", columns="loss,test_loss", last=25
    )
    loss, held_out = series["columns"]["loss"], series["columns"]["test_loss"]
    assert loss["steps"] == list(range(1, 26))
    assert held_out["steps"] == [25]
    window = server.get(f"/api/experiments/{id}/series", run="r2", first=7, last=9)
    assert window["columns"]["loss"] == {"steps": [7, 8, 9], "values": loss["values"][6:9]}

    command = server.get(f"/api/experiments/{id}/command")["command"]
    assert command.startswith("lrd run --problem digits --seed 3 --steps 200")
    assert server.get(f"/api/experiments/{id}/controls") == []
    refused = server.client.get(f"/api/experiments/{id}/series", params={"run": "r9"})
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == "run"


def test_two_first_visitors_share_one_comparison(server: Server) -> None:
    ids: list[str] = []

    def visit() -> None:
        ids.append(server.client.post("/api/experiments/open/surface").json()["id"])

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1
    assert server.experiment(ids[0])["problem"] == "beale"


def test_a_replaced_experiment_stops_once_the_new_one_has_started(server: Server) -> None:
    old = server.create(problem="booth", paused=True)
    new = server.create(problem="booth", seed=1, paused=True, replaces=old["id"])
    ended = server.state(old["id"], "cancelled")
    assert ended["replaced_by"] == new["id"]
    assert "continued" in ended["message"]
    assert new["replaces"] == old["id"]
    answer = server.control(old["id"], kind="pause")
    assert answer.status_code == 409
    assert "resume it first" in answer.json()["error"]["message"]


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"problem": "nope"}, "problem", "beale"),
    ({"problem": 3}, "problem", "string"),
    ({"runs": [{"optimizer": "nope"}]}, "runs.0.optimizer", "adam"),
    ({"runs": [ADAM, {**ADAM, "drop_rate": 1.0}]}, "runs.1.drop_rate", "[0, 1)"),
    ({"runs": [{**ADAM, "drop_rate": -0.1}]}, "runs.0.drop_rate", "[0, 1)"),
    ({"runs": [{**ADAM, "drop_rate": "0.5"}]}, "runs.0.drop_rate", "number"),
    ({"runs": [{**ADAM, "settings": {"lr": "abc"}}]}, "runs.0.settings.lr", "number"),
    ({"runs": [{**ADAM, "settings": {"lr": 1e6}}]}, "runs.0.settings.lr", "number"),
    ({"runs": [{**ADAM, "settings": {"lr": [1]}}]}, "runs.0.settings.lr", "number"),
    ({"runs": [{**ADAM, "settings": {"nope": 1}}]}, "runs.0.settings.nope", "lr"),
    ({"runs": [{**ADAM, "policy": "nope"}]}, "runs.0.policy", "elementwise"),
    (
        {"runs": [ADAM, ADAM, {**ALIGNED, "policy_settings": {"rest": 2}}]},
        "runs.2.policy_settings.rest",
        "[0, 1]",
    ),
    ({"runs": [{**ADAM, "policy_settings": {"rest": 0}}]}, "runs.0.policy_settings.rest", "none"),
    ({"runs": [ADAM] * 17}, "runs", "16"),
    ({"runs": []}, "runs", "16"),
    ({"runs": "adam"}, "runs", "list"),
    ({"problem": "digits", "settings": {"batch": 5000}}, "settings.batch", "1437"),
    ({"settings": {"start_x": 1e9}}, "settings.start_x", "4.6"),
    ({"seed": -1}, "seed", "whole number"),
    ({"seed": True}, "seed", "integer"),
    ({"seed": 1.5}, "seed", "integer"),
    ({"steps": 0}, "steps", "[1,"),
    ({"speed": -5.0}, "speed", "[0,"),
    ({"test_every": 0}, "test_every", "[1,"),
    ({"colour": "red"}, "colour", "/api/docs"),
    ({"replaces": "nope"}, "replaces", "experiment"),
    ({"name": "x" * 101}, "name", "100"),
]


@pytest.mark.parametrize(
    ("given", "field", "allowed"), BAD, ids=[f"{f}-{i}" for i, (_, f, _) in enumerate(BAD)]
)
def test_bad_input_is_answered_with_field_value_and_range(
    server: Server, given: dict[str, Any], field: str, allowed: str
) -> None:
    before = server.get("/api/experiments")
    answer = server.client.post("/api/experiments", json=given)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["field"] == field
    assert allowed in error["allowed"]
    assert field in error["message"]
    assert error["allowed"] in error["message"]
    assert server.get("/api/experiments") == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"runs": [{"optimizer": "adam", "drop_rate": NaN}]}', "runs.0.drop_rate"),
        ('{"runs": [{"optimizer": "adam", "settings": {"lr": Infinity}}]}', "runs.0.settings.lr"),
        ('{"runs": [{"optimizer": "adam", "settings": {"lr": -1e999}}]}', "runs.0.settings.lr"),
        ('{"seed": ' + "9" * 400 + "}", "seed"),
        ('{"seed": ' + "9" * 5000 + "}", "body"),
        ('{"problem": ', "body"),
        ("[" * 100_000, "body"),
        ("[]", "body"),
        ('"\\ud800"', "body"),
        ('{"problem": "\\ud800"}', "problem"),
        ('{"name": "\\ud800"}', "name"),
        ('{"replaces": "\\udfff x"}', "replaces"),
        ('{"settings": {"\\ud800": 1}}', "settings"),
        ('{"settings": {"batch": "\\ud800"}}', "settings"),
        ('{"runs": [{"optimizer": "adam", "label": "\\ud800"}]}', "runs.0.label"),
        ('{"\\ud800": 1}', "body"),
        ("", "body"),
    ],
)
def test_bodies_that_are_not_finite_json_never_break_the_server(
    server: Server, body: str, field: str
) -> None:
    answer = server.client.post(
        "/api/experiments", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"]["field"] == field
    assert server.client.get("/api/health").status_code == 200


def test_unknown_experiments_are_404(server: Server) -> None:
    for path in ("", "/controls", "/command", "/series?run=r1"):
        answer = server.client.get(f"/api/experiments/nope{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]["value"] == "nope"
    assert server.control("nope", kind="pause").status_code == 404


def test_a_diverged_run_is_told_and_breaks_no_answer(server: Server) -> None:
    runs = [
        {"optimizer": "sgd", "settings": {"lr": 100.0, "momentum": 0.9}},
        {"optimizer": "adam", "settings": {"lr": 0.05}},
    ]
    made = server.create(problem="beale", runs=runs, steps=60, speed=0)
    done = server.state(made["id"], "finished")
    wild, tame = done["runs"]
    assert wild["state"] == "diverged"
    assert wild["diverged_step"] == wild["step"] < 60
    assert (tame["state"], tame["step"]) == ("finished", 60)
    loss = server.get(f"/api/experiments/{made['id']}/series", run="r1", columns="loss")
    values = loss["columns"]["loss"]["values"]
    assert values[-1] in ("NaN", "Infinity")
    assert all(isinstance(value, float) for value in values[:-1])
    for path in ("", "/command", "/controls"):
        server.get(f"/api/experiments/{made['id']}{path}")
    server.get("/api/experiments")
    refused = server.control(made["id"], kind="set", run="r1", setting="lr", value=0.001)
    assert refused.status_code == 422
