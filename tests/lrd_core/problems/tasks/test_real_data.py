"""Tasks on the real data sets: they build, learn in a few steps, and repeat themselves."""

import math

import pytest
import torch

from lrd_core.data import MissingDataError
from lrd_core.problems import PROBLEMS, get_problem

NEED_DATA = [name for name, problem in PROBLEMS.items() if problem.data]

#: Settings that train in seconds, steps, and the test accuracy that they reach by Adam.
QUICK = {
    "mnist-mlp": ({"width": 100}, 100, 0.85),
    "mnist-cnn": ({"width": 4}, 80, 0.8),
    "shakespeare": (
        {"layers": 1, "width": 32, "heads": 2, "context": 32, "test_characters": 1024},
        60,
        0.17,
    ),
    "cifar10-resnet34": ({"width": 4, "batch": 32, "test_images": 100}, 3, 0.0),
}


@pytest.mark.parametrize("name", NEED_DATA)
def test_missing_data_are_told_with_the_mend(name, no_data):
    with pytest.raises(MissingDataError) as caught:
        get_problem(name).build({}, 0)
    assert caught.value.field == "data"
    assert caught.value.value == get_problem(name).data
    assert f"lrd data get {get_problem(name).data}" in caught.value.allowed


@pytest.mark.parametrize("name", QUICK)
def test_it_learns(name, real_data):
    settings, steps, accuracy = QUICK[name]
    problem = get_problem(name)
    instance, same = problem.build(settings, 0), problem.build(settings, 0)
    classes = 65 if name == "shakespeare" else 10
    assert same.fixed_loss().item() == pytest.approx(math.log(classes), abs=0.8)
    optimizer = torch.optim.Adam(instance.parameters, lr=problem.suggested_lr["adam"])
    losses = []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss = instance.loss(step)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(map(math.isfinite, losses))
    assert losses[0] == same.loss(1).item()
    measured = instance.test()
    assert set(measured) == {"test_loss", "test_accuracy"}
    assert measured["test_accuracy"] >= accuracy
    if accuracy:
        assert measured["test_loss"] < same.test()["test_loss"]


@pytest.mark.parametrize("name", ["mnist-cnn", "cifar10-resnet34"])
def test_inputs_are_normalised(name, real_data):
    instance = get_problem(name).build({"width": 4}, 0)
    inputs, labels = instance.batches.fixed()
    assert inputs.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert (inputs.mean((0, 2, 3)).abs() < 0.15).all()
    assert ((inputs.std((0, 2, 3)) - 1).abs() < 0.3).all()  # the customary 0.2 is too small


def test_the_default_networks_are_those_of_the_paper(real_data):
    mlp = get_problem("mnist-mlp").build({}, 0)
    assert [tuple(p.shape) for p in mlp.parameters[::2]] == [(1000, 784), (1000, 1000), (10, 1000)]
    resnet = get_problem("cifar10-resnet34").build({}, 0)
    assert sum(p.numel() for p in resnet.parameters) == 21_282_122
    assert resnet.stack is None
    assert resnet.unstacked == "convolutions are not stacked"
    assert {name.rpartition(".")[2] for name in resnet.buffers} == {"running_mean", "running_var"}


def test_shakespeare_is_learnt_on_the_beginning_and_tested_on_the_end(real_data):
    instance = get_problem("shakespeare").build({"layers": 1, "context": 64}, 0)
    inputs, targets = instance.batches.batch(1)
    assert inputs.shape == targets.shape == (16, 64)
    assert inputs.max() < 65
