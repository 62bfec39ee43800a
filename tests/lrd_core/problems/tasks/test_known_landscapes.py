"""Matrix factorisation and the linear network: minima, saddles and plateaus are the known ones."""

import numpy as np
import pytest
import torch

from lrd_core.problems import get_problem
from lrd_core.problems.tasks import linear_network
from lrd_core.problems.tasks.matrix_factorisation import minimum, target
from lrd_core.settings import SettingError

MATRIX, LINEAR = get_problem("matrix-factorisation"), get_problem("linear-network")


def place(instance, *values):
    with torch.no_grad():
        for parameter, value in zip(instance.parameters, values, strict=True):
            parameter.copy_(value)


def loss_and_slope(instance):
    loss = instance.fixed_loss()
    slopes = torch.autograd.grad(loss, instance.parameters)
    return loss.item(), max(slope.abs().max().item() for slope in slopes)


def curvature(instance, along):
    """Second derivative of the loss along a direction."""
    loss = instance.fixed_loss()
    slopes = torch.autograd.grad(loss, instance.parameters, create_graph=True)
    dot = sum((s * a).sum() for s, a in zip(slopes, along, strict=True))
    second = torch.autograd.grad(dot, instance.parameters)
    return sum((s * a).sum() for s, a in zip(second, along, strict=True)).item()


def train(instance, steps, lr=0.01):
    optimizer = torch.optim.Adam(instance.parameters, lr=lr)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        instance.loss(step).backward()
        optimizer.step()


def test_the_matrix_has_the_singular_values_that_are_said():
    values = np.linalg.svd(target(20, 4).numpy(), compute_uv=False)
    assert np.abs(values - [4, 3, 2, 1, *[0] * 16]).max() < 1e-12


def test_the_loss_is_the_squared_distance():
    instance = MATRIX.build({"start": 1.0, "noise": 0.0}, 3)
    left, right = (p.detach().numpy().astype("f8") for p in instance.parameters)
    expected = np.square(target(32, 5).numpy() - left @ right.T).sum()
    assert instance.loss(1).item() == pytest.approx(expected, rel=1e-5)
    assert instance.test() == {"test_loss": pytest.approx(expected, rel=1e-5)}


def test_noise_is_in_what_is_learnt_and_not_in_the_test():
    clean, noisy = (MATRIX.build({"noise": noise, "start": 0.0}, 0) for noise in (0.0, 0.5))
    assert clean.test() == noisy.test()
    # 32² entries of variance 1/4 come on top, and a cross term of mean 0.
    assert noisy.loss(1).item() - clean.loss(1).item() == pytest.approx(256, abs=40)


@pytest.mark.parametrize("kept", [(), (0,), (1,), (0, 1), (1, 3), (0, 1, 3)])
def test_a_part_of_the_singular_values_is_a_saddle_at_the_height_of_the_rest(kept):
    instance = MATRIX.build({"size": 12, "rank": 4, "factors": 4}, 0)
    u, s, vt = torch.linalg.svd(target(12, 4))
    chosen = torch.zeros(4, dtype=torch.float64)
    chosen[list(kept)] = s[list(kept)].sqrt()
    place(instance, u[:, :4] * chosen, vt[:4].T * chosen)
    loss, slope = loss_and_slope(instance)
    missing = [k for k in range(4) if k not in kept]
    assert loss == pytest.approx(sum((4 - k) ** 2 for k in missing), rel=1e-5)
    assert slope < 1e-4
    # Down towards the largest missing one: the curvature along (u, v) / √2 is −2 s there.
    worst = missing[0]
    along = [torch.zeros(12, 4), torch.zeros(12, 4)]
    along[0][:, worst], along[1][:, worst] = u[:, worst], vt[worst]
    assert curvature(instance, along) / 2 == pytest.approx(-2 * (4 - worst), rel=1e-4)


@pytest.mark.parametrize(("factors", "expected"), [(5, 0.0), (3, 5.0), (1, 30.0), (8, 0.0)])
def test_training_ends_at_the_smallest_loss_of_that_rank(factors, expected):
    assert minimum(5, factors) == expected
    instance = MATRIX.build({"factors": factors, "start": 0.1}, 0)
    train(instance, 400, lr=0.02)
    assert instance.loss(1).item() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("problem", [MATRIX, LINEAR])
def test_nothing_leaves_the_saddle_at_zero_from_exactly_there(problem):
    instance = problem.build({"start": 0.0}, 0)
    before = instance.loss(1).item()
    assert before == pytest.approx(1 + 4 + 9 + 16 + 25, rel=1e-5)
    train(instance, 5)
    assert instance.loss(1).item() == before


def test_a_rank_above_the_size_is_refused():
    with pytest.raises(SettingError) as caught:
        MATRIX.build({"size": 4, "rank": 5}, 0)
    assert caught.value.field == "settings.rank"
    assert "the size, 4" in caught.value.allowed


def test_the_linear_networks_loss_is_the_distance_of_its_product_from_the_map():
    """Since the inputs are white."""
    instance = LINEAR.build({"start": 1.0, "width": 7}, 2)
    inputs, targets, test_inputs, test_targets = linear_network.data(0.0)
    assert (inputs.T @ inputs / 256 - torch.eye(16)).abs().max() < 1e-5
    linear_map = torch.linalg.lstsq(inputs.double(), targets.double()).solution.T
    values = torch.linalg.svdvals(linear_map)
    assert (values[:5] - torch.tensor([5.0, 4, 3, 2, 1])).abs().max() < 1e-5
    assert values[5:].max() < 1e-5
    torch.testing.assert_close(
        test_inputs.double() @ linear_map.T, test_targets.double(), atol=1e-4, rtol=1e-4
    )
    product = torch.eye(16, dtype=torch.float64)
    for weight in instance.parameters:
        product = weight.detach().double() @ product
    expected = (linear_map - product).square().sum().item()
    assert instance.loss(1).item() == pytest.approx(expected, rel=1e-4)


def test_a_narrow_linear_network_learns_the_largest_singular_values():
    instance = LINEAR.build({"width": 2, "start": 0.5}, 0)
    train(instance, 400, lr=0.02)
    assert instance.loss(1).item() == pytest.approx(9 + 4 + 1, abs=0.01)
    wide = LINEAR.build({"start": 0.5}, 0)
    train(wide, 400)
    assert wide.loss(1).item() < 0.01
    assert wide.test()["test_loss"] < 0.02


def test_descent_learns_one_singular_value_after_the_other():
    """From near zero, plain descent waits at the known heights 30, 14, 5 and 1."""
    instance = MATRIX.build({"start": 1e-4}, 0)
    optimizer = torch.optim.SGD(instance.parameters, lr=0.01)
    losses = []
    for step in range(1, 801):
        optimizer.zero_grad()
        loss = instance.loss(step)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    for height in (30, 14, 5, 1):
        assert sum(abs(loss - height) < 0.1 * height for loss in losses) > 5
    assert losses[-1] < 1e-3
