"""Copies that compute as one: each has, to the bit, the loss and gradients that it has alone."""

import pytest
import torch

from lrd_core.problems.models.factors import Factors
from lrd_core.problems.models.linear_network import LinearNetwork
from lrd_core.problems.models.mlp import Mlp
from lrd_core.problems.models.transformer import Transformer
from lrd_core.problems.tasks import shakespeare
from lrd_core.problems.tasks.matrices import squared_error
from lrd_core.problems.tasks.task import TaskInstance, cross_entropy


class Fixed:
    """The same batch at every step, a function of the seed."""

    steps_per_epoch = 1

    def __init__(self, seed, make):
        self.key = seed
        self._batch = make(torch.Generator().manual_seed(seed))

    def batch(self, step):
        return self._batch


def labelled(batch, inputs, classes):
    return lambda g: (
        torch.rand(batch, inputs, generator=g),
        torch.randint(classes, (batch,), generator=g),
    )


def text(batch, length, vocabulary):
    return lambda g: (
        torch.randint(vocabulary, (batch, length), generator=g),
        torch.randint(vocabulary, (batch, length), generator=g),
    )


CASES = {
    "mlp of the digits": (
        lambda seed: Mlp([64, 64, 10], seed),
        labelled(64, 64, 10),
        cross_entropy,
    ),
    "mlp of the spirals": (
        lambda seed: Mlp([2, 32, 32, 2], seed),
        labelled(64, 2, 2),
        cross_entropy,
    ),
    "mlp as wide as an image": (
        lambda seed: Mlp([784, 100, 10], seed),
        labelled(32, 784, 10),
        cross_entropy,
    ),
    "linear network": (
        lambda seed: LinearNetwork([16, 16, 16, 16], 0.5, seed),
        lambda g: (torch.rand(64, 16, generator=g), torch.rand(64, 16, generator=g)),
        squared_error,
    ),
    "linear network, narrow inside": (
        lambda seed: LinearNetwork([16, 2, 2, 16], 0.5, seed),
        lambda g: (torch.rand(12, 16, generator=g), torch.rand(12, 16, generator=g)),
        squared_error,
    ),
    "factors": (
        lambda seed: Factors(22, 18, 2, 0.5, seed),
        lambda g: (torch.empty(1, 0), torch.rand(1, 22, 18, generator=g)),
        squared_error,
    ),
    "transformer": (
        lambda seed: Transformer(65, 32, 2, 32, 4, seed),
        text(4, 32, 65),
        shakespeare.cross_entropy,
    ),
    "transformer of odd sizes": (
        lambda seed: Transformer(61, 19, 1, 8, 1, seed),
        text(4, 17, 61),
        shakespeare.cross_entropy,
    ),
}


def alone(instance):
    loss = instance.loss(1)
    return loss.detach(), torch.autograd.grad(loss, instance.parameters)


@pytest.mark.parametrize("shared", [True, False], ids=["shared data", "data of their own"])
@pytest.mark.parametrize("name", CASES)
def test_a_copy_has_the_bits_that_it_has_alone_however_many_there_are(name, shared):
    model, data, criterion = CASES[name]
    instances = [
        TaskInstance(model(seed), Fixed(0 if shared else seed, data), "key", dict, criterion)
        for seed in range(5)
    ]
    expected = [alone(instance) for instance in instances]
    for count in (1, 2, 5):
        copies = instances[:count]
        tensors = zip(*(copy.parameters for copy in copies), strict=True)
        stacked = [torch.stack([t.detach() for t in each]).requires_grad_() for each in tensors]
        losses = copies[0].stack.losses(stacked, copies, 1)
        assert losses.shape == (count,)
        gradients = torch.autograd.grad(losses.sum(), stacked)
        for place, (loss, own) in enumerate(expected[:count]):
            assert torch.equal(losses[place].detach(), loss)
            assert all(torch.equal(g[place], o) for g, o in zip(gradients, own, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_data_matter(name):
    """Else equal bits would say little."""
    model, data, criterion = CASES[name]
    losses = {
        TaskInstance(model(0), Fixed(seed, data), "key", dict, criterion).loss(1).item()
        for seed in range(3)
    }
    assert len(losses) == 3


@pytest.mark.parametrize(
    ("model", "data", "criterion"),
    [
        (lambda seed: Mlp([31, 17, 3], seed), labelled(8, 31, 3), cross_entropy),
        (lambda seed: Mlp([32, 16, 4], seed), labelled(7, 32, 4), cross_entropy),
        (
            lambda seed: LinearNetwork([16, 1, 16], 0.5, seed),
            lambda g: (torch.rand(8, 16, generator=g), torch.rand(8, 16, generator=g)),
            squared_error,
        ),
        (
            lambda seed: Factors(23, 23, 4, 0.5, seed),
            lambda g: (torch.empty(1, 0), torch.rand(1, 23, 23, generator=g)),
            squared_error,
        ),
        (
            lambda seed: Transformer(65, 16, 1, 16, 2, seed),
            text(3, 16, 65),
            shakespeare.cross_entropy,
        ),
    ],
)
def test_sizes_with_which_bits_could_differ_are_not_stacked_and_say_why(model, data, criterion):
    instance = TaskInstance(model(0), Fixed(0, data), "key", dict, criterion)
    assert instance.stack is None
    assert "multiples of 4" in instance.unstacked
    loss, gradients = alone(instance)
    assert loss.isfinite()
    assert all(g.abs().max() > 0 for g in gradients)
