"""Held-out data in compiled code: torch's numbers, of the moment it was asked."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lrd_core.problems import get_problem
from lrd_core.problems.models import mlp_exam
from lrd_core.problems.models.mlp import Mlp
from lrd_core.problems.models.mlp_exam import MlpExam
from lrd_core.problems.tasks.exam import Exam


def examples(inputs: int, classes: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(count)
    labels = torch.randint(classes, (count,), generator=random)
    return torch.randn(count, inputs, generator=random), labels


def model(*sizes: int) -> Mlp:
    found = Mlp(sizes, 3)
    with torch.no_grad():
        for p in found.parameters:
            p += 0.5 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return found


def by_torch(one: Mlp, inputs: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    x = inputs.double()
    layers = list(zip(one.parameters[::2], one.parameters[1::2], strict=True))
    for k, (weight, bias) in enumerate(layers):
        x = x @ weight.detach().double().T + bias.detach().double()
        x = x.relu() if k < len(layers) - 1 else x
    right = (x.argmax(1) == labels).double().mean()
    return F.cross_entropy(x, labels).item(), right.item()


@pytest.mark.parametrize("sizes", [(64, 64, 10), (2, 10), (7, 13, 5, 3), (9, 1, 2)])
@pytest.mark.parametrize("count", [1, 64, 360])
def test_has_torch_s_numbers(sizes: tuple[int, ...], count: int) -> None:
    inputs, labels = examples(sizes[0], sizes[-1], count)
    one = model(*sizes)
    loss, accuracy = MlpExam(sizes, inputs, labels)(one.parameters)
    expected = by_torch(one, inputs, labels)
    assert loss == pytest.approx(expected[0], rel=1e-5)
    assert accuracy == pytest.approx(expected[1])


def test_what_is_not_finite_is_told() -> None:
    inputs, labels = examples(8, 4, 100)
    one = model(8, 4)
    with torch.no_grad():
        one.parameters[0][1, 2] = float("nan")
    loss, accuracy = MlpExam((8, 4), inputs, labels)(one.parameters)
    assert loss != loss
    assert accuracy == 0.0
    with torch.no_grad():
        one.parameters[0].fill_(float("inf"))
    assert not torch.isfinite(torch.tensor(MlpExam((8, 4), inputs, labels)(one.parameters)[0]))


def test_without_a_compiler_torch_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlp_exam.objects, "function", lambda *_: None)
    inputs, labels = examples(5, 3, 70)
    one = model(5, 3)
    found = Exam(inputs, labels).later(one)()
    assert tuple(found.values()) == pytest.approx(by_torch(one, inputs, labels), rel=1e-5)


def test_tasks_use_it() -> None:
    instance = get_problem("digits").build({}, 0)
    before = instance.test()
    asked = instance.examine()
    with torch.no_grad():
        instance.parameters[0].zero_()
    assert asked() == before
    assert list(before) == ["test_loss", "test_accuracy"]
    assert instance.test() != before
