"""The catalogue: what is in it, in which order, and what a newcomer has to do to join."""

import importlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lrd_core.problems
from lrd_core.data import DATASETS
from lrd_core.optim.rules import get_rule
from lrd_core.problems import PROBLEMS, get_problem, surfaces
from lrd_core.settings import SettingError, check_settings

RULES = {
    "sgd",
    "adam",
    "adamw",
    "amsgrad",
    "nadam",
    "radam",
    "lion",
    "rmsprop",
    "adagrad",
    "adadelta",
}


def test_the_menu_lists_surfaces_first_in_their_order():
    assert list(PROBLEMS) == [
        "beale",
        "rosenbrock",
        "himmelblau",
        "rastrigin",
        "ackley",
        "styblinski_tang",
        "three_hump_camel",
        "booth",
        "ravine",
        "saddle",
        "turned_saddle",
        "monkey_saddle",
        "two_valleys",
        "own_formula",
        "digits",
        "noisy-digits",
        "spirals",
        "matrix-factorisation",
        "linear-network",
        "mnist-mlp",
        "mnist-cnn",
        "fashion-mnist-cnn",
        "shakespeare",
        "cifar10-resnet34",
        "cifar100-densenet121",
    ]


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_entry_can_be_shown(name):
    problem = get_problem(name)
    assert problem.name == name
    assert problem.kind in ("surface", "task")
    assert problem.label
    assert problem.about.endswith((".", "?"))
    assert problem.steps > 0
    assert problem.speed >= 0
    assert 1 <= problem.test_every <= problem.steps
    assert problem.data in ("", *DATASETS)
    assert set(problem.suggested_lr) == RULES
    assert all(0 < lr <= 1000 for lr in problem.suggested_lr.values())
    check_settings(problem.settings, {s.name: s.default for s in problem.settings})
    assert not any(setting.live for setting in problem.settings)
    for rule, suggested in problem.suggested_settings.items():
        known = get_rule(rule)
        settings = check_settings(known.settings, {**suggested, "lr": problem.suggested_lr[rule]})
        assert known.group_options(settings)


@pytest.mark.parametrize("name", [name for name, one in PROBLEMS.items() if not one.data])
def test_every_entry_that_needs_no_data_is_built_from_its_defaults(name):
    instance = get_problem(name).build({}, 0)
    assert len(instance.names) == len(instance.parameters) == len(set(instance.names))
    loss = instance.loss(1)
    assert loss.shape == ()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in instance.parameters)


@pytest.mark.parametrize("name", PROBLEMS)
def test_an_epoch_has_as_many_examples_as_the_menu_says(name):
    problem = PROBLEMS[name]
    if problem.data:
        known = DATASETS[problem.data]
        # Shakespeare's passages follow from their length.
        assert problem.examples == (sum(known.train_counts) if name != "shakespeare" else 0)
        return
    instance = problem.build({}, 0)
    batch = {s.name: s.default for s in problem.settings}.get("batch", 1)
    assert instance.steps_per_epoch == problem.examples // batch


@given(st.text().filter(lambda name: name not in PROBLEMS))
def test_an_unknown_problem_is_refused_with_the_names_there_are(name):
    with pytest.raises(SettingError, match="one of beale, rosenbrock") as caught:
        get_problem(name)
    assert (caught.value.field, caught.value.value) == ("problem", name)


@pytest.mark.parametrize("name", [None, 3, ["beale"], {}])
def test_a_name_that_is_no_text_is_refused_alike(name):
    with pytest.raises(SettingError):
        get_problem(name)


MINE = """
from lrd_core.problems import View
from lrd_core.problems.surfaces.surface import Surface, lr_table, minimum_at

PROBLEM = Surface(
    name="bowl",
    label="Bowl",
    formula="x² + y²",
    about="A bowl.",
    value=lambda x, y, math: x**2 + y**2,
    view=View((-1.0, 1.0), (-1.0, 1.0), points=(minimum_at(0.0, 0.0),)),
    start=(0.5, 0.5),
    suggested_lr=lr_table(
        sgd=0.01, adam=0.01, radam=0.01, rmsprop=0.01, adagrad=0.1, adadelta=1.0
    ),
)
"""


@pytest.fixture
def folder_of_surfaces(tmp_path, monkeypatch):
    monkeypatch.setattr(surfaces, "__path__", [*surfaces.__path__, str(tmp_path)])
    yield tmp_path
    monkeypatch.undo()
    sys.modules.pop("lrd_core.problems.surfaces.bowl", None)
    importlib.reload(lrd_core.problems)


def test_one_new_file_is_all_that_a_surface_needs(folder_of_surfaces):
    (folder_of_surfaces / "bowl.py").write_text(MINE, encoding="utf-8")
    (folder_of_surfaces / "helper.py").write_text("NOT_A_PROBLEM = 1", encoding="utf-8")
    found = importlib.reload(lrd_core.problems)
    assert found.get_problem("bowl").label == "Bowl"
    surfaces_there = [name for name, one in found.PROBLEMS.items() if one.kind == "surface"]
    assert surfaces_there[-1] == "bowl"
