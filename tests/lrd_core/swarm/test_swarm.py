"""Swarms are what `LRD` makes of the same starts on torch's gradients.

Tolerance in float64: 1e-9 of a position, of which rounding over these steps takes less than 1e-11;
a wrong mask, a state that is not kept or a correction for bias left out moves it by more than 1e-3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lrd_core.engine.experiment import check_experiment
from lrd_core.optim.policies import POLICIES
from lrd_core.optim.random_bits import derive, kept, normal
from lrd_core.optim.rules import RULES
from lrd_core.settings import SettingError
from lrd_core.swarm import NEVER, is_prepared, near, swarm
from tests.lrd_core.engine.recorder import trained as recorded
from tests.lrd_core.swarm.interpreted import interpret
from tests.lrd_core.swarm.reference import alone, backward, base, run, starts, surface, trained

#: A policy that changes the optimizer's state has no lines in a kernel.
DRAWN = [name for name in POLICIES if name != "masked_momentum"]
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
SEED = 5
#: Every way to choose, compiled; all else is run line by line by Python.
COMPILED = [
    ("adam", "elementwise", {}),
    ("amsgrad", "gradient_dropout", {"rescale": True}),
    ("sgd", "momentum_aligned", {"policy_settings": {"rest": 0.25}}),
    ("rmsprop", "per_step", {}),
    ("nadam", "cautious", {}),
    ("radam", "gradient_noise", {}),
]


@pytest.mark.parametrize("policy", DRAWN)
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_with_every_policy_is_lrd(
    rule: str, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpret(monkeypatch)
    on = surface("himmelblau")
    spec = run(rule, on, policy=policy)
    at = starts(on, 2)
    found = swarm(on, spec, at, 25, seed=SEED, masks="shared", threads=1)
    wanted = alone(on, spec, at, 25, SEED)
    np.testing.assert_allclose(np.stack([found.x, found.y], 1), wanted, **CLOSE)


@pytest.mark.parametrize("policy", DRAWN)
def test_every_policy_with_its_factors(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    interpret(monkeypatch)
    on = surface("two_valleys")
    own = {"momentum_aligned": {"rest": 0.25}, "gradient_noise": {"scale": 0.5}}
    given = {"rescale": True, "policy_settings": own.get(policy, {})}
    spec = run("adam", on, policy=policy, drop_rate=0.3, **given)
    at = starts(on, 2)
    found = swarm(on, spec, at, 25, seed=SEED, masks="shared", threads=1)
    wanted = alone(on, spec, at, 25, SEED)
    np.testing.assert_allclose(np.stack([found.x, found.y], 1), wanted, **CLOSE)


def test_of_equal_alignment_the_first_coordinate_is_kept() -> None:
    on = surface("styblinski_tang")
    spec = run("sgd", on, policy="momentum_aligned", policy_settings={"rest": 0.25})
    found = swarm(on, spec, [[1.0, 1.0]], 1)
    assert abs(found.x[0] - 1.0) == pytest.approx(4 * abs(found.y[0] - 1.0))


@pytest.mark.parametrize(("rule", "policy", "given"), COMPILED)
def test_compiled_it_is_lrd(rule: str, policy: str, given: dict[str, Any]) -> None:
    on = surface("himmelblau")
    spec = run(rule, on, policy=policy, **given)
    at = starts(on, 3)
    found = swarm(on, spec, at, 60, seed=SEED, masks="shared", threads=1)
    np.testing.assert_allclose(
        np.stack([found.x, found.y], 1), alone(on, spec, at, 60, SEED), **CLOSE
    )


@pytest.mark.parametrize(
    ("name", "rotation"),
    [("beale", 0.0), ("ackley", 0.0), ("rastrigin", 0.0), ("beale", 30.0), ("saddle", -135.0)],
)
def test_surfaces(name: str, rotation: float) -> None:
    on = surface(name, rotation)
    spec = run("adam", on, settings={"weight_decay": 0.0})
    at = starts(on, 300)
    found = swarm(on, spec, at, 100, seed=SEED)
    wanted = list(trained(on, spec, at, 100, SEED))[-1]
    np.testing.assert_allclose(np.stack([found.x, found.y], 1), wanted, **CLOSE)


@pytest.mark.parametrize(("rule", "policy"), [("adam", "elementwise"), ("nadam", "cautious")])
def test_own_masks_are_those_of_one_parameter_of_all_starts(rule: str, policy: str) -> None:
    on = surface("himmelblau")
    spec = run(rule, on, policy=policy, drop_rate=0.7)
    # More than one call takes: blocks count on from one to the next.
    at = starts(on, 2500)
    found = swarm(on, spec, at, 40, seed=SEED, threads=2)
    path = list(trained(on, spec, at, 40, SEED))
    # Where a slope is all but zero at the first step, its rounding is much of g / |g|.
    np.testing.assert_allclose(np.stack([found.x, found.y], 1), path[-1], rtol=1e-7, atol=1e-7)
    first = swarm(on, spec, at[:1], 40, seed=SEED, masks="shared")
    assert (first.x[0], first.y[0]) == (found.x[0], found.y[0])


@pytest.mark.parametrize("policy", ["per_tensor", "per_step"])
def test_own_coins_of_a_start(policy: str) -> None:
    on = surface("himmelblau")
    spec = run("rmsprop", on, policy=policy)
    at = starts(on, 4)
    found = swarm(on, spec, at, 40, seed=SEED)
    for i, point in enumerate(at):
        position = torch.nn.Parameter(torch.tensor(point))
        optimizer = base(spec, position)
        for step in range(1, 41):
            before = position.detach().clone()
            backward(on, position)
            optimizer.step()
            if not kept(SEED, step, 0, 2 * i, 0.5):
                position.data.copy_(before)
        np.testing.assert_allclose([found.x[i], found.y[i]], position.detach().numpy(), **CLOSE)


def test_own_noise_of_a_start() -> None:
    on = surface("himmelblau")
    spec = run("radam", on, drop_rate=0.8, policy="gradient_noise")
    at = starts(on, 4)
    found = swarm(on, spec, at, 40, seed=SEED)
    for i, point in enumerate(at):
        position = torch.nn.Parameter(torch.tensor(point))
        optimizer = base(spec, position)
        for step in range(1, 41):
            backward(on, position)
            assert position.grad is not None
            z = normal(derive(SEED, "gradient noise"), step, 0, 2, dtype=torch.float64, start=2 * i)
            position.grad += 2.0 * position.grad.square().mean().sqrt() * z
            optimizer.step()
        np.testing.assert_allclose([found.x[i], found.y[i]], position.detach().numpy(), **CLOSE)


def test_drop_rate_0_leaves_nothing_out() -> None:
    on = surface("himmelblau")
    at = starts(on, 50)
    ends = []
    for rule, policy, given in COMPILED[:1] + COMPILED[-2:-1]:
        spec = run(rule, on, drop_rate=0.0, policy=policy, **given)
        found = swarm(on, spec, at, 60, seed=SEED)
        position = torch.nn.Parameter(torch.tensor(at))
        optimizer = base(spec, position)
        for _ in range(60):
            backward(on, position)
            optimizer.step()
        np.testing.assert_allclose(np.stack([found.x, found.y], 1), position.detach(), **CLOSE)
        ends.append(found.x)
    assert not np.allclose(ends[0], ends[1])


def test_one_start_is_the_run_of_an_experiment() -> None:
    given = [
        {"optimizer": "adam", "drop_rate": 0.5},
        {"optimizer": "adam", "drop_rate": 0.5, "settings": {"lr": 0.02}},
    ]
    spec = check_experiment(
        {"problem": "himmelblau", "seed": 9, "steps": 50, "speed": 0, "runs": given}
    )
    recorder = recorded(spec)
    on = surface("himmelblau")
    for one in spec.runs:
        for steps in (1, 7, 50):
            found = swarm(on, one, [on.start], steps, seed=9)
            row = recorder.rows[one.id, steps]
            np.testing.assert_allclose([found.x[0], found.y[0]], [row["x"], row["y"]], **CLOSE)


def test_a_turned_surface_has_the_basins_of_its_angle_and_one_code() -> None:
    """Plain SGD goes the same way however the axes lie; every angle runs the same code."""
    flat = surface("himmelblau")
    spec = run("sgd", flat, drop_rate=0.0, settings={"momentum": 0.0, "dampening": 0.0})
    spec.settings["weight_decay"] = 0.0
    at = starts(flat, 300)
    still = swarm(flat, spec, at, 80, seed=SEED)
    assert np.mean(still.which != 255) > 0.5
    for angle in (90.0, 33.0):
        on = surface("himmelblau", angle)
        assert on.turn is not None
        there = np.stack(on.turn.there(*at.T), axis=1)
        found = swarm(on, spec, there, 80, seed=SEED)
        assert np.array_equal(found.which, still.which)
        assert np.array_equal(found.reached_at, still.reached_at)
        assert is_prepared(surface("himmelblau", angle + 1), spec, dtype="float64")


def test_threads_and_company_change_no_bit() -> None:
    on = surface("himmelblau")
    spec = run("adam", on)
    at = starts(on, 5000)
    one = swarm(on, spec, at, 20, seed=SEED, dtype="float32", threads=1)
    for count, threads in ((5000, 2), (257, 2), (1, 1)):
        part = swarm(on, spec, at[:count], 20, seed=SEED, dtype="float32", threads=threads)
        assert part.x.dtype == np.float32
        assert np.array_equal(part.x, one.x[:count])
        assert np.array_equal(part.y, one.y[:count])


def test_float32_is_near_float64() -> None:
    on = surface("himmelblau")
    spec, at = run("adam", on), starts(on, 1000)
    single = swarm(on, spec, at, 60, seed=SEED, dtype="float32")
    double = swarm(on, spec, at, 60, seed=SEED)
    # Starts beside the border of two basins part.
    apart = np.hypot(single.x - double.x, single.y - double.y)
    assert np.mean(apart > 1e-3) < 0.01


def test_steps_to_the_first_minimum_that_is_near() -> None:
    on = surface("himmelblau")
    spec = run("adam", on, drop_rate=0.8, settings={"lr": 0.05, "weight_decay": 0.0})
    at = np.concatenate([starts(on, 199), [[3.0, 2.0]]])
    found = swarm(on, spec, at, 150, seed=SEED)
    path = np.stack([at, *trained(on, spec, at, 150, SEED)])
    minima = np.array([(p.x, p.y) for p in on.view.points if p.kind != "saddle"])
    distance = np.linalg.norm(path[:, :, None] - minima, axis=-1)
    close = distance < near(on)
    ever = close.any(axis=(0, 2))
    first = close.any(axis=2).argmax(axis=0)
    assert 0.2 < ever.mean() < 1
    assert np.array_equal(found.reached_at, np.where(ever, first, NEVER))
    which = close[first, np.arange(len(at))].argmax(axis=1)
    assert np.array_equal(found.which, np.where(ever, which, 255))
    assert (found.reached_at[-1], found.which[-1]) == (0, which[-1])
    assert len(set(which[ever])) == 4


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("steps", {"steps": 0}),
        ("starts", {"starts": np.zeros((3, 3))}),
        ("starts", {"starts": [[0.0, float("nan")]]}),
        ("starts", {"starts": np.zeros((0, 2))}),
        ("masks", {"masks": "other"}),
        ("dtype", {"dtype": "float16"}),
        ("threads", {"threads": 0}),
    ],
)
def test_bad_input_is_named(field: str, given: dict[str, Any]) -> None:
    on = surface("himmelblau")
    arguments = {"starts": [on.start], "steps": 5} | given
    with pytest.raises(SettingError) as error:
        swarm(on, run("adam", on), **arguments)
    assert error.value.field == field


def test_a_policy_that_changes_the_state_is_refused() -> None:
    on = surface("himmelblau")
    with pytest.raises(SettingError, match=r"^policy: 'masked_momentum' .* that draws coins"):
        swarm(on, run("sgd", on, policy="masked_momentum"), starts=[on.start], steps=5)
