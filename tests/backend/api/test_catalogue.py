"""What the menus are made of."""

from __future__ import annotations

import json
import math

import pytest

from lrd_core.optim.policies import POLICIES
from lrd_core.optim.rules import RULES
from lrd_core.problems import PROBLEMS
from tests.backend.server import Server


def test_the_catalogue_has_every_problem_and_optimizer_with_ranges(server: Server) -> None:
    catalogue = server.get("/api/catalogue")
    assert [p["name"] for p in catalogue["problems"]] == list(PROBLEMS)
    assert catalogue["max_runs"] == 16
    assert (catalogue["drop_rate"]["low"], catalogue["drop_rate"]["high_open"]) == (0.0, True)
    adam = next(o for o in catalogue["optimizers"] if o["name"] == "adam")
    decay = next(s for s in adam["settings"] if s["name"] == "weight_decay")
    assert decay["low"] == 0.0
    assert decay["high"] is None or decay["high"] >= 0.01
    assert server.get("/api/optimizers") == catalogue["optimizers"]
    assert server.get("/api/problems") == catalogue["problems"]


def test_the_catalogue_has_every_rule_and_policy_with_settings_and_paper(server: Server) -> None:
    catalogue = server.get("/api/catalogue")
    optimizers = {one["name"]: one for one in catalogue["optimizers"]}
    policies = {one["name"]: one for one in catalogue["policies"]}
    assert list(optimizers) == list(RULES)
    assert list(policies) == list(POLICIES)
    assert server.get("/api/policies") == catalogue["policies"]
    for told, known in ((optimizers, RULES), (policies, POLICIES)):
        for name, one in told.items():
            assert one["label"]
            assert one["paper"]
            assert [s["name"] for s in one["settings"]] == [s.name for s in known[name].settings]
            assert all(setting["allowed"] for setting in one["settings"])
    assert all(policy["help"] for policy in policies.values())
    units = {name: policy["unit"] for name, policy in policies.items()}
    assert (
        units.items() >= {"elementwise": "coordinate", "per_step": "step", "cautious": ""}.items()
    )
    acts = {name: policy["acts_on"] for name, policy in policies.items()}
    assert acts.items() >= {"elementwise": "update", "gradient_dropout": "gradient"}.items()
    assert catalogue["rescale"]["kind"] == "bool"


def test_a_surface_has_a_formula_and_its_points(server: Server) -> None:
    beale = server.get("/api/problems/beale")
    assert beale["kind"] == "surface"
    assert beale["surface"]["formula"]
    assert {"x": 3.0, "y": 0.5, "kind": "minimum"} in beale["surface"]["points"]
    assert server.get("/api/problems/digits")["surface"] is None


def test_a_grid_has_the_surfaces_values(server: Server) -> None:
    grid = server.get("/api/problems/booth/grid", n=16)
    assert len(grid["x"]) == len(grid["y"]) == len(grid["z"]) == len(grid["z"][0]) == 16
    x, y, z = grid["x"][3], grid["y"][11], grid["z"][11][3]
    expected = (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2
    assert math.isclose(z, expected, rel_tol=1e-4)


@pytest.mark.parametrize("n", ["15", "401", "abc", "NaN"])
def test_a_grid_of_a_size_out_of_range_is_refused(server: Server, n: str) -> None:
    answer = server.client.get("/api/problems/beale/grid", params={"n": n})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "n"
    assert answer.json()["error"]["value"] == n


def test_a_task_has_no_grid_and_an_unknown_problem_nothing(server: Server) -> None:
    answer = server.client.get("/api/problems/digits/grid")
    assert answer.status_code == 422
    assert "beale" in answer.json()["error"]["allowed"]
    answer = server.client.get("/api/problems/nope")
    assert answer.status_code == 404
    assert answer.json()["error"]["value"] == "nope"


def test_the_interface_describes_itself_without_foreign_help(server: Server) -> None:
    schema = server.get("/api/openapi.json")
    assert "/api/experiments/{id}/controls" in schema["paths"]
    page = server.client.get("/api/docs")
    assert page.status_code == 200
    assert "POST /api/experiments/{id}/controls" in page.text
    assert "<script" not in page.text
    assert "//" not in page.text.replace("<!doctype", "")


def test_unknown_paths_and_methods_are_errors_of_the_same_form(server: Server) -> None:
    for answer, status in (
        (server.client.get("/api/nope"), 404),
        (server.client.delete("/api/health"), 405),
    ):
        assert answer.status_code == status
        assert set(json.loads(answer.text)["error"]) == {"field", "value", "allowed", "message"}


def test_a_turned_surface_is_drawn(server: Server) -> None:
    given = {"problem": "saddle", "settings": {"rotation": 90.0}, "n": 16}
    drawn = server.client.post("/api/surfaces", json=given).json()
    surface, grid = drawn["surface"], drawn["grid"]
    assert (surface["rotation"], surface["pivot"]) == (90.0, [0.0, 0.0])
    assert {"x": 0.0, "y": 0.0, "kind": "saddle"} in surface["points"]
    assert {(p["x"], p["y"]) for p in surface["points"]} >= {(-(2**0.5), 0.0), (2**0.5, 0.0)}
    x, y, z = grid["x"][3], grid["y"][11], grid["z"][11][3]
    assert math.isclose(z, y**2 + (x**2 / 2 - 1) ** 2, rel_tol=1e-4)
    plain = server.client.post("/api/surfaces", json={"problem": "beale", "n": 16}).json()
    assert plain["surface"] == server.get("/api/problems/beale")["surface"]


def test_a_typed_formula_is_drawn_and_a_wrong_one_refused_at_its_character(server: Server) -> None:
    given = {"problem": "own_formula", "settings": {"formula": "log(x) + y^2"}, "n": 16}
    drawn = server.client.post("/api/surfaces", json=given).json()
    assert drawn["surface"]["formula"] == "log(x) + y^2"
    assert drawn["grid"]["z"][0][0] == "NaN"
    given["settings"] = {"formula": "x**2 + 3*sin(z)"}
    for path, body in (
        ("/api/surfaces", given),
        ("/api/experiments", {k: given[k] for k in ("problem", "settings")}),
        ("/api/swarms", {**given, "runs": [{"optimizer": "adam"}]}),
    ):
        answer = server.client.post(path, json=body)
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert (error["field"], error["position"]) == ("settings.formula", 13)
        assert "there is no 'z' (character 14)" in error["message"]
    for bad, field in (({"n": 8}, "n"), ({"problem": "digits"}, "problem")):
        answer = server.client.post("/api/surfaces", json={"problem": "beale", **bad})
        assert answer.status_code == 422
        assert answer.json()["error"]["field"] == field
