"""Experiments are checked at the door: the error names field, value and what is allowed."""

import shlex
from dataclasses import asdict, replace

import pytest

from lrd_core.engine.command import command, parse_at, parse_pairs, parse_run, run_text
from lrd_core.engine.experiment import (
    MAX_RUNS,
    RunSpec,
    check_experiment,
    check_run,
    default_runs,
)
from lrd_core.optim.policies import POLICIES
from lrd_core.optim.rules import RULES
from lrd_core.problems import PROBLEMS
from lrd_core.settings import SettingError
from tests.lrd_core.engine import make_unit_fixture
from tests.lrd_core.engine.recorder import spec

ADAM = {"optimizer": "adam"}
ALIGNED = {"optimizer": "adam", "policy": "momentum_aligned"}


@pytest.mark.parametrize(
    ("given", "field", "allowed"),
    [
        ({"problem": "nope"}, "problem", "beale"),
        ({"problem": 3}, "problem", "name"),
        ({"runs": [{"optimizer": "adamm"}]}, "runs.0.optimizer", "adam"),
        ({"runs": [ADAM, {**ADAM, "drop_rate": 1.0}]}, "runs.1.drop_rate", "[0, 1)"),
        ({"runs": [{**ADAM, "drop_rate": -0.1}]}, "runs.0.drop_rate", "[0, 1)"),
        ({"runs": [{**ADAM, "drop_rate": "abc"}]}, "runs.0.drop_rate", "number"),
        ({"runs": [{**ADAM, "settings": {"lr": float("nan")}}]}, "runs.0.settings.lr", "finite"),
        ({"runs": [{**ADAM, "settings": {"lr": float("inf")}}]}, "runs.0.settings.lr", "finite"),
        ({"runs": [{**ADAM, "settings": {"lr": 1e6}}]}, "runs.0.settings.lr", "1000"),
        ({"runs": [{**ADAM, "settings": {"lr": "abc"}}]}, "runs.0.settings.lr", "number"),
        ({"runs": [{**ADAM, "settings": {"beta9": 1}}]}, "runs.0.settings.beta9", "beta1"),
        ({"runs": [{"optimizer": "sgd", "settings": {"nesterov": True}}]}, "momentum", "0"),
        ({"runs": [{**ADAM, "policy": "rowwise?"}]}, "policy", "elementwise"),
        ({"runs": [{**ALIGNED, "policy_settings": {"rest": 2}}]}, "policy_settings.rest", "[0, 1]"),
        (
            {"runs": [ADAM, ADAM, {**ALIGNED, "policy_settings": {"rest": "a"}}]},
            "runs.2.policy_settings.rest",
            "number",
        ),
        ({"runs": [{**ALIGNED, "policy_settings": {"scale": 1}}]}, "policy_settings.scale", "rest"),
        ({"runs": [{**ADAM, "policy_settings": {"rest": 1}}]}, "policy_settings.rest", "none"),
        ({"runs": [{**ADAM, "policy_settings": [1]}]}, "runs.0.policy_settings", "names with"),
        ({"runs": [{**ADAM, "color": 1}]}, "runs.0.color", "optimizer"),
        ({"runs": [ADAM] * (MAX_RUNS + 1)}, "runs", "at most 16"),
        ({"runs": []}, "runs", "1 to 16"),
        ({"runs": "adam"}, "runs", "1 to 16"),
        ({"problem": "digits", "settings": {"batch": 2000}}, "batch", "1437"),
        ({"problem": "digits", "settings": {"width": 3.5}}, "width", "whole number"),
        ({"problem": "digits", "settings": {"label_noise": 2}}, "label_noise", "0.9"),
        ({"seed": -1}, "seed", "[0"),
        ({"steps": 0}, "steps", "[1"),
        ({"speed": -1}, "speed", "[0"),
        ({"speed": 1e-12}, "speed", "no limit"),
        ({"colour": "red"}, "colour", "problem"),
    ],
)
def test_bad_input_names_field_value_and_mend(given: dict, field: str, allowed: str) -> None:
    with pytest.raises(SettingError) as raised:
        check_experiment(given)
    assert raised.value.field.endswith(field)
    assert allowed in raised.value.allowed
    assert raised.value.field in str(raised.value)


def test_every_problem_has_a_default_comparison_with_four_runs() -> None:
    for name, problem in PROBLEMS.items():
        given = default_runs(name)
        runs = [check_run(run, i, problem.suggested_lr) for i, run in enumerate(given)]
        assert [run.drop_rate > 0 for run in runs] == [False, True, problem.kind == "surface", True]
        assert [run.slot for run in runs] == [0, 1, 2, 3]


def test_the_tasks_default_has_the_fair_baseline_at_lr_times_keep() -> None:
    base, lrd, fair, _ = check_experiment({"problem": "digits"}).runs
    assert fair.optimizer == lrd.optimizer
    assert fair.settings["lr"] == base.settings["lr"] * (1 - lrd.drop_rate)


@pytest.mark.parametrize("rule", list(RULES))
def test_a_command_line_says_the_whole_run(rule: str) -> None:
    run = {"optimizer": rule, "drop_rate": 0.25, "settings": {"lr": 0.0123}}
    experiment = spec(runs=[run])
    text = command(experiment)
    quoted = text.partition("--run '")[2].rstrip("'")
    assert check_experiment({"runs": [parse_run(quoted)]}).runs == experiment.runs


@pytest.mark.parametrize("policy", list(POLICIES))
@pytest.mark.parametrize("rescale", [False, True])
def test_a_command_line_says_the_policy_with_its_settings(policy: str, rescale: bool) -> None:
    given = {s.name: 0.25 for s in POLICIES[policy].settings}
    run = {**ADAM, "drop_rate": 0.5, "policy": policy, "rescale": rescale}
    (made,) = spec(runs=[run | {"policy_settings": given}]).runs
    assert made.policy_settings == given
    text = run_text(made)
    assert all(f" policy.{name}=0.25" in text for name in given)
    assert check_experiment({"runs": [parse_run(text)]}).runs == [made]
    (usual,) = spec(runs=[run]).runs
    assert usual.policy_settings == {s.name: s.default for s in POLICIES[policy].settings}
    assert "policy." not in run_text(usual)


def test_a_run_stored_without_settings_of_its_policy_has_the_usual_ones() -> None:
    old = {k: v for k, v in asdict(spec(runs=[ADAM]).runs[0]).items() if k != "policy_settings"}
    assert run_text(RunSpec(**{**old, "policy": "momentum_aligned"})) == (
        "adam lr=0.05 policy=momentum_aligned"
    )


def test_the_browsers_fixture_of_shared_coins_is_what_the_policies_say() -> None:
    assert make_unit_fixture.PATH.read_text(encoding="utf-8") == make_unit_fixture.text()


def test_a_command_line_says_a_formula_and_its_turn() -> None:
    given = {"formula": "x**2 + 3*sin(y)*2", "rotation": 30.0, "x_low": -2.0, "start_x": 0.5}
    spec = check_experiment({"problem": "own_formula", "settings": given})
    words = shlex.split(command(spec))
    pairs = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    again = check_experiment({"problem": "own_formula", "settings": parse_pairs(pairs, "set")})
    assert again.settings == spec.settings


@pytest.mark.parametrize(
    "text", ["", "5 r1 'x", "x r1 lr=1", "0 r1 lr=1", "5 r1", "5 r1 lr", "5 r1 lr=1 2"]
)
def test_a_scheduled_change_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="use"):
        parse_at(text)


def test_masks_of_ones_own_differ_between_slots_and_seeds() -> None:
    seeds = [
        experiment.mask_seed(replace(experiment.runs[0], slot=slot, mask_slot=-1))
        for experiment in (spec(seed=seed, shared_masks=False) for seed in range(4))
        for slot in range(16)
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_a_policys_setting_among_the_optimizers_is_told_its_name() -> None:
    run = {"optimizer": "lion", "policy": "momentum_aligned", "settings": {"rest": 0.2}}
    with pytest.raises(SettingError, match=r"runs\.0\.settings\.rest: 0\.2 .* policy\.rest"):
        check_experiment({"problem": "beale", "runs": [run]})
