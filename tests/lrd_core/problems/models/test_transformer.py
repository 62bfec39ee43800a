"""The transformer: torch's own layers, causality, its start, second derivatives."""

import pytest
import torch
import torch.nn.functional as F

from lrd_core.problems.models.transformer import Transformer
from lrd_core.settings import SettingError

VOCABULARY, CONTEXT, LAYERS, WIDTH, HEADS = 20, 12, 2, 32, 4


@pytest.fixture
def model():
    return Transformer(VOCABULARY, CONTEXT, LAYERS, WIDTH, HEADS, 3)


def spread(model):
    """Larger weights than at the start, where attention is all but even."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters:
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))


def codes(batch, length):
    return torch.randint(VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(1))


def with_torchs_layers(model, inputs):
    """The same function from `torch.nn.TransformerEncoderLayer` with a causal mask."""
    take = iter(p.detach() for p in model.parameters)
    length = inputs.shape[1]
    x = F.embedding(inputs, next(take)) + next(take)[:length]
    future = torch.nn.Transformer.generate_square_subsequent_mask(length)
    for _ in range(LAYERS):
        layer = torch.nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, 0.0, F.gelu, batch_first=True, norm_first=True
        )
        attention = layer.self_attn
        places = (
            *(layer.norm1.weight, layer.norm1.bias),
            *(attention.in_proj_weight, attention.in_proj_bias),
            *(attention.out_proj.weight, attention.out_proj.bias),
            *(layer.norm2.weight, layer.norm2.bias),
            *(layer.linear1.weight, layer.linear1.bias),
            *(layer.linear2.weight, layer.linear2.bias),
        )
        for place in places:
            place.data = next(take)
        x = layer(x, src_mask=future, is_causal=True)
    x = F.layer_norm(x, (WIDTH,), next(take), next(take))
    logits = F.linear(x, next(take), next(take))
    assert next(take, None) is None
    return logits


@pytest.mark.parametrize("length", [1, 5, CONTEXT])
def test_it_is_the_function_of_torchs_own_layers(model, length):
    spread(model)
    inputs = codes(3, length)
    ours = model(inputs)
    assert ours.shape == (3, length, VOCABULARY)
    torch.testing.assert_close(ours, with_torchs_layers(model, inputs), rtol=1e-4, atol=1e-4)


def test_what_follows_changes_nothing_before_it(model):
    spread(model)
    one = codes(1, CONTEXT)
    other = one.clone()
    other[0, 7:] = (other[0, 7:] + 1) % VOCABULARY
    ours, changed = model(one)[0], model(other)[0]
    torch.testing.assert_close(ours[:7], changed[:7], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(ours[7:], changed[7:], atol=1e-3)


def test_the_start_is_a_function_of_the_seed_and_names_are_distinct(model):
    torch.manual_seed(5)
    same = Transformer(VOCABULARY, CONTEXT, LAYERS, WIDTH, HEADS, 3)
    other = Transformer(VOCABULARY, CONTEXT, LAYERS, WIDTH, HEADS, 4)
    assert all(map(torch.equal, model.parameters, same.parameters))
    drawn = [name for name in model.names if "weight" in name or name in ("embedding", "position")]
    assert len(drawn) == 2 + 4 * LAYERS + 1
    for name, a, b in zip(model.names, model.parameters, other.parameters, strict=True):
        assert torch.equal(a, b) == (name not in drawn)
    assert len(set(model.names)) == len(model.names) == len(model.parameters)


def test_weights_that_write_into_the_stream_start_smaller():
    """GPT-2's scale: 0.02, and 0.02 / √(2 · layers) where a layer's result is added."""
    model = Transformer(65, 64, 8, 128, 4, 0)
    found = dict(zip(model.names, model.parameters, strict=True))
    assert found["layer3.qkv.weight"].std().item() == pytest.approx(0.02, rel=0.05)
    for name in ("layer3.attended.weight", "layer3.out.weight"):
        assert found[name].std().item() == pytest.approx(0.005, rel=0.05)


def test_its_loss_has_second_derivatives():
    """Curvature along a direction, against the difference of two gradients."""
    model = Transformer(VOCABULARY, CONTEXT, 1, 16, 2, 0)
    parameters = [p.data.double() for p in model.parameters]
    generator = torch.Generator().manual_seed(0)
    parameters = [p + 0.2 * torch.randn(p.shape, generator=generator) for p in parameters]
    along = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in parameters]
    inputs, targets = codes(2, 8), codes(2, 9)[:, 1:]

    def gradient(places, create_graph=False):
        places = [p.detach().requires_grad_() for p in places]
        logits = model.stacked([p.unsqueeze(0) for p in places], inputs)
        loss = F.cross_entropy(logits.flatten(0, 2), targets.flatten())
        return places, torch.autograd.grad(loss, places, create_graph=create_graph)

    places, slopes = gradient(parameters, create_graph=True)
    dot = sum((g * v).sum() for g, v in zip(slopes, along, strict=True))
    exact = torch.autograd.grad(dot, places)
    h = 1e-5
    _, up = gradient([p + h * v for p, v in zip(parameters, along, strict=True)])
    _, down = gradient([p - h * v for p, v in zip(parameters, along, strict=True)])
    for e, u, d in zip(exact, up, down, strict=True):
        torch.testing.assert_close(e, (u - d) / (2 * h), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("width", "heads"), [(12, 1), (32, 8), (100, 4)])
def test_a_width_that_heads_do_not_share_evenly_is_refused(width, heads):
    with pytest.raises(SettingError) as caught:
        Transformer(VOCABULARY, CONTEXT, 1, width, heads, 0)
    assert caught.value.field == "settings.width"
    assert caught.value.value == width
    assert caught.value.allowed.startswith(f"a multiple of {8 * heads}")
