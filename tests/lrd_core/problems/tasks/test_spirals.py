"""Two spirals: where the points are, and that the default network tells them apart."""

import numpy as np
import torch

from lrd_core.problems import get_problem
from lrd_core.problems.tasks.spirals import points

SPIRALS = get_problem("spirals")


def test_points_lie_on_two_spirals_half_a_turn_apart():
    place, classes = points("train", 400, 1.5, 0.0)
    radius = place.norm(dim=1) / 3
    angle = torch.atan2(place[:, 1], place[:, 0])
    along = (radius - 0.1) / 0.9
    off = angle - 2 * torch.pi * 1.5 * along - torch.pi * classes
    assert (torch.sin(off).abs() < 1e-4).all()
    assert (torch.cos(off) > 0.99).all()
    assert torch.bincount(classes).tolist() == [200, 200]
    assert 0.1 <= radius.min() < 0.12
    assert 0.98 < radius.max() <= 1


def test_noise_moves_the_points_by_its_deviation():
    still, _ = points("train", 1000, 1.5, 0.0)
    moved, _ = points("train", 1000, 1.5, 0.05)
    assert abs(((moved - still) / 3).std().item() - 0.05) < 0.005


def test_held_out_points_are_other_ones():
    train, _ = points("train", 1000, 1.5, 0.02)
    test, _ = points("test", 1000, 1.5, 0.02)
    assert torch.cdist(train, test).min() > 0
    assert torch.equal(points("test", 1000, 1.5, 0.02)[0], test)


def test_the_network_tells_them_apart_and_a_linear_model_cannot():
    accuracy = {}
    for depth in (0, 2):
        instance = SPIRALS.build({"depth": depth}, 0)
        optimizer = torch.optim.Adam(instance.parameters, lr=SPIRALS.suggested_lr["adam"])
        for step in range(1, 301):
            optimizer.zero_grad()
            instance.loss(step).backward()
            optimizer.step()
        accuracy[depth] = instance.test()["test_accuracy"]
    assert accuracy[0] < 0.8
    assert accuracy[2] > 0.98


def test_the_seed_chooses_the_order_and_not_the_points():
    instances = [SPIRALS.build({"batch": 1000}, seed) for seed in (0, 1)]
    (one, _), (other, _) = (instance.batches.batch(1) for instance in instances)
    assert not torch.equal(one, other)
    assert np.array_equal(np.sort(one.numpy(), axis=0), np.sort(other.numpy(), axis=0))
