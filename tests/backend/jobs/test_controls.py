"""A control's answer names the step that uses it, and comes only once that is stored."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.backend.server import Rows, Server


@pytest.fixture
def running(server: Server) -> Iterator[dict[str, Any]]:
    made = server.create(problem="beale", steps=100_000, speed=120)
    yield made
    server.control(made["id"], kind="stop")


def test_100_controls_take_effect_at_the_very_next_step(
    server: Server, running: dict[str, Any]
) -> None:
    id, random_rate = running["id"], random.Random(7)
    seen = Rows()
    answers = []
    with server.watch(id) as viewer:
        seen.read_to(viewer, 5)
        for number in range(100):
            rate = random_rate.randrange(1, 900) / 1000 + number * 1e-6
            last_before = max(seen.steps("r2"))
            given = {"run": "r2", "setting": "drop_rate", "value": rate}
            answer = server.control(id, kind="set", who="ann", **given)
            assert answer.status_code == 200, answer.text
            out = answer.json()
            assert out["step"] == out["received_step"] + 1
            assert out["step"] > last_before
            assert out["changes"][0]["new"] == rate
            answers.append((out["step"], rate))
            seen.read_to(viewer, out["step"], "r2")
        seen.read_to(viewer, answers[-1][0] + 3, "r2")
    rates = {step: seen.values["r2", step]["drop_rate"] for step in seen.steps("r2")}
    for step, rate in answers:
        assert rates[step] == pytest.approx(rate, rel=1e-6)
        assert rates[step - 1] != pytest.approx(rate, rel=1e-6)
    stored = server.get(f"/api/experiments/{id}/controls")
    assert [(c["step"], c["changes"][0]["new"]) for c in stored] == answers
    assert {c["who"] for c in stored} == {"ann"}
    assert server.experiment(id)["runs"][1]["drop_rate"] == answers[-1][1]


def test_while_paused_a_control_waits_for_the_next_single_step(
    server: Server, running: dict[str, Any]
) -> None:
    id = running["id"]
    assert server.control(id, kind="pause").status_code == 200
    paused = server.state(id, "paused")
    out = server.control(id, kind="set", run="r1", setting="lr", value=0.01).json()
    assert out["step"] == out["received_step"] + 1
    step = server.control(id, kind="step").json()
    assert step["step"] == out["step"]
    after = server.reach(id, out["step"])
    assert after["step"] == out["step"] >= paused["step"] + 1
    lr = server.get(f"/api/experiments/{id}/series", run="r1", columns="lr", first=step["step"] - 1)
    assert lr["columns"]["lr"]["values"] == pytest.approx([0.05, 0.01])
    assert server.experiment(id)["runs"][0]["settings"]["lr"] == 0.01
    assert "lr=0.01" in server.get(f"/api/experiments/{id}/command")["command"]


def test_a_policys_setting_moves_and_is_kept(server: Server, running: dict[str, Any]) -> None:
    id = running["id"]
    spec = {
        "optimizer": "lion",
        "drop_rate": 0.5,
        "policy": "momentum_aligned",
        "policy_settings": {"rest": 0.25},
        "rescale": True,
    }
    out = server.control(id, kind="add_run", spec=spec).json()
    added = server.experiment(id)["runs"][4]
    assert (added["policy"], added["policy_settings"], added["rescale"]) == (
        "momentum_aligned",
        {"rest": 0.25},
        True,
    )
    moved = server.control(id, kind="set", run=out["run"], setting="policy.rest", value=0.5).json()
    assert [(c["setting"], c["old"], c["new"]) for c in moved["changes"]] == [
        ("policy.rest", 0.25, 0.5)
    ]
    assert server.experiment(id)["runs"][4]["policy_settings"] == {"rest": 0.5}
    words = server.get(f"/api/experiments/{id}/command")["command"]
    assert "policy=momentum_aligned policy.rest=0.25 rescale=true" in words
    assert f"--at '{moved['step']} r5 policy.rest=0.5'" in words
    refused = server.control(id, kind="set", run=out["run"], setting="policy.rest", value=2)
    assert refused.json()["error"]["field"] == "policy.rest"
    bad = {**spec, "policy_settings": {"rest": "much"}}
    refused = server.control(id, kind="add_run", spec=bad)
    assert refused.json()["error"]["field"] == "spec.policy_settings.rest"


def test_runs_come_and_go(server: Server, running: dict[str, Any]) -> None:
    id = running["id"]
    spec = {"optimizer": "sgd", "settings": {"lr": 0.001}, "drop_rate": 0.25}
    out = server.control(id, kind="add_run", spec=spec).json()
    assert out["run"] == "r5"
    added = server.experiment(id)["runs"][4]
    assert (added["id"], added["optimizer"], added["drop_rate"]) == ("r5", "sgd", 0.25)
    server.control(id, kind="remove_run", run="r1")
    assert server.experiment(id)["runs"][0]["state"] == "removed"
    server.control(id, kind="restore_run", run="r1")
    assert server.experiment(id)["runs"][0]["state"] == "running"
    server.control(id, kind="speed", value=30.0)
    server.control(id, kind="extend", value=50)
    experiment = server.experiment(id)
    assert (experiment["speed"], experiment["steps"]) == (30.0, 100_050)
    assert "sgd lr=0.001" in server.get(f"/api/experiments/{id}/command")["command"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "set", "run": "r2", "setting": "drop_rate", "value": 1.0}, "drop_rate"),
        ({"kind": "set", "run": "r2", "setting": "lr", "value": "abc"}, "lr"),
        ({"kind": "set", "run": "r2", "setting": "nope", "value": 1}, "setting"),
        ({"kind": "set", "run": "r77", "setting": "lr", "value": 0.1}, "run"),
        ({"kind": "set", "run": "r2", "setting": "lr", "value": [1]}, "value"),
        ({"kind": "fly"}, "kind"),
        ({"kind": "add_run", "spec": {"optimizer": "nope"}}, "spec.optimizer"),
        ({"kind": "add_run", "spec": {"optimizer": "adam", "size": 1}}, "spec.size"),
        ({"kind": "speed", "value": -1}, "value"),
        ({"kind": "pause", "who": "x" * 41}, "who"),
        ({}, "kind"),
    ],
)
def test_a_refused_control_changes_nothing(
    paused: tuple[Server, str], given: Any, field: str
) -> None:
    server, id = paused
    before = server.experiment(id)
    answer = server.client.post(f"/api/experiments/{id}/controls", json=given)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert field in error["field"]
    assert error["allowed"]
    assert server.experiment(id) == before
    assert server.get(f"/api/experiments/{id}/controls") == []


@pytest.fixture(scope="module")
def paused(shared_server: Server) -> tuple[Server, str]:
    made = shared_server.create(problem="booth", paused=True)
    return shared_server, made["id"]


def test_a_seventeenth_run_is_refused(server: Server) -> None:
    runs = [{"optimizer": "adam"}] * 16
    made = server.create(problem="booth", runs=runs, paused=True)
    answer = server.control(made["id"], kind="add_run", spec={"optimizer": "adam"})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "runs"


@pytest.mark.parametrize("text", ["\ud800", "\0"], ids=["surrogate", "zero"])
@pytest.mark.parametrize("field", ["run", "setting", "value", "who"])
def test_text_that_no_store_could_hold_is_refused_by_name(
    paused: tuple[Server, str], field: str, text: str
) -> None:
    server, id = paused
    given = {"kind": "set", "run": "r1", "setting": "lr", "value": 0.1, field: text}
    answer = server.client.post(
        f"/api/experiments/{id}/controls",
        content=json.dumps(given),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"] == field
