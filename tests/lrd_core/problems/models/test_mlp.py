"""The multilayer perceptron: names, shapes, start, and the function that it computes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrd_core.problems.models.mlp import Mlp

SIZES = st.lists(st.integers(1, 20), min_size=2, max_size=6)


def test_parameters_are_named_by_layer():
    model = Mlp([64, 32, 16, 10], 0)
    shapes = {name: tuple(p.shape) for name, p in zip(model.names, model.parameters, strict=True)}
    assert shapes == {
        "fc1.weight": (32, 64),
        "fc1.bias": (32,),
        "fc2.weight": (16, 32),
        "fc2.bias": (16,),
        "out.weight": (10, 16),
        "out.bias": (10,),
    }
    assert Mlp([5, 3], 0).names == ["out.weight", "out.bias"]


@settings(max_examples=25)
@given(SIZES, st.integers(0, 2**40))
def test_logits_and_gradients_are_those_of_torchs_own_layers(sizes, seed):
    model = Mlp(sizes, seed)
    layers = []
    for k in range(len(sizes) - 1):
        layer = torch.nn.Linear(sizes[k], sizes[k + 1])
        layer.weight.data = model.parameters[2 * k].detach().clone()
        layer.bias.data = model.parameters[2 * k + 1].detach().clone()
        layers += [layer, torch.nn.ReLU()]
    twin = torch.nn.Sequential(*layers[:-1])
    x = torch.linspace(-1, 1, 3 * sizes[0]).reshape(3, sizes[0])
    torch.testing.assert_close(model(x), twin(x))
    model(x).square().sum().backward()
    twin(x).square().sum().backward()
    for ours, theirs in zip(model.parameters, twin.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


@settings(max_examples=25)
@given(SIZES, st.integers(0, 2**40))
def test_the_start_is_a_function_of_sizes_and_seed(sizes, seed):
    torch.manual_seed(seed % 1000)
    one, same, other = Mlp(sizes, seed), Mlp(sizes, seed), Mlp(sizes, seed + 1)
    for a, b, c in zip(one.parameters, same.parameters, other.parameters, strict=True):
        assert torch.equal(a, b)
        assert a.dtype == torch.float32
        assert a.ndim == 1 or not torch.equal(a, c)


def test_weights_fill_their_range_and_biases_are_zero():
    model = Mlp([64, 256, 100], 0)
    weight, bias, out, _ = model.parameters
    assert weight.abs().max().item() == pytest.approx((6 / 64) ** 0.5, rel=1e-3)
    assert weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.02)
    assert out.abs().max().item() == pytest.approx(1 / 16, rel=1e-3)
    assert bias.abs().max() == 0
