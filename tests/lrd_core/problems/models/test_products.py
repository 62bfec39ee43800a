"""Products of matrices as models: what they compute, where they start."""

import numpy as np
import pytest
import torch

from lrd_core.problems.models.factors import Factors
from lrd_core.problems.models.linear_network import LinearNetwork


def test_factors_multiply():
    model = Factors(30, 20, 3, 0.5, 1)
    assert [tuple(p.shape) for p in model.parameters] == [(30, 3), (20, 3)]
    left, right = (p.detach().numpy().astype("f8") for p in model.parameters)
    found = model(torch.empty(1, 0))
    assert found.shape == (1, 30, 20)
    assert np.abs(found[0].detach().numpy() - left @ right.T).max() < 1e-6


def test_a_linear_network_multiplies_by_its_matrices_in_turn():
    model = LinearNetwork([5, 7, 4, 3], 0.5, 1)
    assert model.names == ["W1", "W2", "W3"]
    product = np.eye(5)
    for weight in model.parameters:
        product = weight.detach().numpy().astype("f8") @ product
    x = torch.randn(11, 5, generator=torch.Generator().manual_seed(0))
    assert np.abs(model(x).detach().numpy() - x.numpy() @ product.T).max() < 1e-6


@pytest.mark.parametrize(
    "make",
    [
        lambda scale, seed: Factors(40, 40, 40, scale, seed),
        lambda scale, seed: LinearNetwork([40, 40, 40], scale, seed),
    ],
)
def test_the_start_is_a_function_of_scale_and_seed(make):
    one, same, other, twice = make(0.1, 1), make(0.1, 1), make(0.1, 2), make(0.2, 1)
    for a, b, c, d in zip(*(m.parameters for m in (one, same, other, twice)), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)
        torch.testing.assert_close(2 * a, d)
    assert all(p.abs().max() == 0 for p in make(0.0, 1).parameters)


def test_scale_is_the_deviation_of_factors_and_the_size_of_a_layers_singular_values():
    factors = Factors(200, 200, 50, 0.3, 0)
    assert factors.parameters[0].std().item() == pytest.approx(0.3, rel=0.05)
    layer = LinearNetwork([200, 100], 0.3, 0).parameters[0]
    largest = torch.linalg.svdvals(layer.detach())[0].item()
    # Of a Gaussian matrix: (√100 + √200) / √200 times the scale (Marchenko and Pastur, 1967).
    assert largest == pytest.approx(0.3 * (1 + 0.5**0.5), rel=0.1)
