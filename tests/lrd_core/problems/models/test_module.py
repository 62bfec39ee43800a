"""Modules as models, and the convolutional networks: sizes, start, running means, the function."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lrd_core.problems.models.cnn import Cnn
from lrd_core.problems.models.densenet import DenseNet
from lrd_core.problems.models.model import HE
from lrd_core.problems.models.module import ModuleModel
from lrd_core.problems.models.resnet import ResNet

SMALL = {
    "cnn": partial(Cnn, 10, (1, 28, 28), 2),
    "resnet": partial(ResNet, 10, 3, 4, (1, 2)),
    "densenet": partial(DenseNet, 10, 3, 4, (2, 3)),
}


def images(name, batch=6):
    shape = (1, 28, 28) if name == "cnn" else (3, 16, 16)
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(0))


def named(model):
    return dict(zip(model.names, model.parameters, strict=True))


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        # Known sizes of ResNet-34 and DenseNet-121 with the stem for CIFAR.
        (partial(ResNet, 10), 21_282_122),
        (partial(DenseNet, 100), 7_048_548),
        (partial(DenseNet, 10), 6_956_298),
    ],
)
def test_the_networks_have_the_known_number_of_parameters(build, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in build().parameters()) == parameters


@pytest.mark.parametrize("name", SMALL)
def test_the_start_is_a_function_of_the_seed_and_leaves_torchs_generator_alone(name):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one, other = ModuleModel(SMALL[name], 5), ModuleModel(SMALL[name], 6)
    assert torch.equal(torch.rand(3), expected)
    same = ModuleModel(SMALL[name], 5)
    assert one.names == list(dict(SMALL[name]().named_parameters()))
    for tensor, a, b, c in zip(
        one.names, one.parameters, same.parameters, other.parameters, strict=True
    ):
        assert torch.equal(a, b)
        assert a.dtype == torch.float32
        assert torch.equal(a, c) == (a.ndim == 1), tensor


@pytest.mark.parametrize("gain", [1.0, HE])
def test_weights_fill_their_range(gain):
    model = named(ModuleModel(partial(Cnn, 10, (1, 28, 28), 16), 0, gain=gain))
    for name, fan_in in (("conv1.weight", 9), ("conv2.weight", 144), ("hidden.weight", 1568)):
        assert model[name].abs().max().item() == pytest.approx((gain / fan_in) ** 0.5, rel=0.02)
    assert model["out.weight"].abs().max().item() == pytest.approx(128**-0.5, rel=0.02)
    assert model["hidden.bias"].abs().max() == 0


def test_a_layer_without_a_known_start_is_refused():
    with pytest.raises(TypeError, match="GRU"):
        ModuleModel(lambda: nn.Sequential(nn.GRU(3, 3)), 0)


def test_training_moves_the_running_means_as_batch_norm_says_and_testing_does_not():
    model = ModuleModel(SMALL["resnet"], 0)
    assert set(model.buffers) >= {"bn1.running_mean", "bn1.running_var"}
    assert len(model.buffers) == 2 * sum("bn" in n and "weight" in n for n in model.names) + 2
    x = images("resnet")
    before = {name: buffer.clone() for name, buffer in model.buffers.items()}
    first = model(x, train=False)
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.buffers.items())
    trained = model(x)
    seen = F.conv2d(x, named(model)["conv1.weight"], padding=1)
    mean, variance = seen.mean((0, 2, 3)), seen.var((0, 2, 3))
    torch.testing.assert_close(model.buffers["bn1.running_mean"], 0.1 * mean)
    torch.testing.assert_close(model.buffers["bn1.running_var"], 0.9 + 0.1 * variance)
    assert not torch.allclose(first, trained)
    assert not torch.equal(model(x, train=False), first)
    for name, buffer in model.buffers.items():
        buffer.copy_(before[name])
    assert torch.equal(model(x, train=False), first)


def test_testing_takes_each_image_for_itself():
    for name, build in SMALL.items():
        model = ModuleModel(build, 0)
        x = images(name)
        together = model(x, train=False)
        for place in range(len(x)):
            alone = model(x[place : place + 1], train=False)[0]
            torch.testing.assert_close(alone, together[place], rtol=1e-4, atol=1e-5)


def norm(values, name, x):
    return F.batch_norm(x, None, None, values[f"{name}.weight"], values[f"{name}.bias"], True)


def resnet(values, x):
    """ResNet written out from the paper: stages of one and of two blocks."""
    x = norm(values, "bn1", F.conv2d(x, values["conv1.weight"], padding=1)).relu()
    for block, stride in (("stages.0.0", 1), ("stages.1.0", 2), ("stages.1.1", 1)):
        y = F.conv2d(x, values[f"{block}.conv1.weight"], stride=stride, padding=1)
        y = F.conv2d(
            norm(values, f"{block}.bn1", y).relu(), values[f"{block}.conv2.weight"], padding=1
        )
        if stride == 2:
            x = F.conv2d(x, values[f"{block}.shortcut.0.weight"], stride=2)
            x = norm(values, f"{block}.shortcut.1", x)
        x = (norm(values, f"{block}.bn2", y) + x).relu()
    return F.linear(
        F.adaptive_avg_pool2d(x, 1).flatten(1), values["out.weight"], values["out.bias"]
    )


def densenet(values, x):
    """DenseNet written out from its paper: two layers, a transition, three layers."""
    x = F.conv2d(x, values["conv1.weight"], padding=1)
    for layer in ("0.0", "0.1", "transition", "1.0", "1.1", "1.2"):
        if layer == "transition":
            y = norm(values, "blocks.0.2.bn", x).relu()
            x = F.avg_pool2d(F.conv2d(y, values["blocks.0.2.conv.weight"]), 2)
            continue
        at = f"blocks.{layer}"
        y = F.conv2d(norm(values, f"{at}.bn1", x).relu(), values[f"{at}.conv1.weight"])
        y = F.conv2d(norm(values, f"{at}.bn2", y).relu(), values[f"{at}.conv2.weight"], padding=1)
        x = torch.cat([y, x], 1)
    x = F.adaptive_avg_pool2d(norm(values, "bn", x).relu(), 1).flatten(1)
    return F.linear(x, values["out.weight"], values["out.bias"])


@pytest.mark.parametrize(("name", "written_out"), [("resnet", resnet), ("densenet", densenet)])
def test_the_network_is_the_function_that_its_paper_says(name, written_out):
    model = ModuleModel(SMALL[name], 0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # scales and shifts that matter
        for parameter in model.parameters:
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    x = images(name)
    torch.testing.assert_close(model(x), written_out(named(model), x), rtol=1e-4, atol=1e-4)


def test_the_small_network_takes_images_of_its_shape():
    for shape in ((1, 28, 28), (3, 32, 32)):
        model = ModuleModel(partial(Cnn, 7, shape, 2), 0, gain=HE)
        assert model(torch.zeros(2, *shape)).shape == (2, 7)
