"""Sweeps over REST: a grid is trained, looked at, stopped, deleted; and every bad input."""

from __future__ import annotations

import csv
import io
import statistics
from typing import Any

import pytest

from tests.backend.server import Server, until

LR = {"setting": "lr", "values": [0.01, 0.003]}
DROP = {"setting": "drop_rate", "values": [0.0, 0.5]}


def ended(server: Server, id: str, state: str = "finished") -> Any:
    """All cells of a sweep, once it is in `state`."""

    def look() -> Any:
        found = server.get(f"/api/sweeps/{id}/cells")
        return found if found["state"] == state else None

    return until(look, what=f"the end of sweep {id}")


def test_a_sweep_of_a_task_has_the_numbers_of_its_runs(server: Server) -> None:
    made = server.post(
        "/api/sweeps", 201, x=DROP, y=LR, seeds=3, steps=60, test_every=20, name="small"
    )
    assert (made["kind"], made["measures"][0]) == ("task", "test_loss")
    assert (made["y"]["values"], made["y"]["label"]) == ([0.003, 0.01], "learning rate")
    assert [len(row) for row in made["grid"]] == [1, 1]
    found = ended(server, made["id"])
    assert [(cell["y"], cell["x"]) for cell in found["cells"]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found["progress"] == 1.0
    for cell in found["cells"]:
        id, run = made["grid"][cell["y"]][0], f"r{cell['x'] + 1}"
        names = "loss/mean,loss/sd,test_loss/mean,test_loss/sd"
        series = server.get(f"/api/experiments/{id}/series", run=run, columns=names)["columns"]
        last = {name: series[name]["values"][-50:] for name in series}
        loss, held_out = cell["values"]["loss"], cell["values"]["test_loss"]
        assert loss["n"] == held_out["n"] == 3
        assert loss["mean"] == pytest.approx(statistics.fmean(last["loss/mean"]))
        assert loss["sd"] == pytest.approx(statistics.fmean(last["loss/sd"]))
        assert held_out["mean"] == pytest.approx(last["test_loss/mean"][-1])
        assert held_out["sd"] == pytest.approx(last["test_loss/sd"][-1])
        assert (cell["state"], cell["step"], cell["changed"]) == ("finished", 60, False)
        trained = server.experiment(id)["runs"][cell["x"]]
        assert trained["drop_rate"] == made["x"]["values"][cell["x"]]
        assert trained["settings"]["lr"] == made["y"]["values"][cell["y"]]
    # Only what is new comes again, which is nothing.
    assert server.get(f"/api/sweeps/{made['id']}/cells", after=found["cursor"])["cells"] == []
    text = server.client.get(f"/api/sweeps/{made['id']}/table").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["drop_rate"], row["lr"]) for row in rows][1] == ("0.5", "0.003")
    assert float(rows[3]["test_loss_sd"]) == found["cells"][3]["values"]["test_loss"]["sd"]


def test_a_sweep_on_a_surface_has_an_experiment_a_seed(server: Server) -> None:
    y = {"setting": "lr", "values": [0.05, 100.0]}
    run = {"optimizer": "sgd", "settings": {"momentum": 0.0}}
    made = server.post("/api/sweeps", 201, problem="booth", run=run, x=DROP, y=y, seeds=2)
    assert [len(row) for row in made["grid"]] == [2, 2]
    cells = {(c["x"], c["y"]): c for c in ended(server, made["id"])["cells"]}
    tame, wild = cells[1, 0], cells[0, 1]
    assert wild["state"] == "diverged"
    assert wild["diverged_step"] is not None
    assert "distance" not in wild["values"] or wild["values"]["distance"]["mean"] > 1
    # Each seed has masks of its own, but nothing else: where nothing is dropped they are equal.
    assert cells[0, 0]["values"]["steps_to_minimum"]["sd"] == 0
    steps = []
    for id in made["grid"][0]:
        loss = server.get(f"/api/experiments/{id}/series", run="r2", columns="loss")
        values = loss["columns"]["loss"]["values"]
        steps.append(1 + next(i for i, value in enumerate(values) if value < 1e-3))
    assert steps[0] != steps[1]
    value = tame["values"]["steps_to_minimum"]
    assert (value["mean"], value["n"]) == (statistics.fmean(steps), 2)
    assert value["sd"] == pytest.approx(statistics.stdev(steps))


def test_a_sweep_waits_behind_others_stops_goes_on_and_comes_back(server: Server) -> None:
    made = server.post("/api/sweeps", 201, x=DROP, y=LR, steps=2_000_000, name="long")
    id = made["id"]
    ids = [one for row in made["grid"] for one in row]
    # One place is always left for whoever comes, who does not have to wait for the sweep.
    other = server.create(problem="booth", paused=True)
    assert server.post("/api/experiments/open/task")["id"] not in ids
    assert other["state"] == "paused"
    assert server.post(f"/api/sweeps/{id}/stop")["state"] == "stopped"
    states = {server.experiment(one)["state"] for one in ids}
    assert states == {"cancelled"}
    for cell in server.get(f"/api/sweeps/{id}/cells")["cells"]:
        assert cell["message"].startswith("stopped at step")
    again = server.post(f"/api/sweeps/{id}/resume")
    assert again["state"] in ("queued", "running")
    assert server.client.patch(f"/api/sweeps/{id}", json={"name": "new"}).json()["name"] == "new"
    assert server.client.delete(f"/api/sweeps/{id}").status_code == 204
    assert id not in {one["id"] for one in server.get("/api/sweeps")}
    assert not set(ids) & {one["id"] for one in server.get("/api/experiments")}
    assert server.get("/api/sweeps", deleted=True)[0]["id"] == id
    assert server.post(f"/api/sweeps/{id}/restore")["state"] == "stopped"
    assert id in {one["id"] for one in server.get("/api/sweeps")}
    assert set(ids) <= {one["id"] for one in server.get("/api/experiments")}


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"problem": "nope"}, "problem", "beale"),
    ({"run": {"optimizer": "nope"}}, "run.optimizer", "adam"),
    ({"x": {"setting": "nope", "values": [1.0]}}, "x.setting", "drop_rate, lr"),
    ({"x": {"setting": "nesterov", "values": [1.0]}}, "x.setting", "lr"),
    ({"y": {"setting": "policy.rest", "values": [0.1]}}, "y.setting", "lr"),
    ({"y": DROP}, "y.setting", "another"),
    ({"x": {"setting": "drop_rate", "values": []}}, "x.values", "1 to 16"),
    ({"x": {"setting": "lr", "values": [0.1 + i for i in range(17)]}}, "x.values", "1 to 16"),
    ({"x": {"setting": "drop_rate", "values": [0.1, 1.0]}}, "x.values.1", "[0, 1)"),
    ({"x": {"setting": "drop_rate", "values": [0.1, 0.1]}}, "x.values.1", "once"),
    ({"x": {"setting": "drop_rate", "values": ["0.1"]}}, "x.values.0", "number"),
    ({"seeds": 0}, "seeds", "[1, 32]"),
    ({"problem": "beale", "seeds": 33}, "seeds", "[1, 32]"),
    (
        {
            "problem": "beale",
            "seeds": 30,
            "y": {"setting": "lr", "values": [0.1, 0.2, 0.3]},
        },
        "seeds",
        "at most 21",
    ),
    ({"steps": 0}, "steps", "[1,"),
    ({"run": {"optimizer": "adam", "settings": {"eps": "x"}}}, "run.settings.eps", "number"),
    ({"settings": {"batch": 0}}, "settings.batch", "[1,"),
    ({"name": "x" * 61}, "name", "60"),
]


@pytest.mark.parametrize(
    ("given", "field", "allowed"), BAD, ids=[f"{f}-{i}" for i, (_, f, _) in enumerate(BAD)]
)
def test_bad_input_starts_nothing(
    server: Server, given: dict[str, Any], field: str, allowed: str
) -> None:
    before = server.get("/api/experiments")
    answer = server.client.post("/api/sweeps", json={"x": DROP, "y": LR} | given)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["field"] == field
    assert allowed in error["allowed"]
    assert server.get("/api/experiments") == before


def test_an_unknown_sweep_is_told(server: Server) -> None:
    for path in ("", "/cells", "/table"):
        answer = server.client.get(f"/api/sweeps/nope{path}")
        assert answer.status_code == 404
        assert "nope" in answer.json()["error"]["message"]
