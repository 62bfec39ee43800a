"""The first comparison that a surface proposes is alive, and nothing in it diverges."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lrd_core.problems import PROBLEMS, Surface, get_problem
from lrd_core.seeds import generator

SURFACES = [problem for problem in PROBLEMS.values() if isinstance(problem, Surface)]
every_surface = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)

#: Runs that diverge here do so within the first hundred steps.
STEPS = 300

OPTIMIZERS = {
    "sgd": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    "adam": lambda p, lr: torch.optim.Adam(p, lr=lr),
    "adamw": lambda p, lr: torch.optim.AdamW(p, lr=lr),
    "amsgrad": lambda p, lr: torch.optim.Adam(p, lr=lr, amsgrad=True),
    "nadam": lambda p, lr: torch.optim.NAdam(p, lr=lr),
    "radam": lambda p, lr: torch.optim.RAdam(p, lr=lr),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr=lr),
    "adagrad": lambda p, lr: torch.optim.Adagrad(p, lr=lr),
    "adadelta": lambda p, lr: torch.optim.Adadelta(p, lr=lr),
}


def paths(surface, rule, drop_rates, steps):
    """Positions (steps + 1, N, 2) of one run for each of N drop rates, stepped together."""
    xy = torch.nn.Parameter(torch.tensor([surface.start] * len(drop_rates), dtype=torch.float64))
    optimizer = OPTIMIZERS[rule]([xy], surface.suggested_lr[rule])
    draws = generator(0, "test mask").random((steps, len(drop_rates), 2))
    keep = torch.from_numpy(draws >= np.array(drop_rates)[:, None])
    path = [xy.detach().clone()]
    for mask in keep:
        optimizer.zero_grad()
        surface.value(xy[:, 0], xy[:, 1], torch).sum().backward()
        optimizer.step()
        with torch.no_grad():
            xy.copy_(torch.where(mask, xy, path[-1]))
        path.append(xy.detach().clone())
    return torch.stack(path).numpy()


def losses(surface, path):
    return surface.value(path[..., 0], path[..., 1], np)


@every_surface
def test_the_four_runs_of_the_default_comparison_move_and_stay_in_sight(surface):
    adam = paths(surface, "adam", [0.0, 0.5, 0.9], STEPS)
    sgd = paths(surface, "sgd", [0.5, 0.9], STEPS)
    path = np.concatenate([adam, sgd], axis=1)
    z = losses(surface, path)
    assert np.isfinite(z).all()
    assert (z[-1] < 0.75 * z[0]).all()
    spread = np.array([np.diff(surface.view.x)[0], np.diff(surface.view.y)[0]])
    margin = 0.25 * spread
    assert (path > np.array([surface.view.x[0], surface.view.y[0]]) - margin).all()
    assert (path < np.array([surface.view.x[1], surface.view.y[1]]) + margin).all()
    reach = np.abs((path - path[0]) / spread).max(axis=(0, 2))
    assert (reach > 0.05).all(), "every run travels a visible part of the picture"


@pytest.mark.parametrize("rule", OPTIMIZERS)
@every_surface
def test_no_suggested_learning_rate_diverges(surface, rule):
    z = losses(surface, paths(surface, rule, [0.0, 0.5, 0.9], 40))
    assert np.isfinite(z).all()
    assert (z[-1] < z[0]).all()


@pytest.mark.parametrize("rule", ["adam", "adamw", "amsgrad", "nadam"])
def test_from_the_start_of_two_valleys_plain_adam_ends_in_the_bad_one(rule):
    surface = get_problem("two_valleys")
    end = paths(surface, rule, [0.0], STEPS)[-1, 0]
    assert end == pytest.approx([0.9, 0.405], abs=0.02)


def test_on_two_valleys_momentum_with_dropped_coordinates_ends_in_both():
    surface = get_problem("two_valleys")
    ends = paths(surface, "sgd", [0.5] * 40, STEPS)[-1]
    in_the_good_one = np.linalg.norm(ends - np.array([-1.0, 0.5]), axis=1) < 0.05
    assert 0 < in_the_good_one.sum() < 40


def test_on_beale_plain_adam_arrives_and_dropping_slows_it_down():
    surface = get_problem("beale")
    z = losses(surface, paths(surface, "adam", [0.0, 0.5, 0.9], surface.steps))
    assert z[-1, 0] < 1e-3
    assert z[-1, 0] < z[-1, 1] < z[-1, 2]


def test_dropping_leaves_the_ridge_of_a_turned_saddle_only():
    ends = {}
    for name, start in (("saddle", (-1.5, 0.0)), ("turned_saddle", (-1.4, -1.4))):
        surface = replace(get_problem(name), start=start)
        z = losses(surface, paths(surface, "adam", [0.0, *[0.5] * 20], 600))
        ends[name] = z[-1]
    # The saddle's own value is 1, that of the minima 0.
    assert ends["saddle"] == pytest.approx(np.ones(21), abs=1e-6)
    assert ends["turned_saddle"][0] == pytest.approx(1.0, abs=1e-6)
    assert (ends["turned_saddle"][1:] < 0.01).all()
