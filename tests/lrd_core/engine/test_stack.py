"""Stacked training: the numbers of one copy at a time, and bits that no neighbour changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lrd_core import LRD
from lrd_core.engine.stack import Stacks
from lrd_core.optim.rules import get_rule
from lrd_core.optim.stepping.together import step_together
from lrd_core.problems import get_problem
from lrd_core.problems.problem import Instance, Stack
from lrd_core.settings import check_settings

SMALL: dict[str, dict[str, Any]] = {
    "digits": {"width": 16, "batch": 32},
    "linear-network": {},
    "matrix-factorisation": {"size": 12, "rank": 3, "factors": 3},
    "spirals": {},
}
#: Rule, its settings, the wrapper's.
ARMS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("adam", {"lr": 0.003}, {"drop_rate": 0.5}),
    ("adam", {"lr": 0.003}, {"drop_rate": 0.0}),
    ("sgd", {"lr": 0.05, "momentum": 0.9}, {"drop_rate": 0.5}),
    ("adam", {"lr": 0.01}, {"drop_rate": 0.9, "rescale": True}),
    ("rmsprop", {"lr": 0.002}, {"drop_rate": 0.5, "policy": "per_row"}),
    ("nadam", {"lr": 0.003}, {"drop_rate": 0.3, "policy": "per_step"}),
    ("adamw", {"lr": 0.003, "weight_decay": 0.1}, {"drop_rate": 0.5, "policy": "gradient_dropout"}),
]


@dataclass(eq=False)
class Copy:
    """A run's instance and optimizer."""

    instance: Instance
    optimizer: Any = None

    @property
    def bits(self) -> list[torch.Tensor]:
        return [p.detach().clone() for p in self.instance.parameters]


def copy_of(problem: str, arm: int, seed: int = 0) -> Copy:
    rule, settings, own = ARMS[arm % len(ARMS)]
    instance = get_problem(problem).build(SMALL[problem], seed)
    known = check_settings(get_rule(rule).settings, settings)
    base = get_rule(rule).optimizer(instance.parameters, known)
    wrapped = LRD(base, seed=arm, kernel="compiled", collect_statistics=True, **own)
    return Copy(instance, wrapped)


def train(stacks: Stacks, copies: Sequence[Copy], step: int) -> list[float]:
    losses = stacks.backward(copies, step)
    step_together([one.optimizer for one in copies])
    return [float(loss) for loss in losses]


@contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# --- the same numbers ----------------------------------------------------------------------------


def layers(instance: Instance) -> torch.nn.Sequential:
    """An MLP's twin of torch's own layers."""
    pairs = list(zip(instance.parameters[::2], instance.parameters[1::2], strict=True))
    made: list[torch.nn.Module] = []
    for weight, bias in pairs:
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = weight.detach().clone(), bias.detach().clone()
        made += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*made[:-1])


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("seeds", [[0], [0, 0, 0], [0, 1, 2, 2]])
def test_losses_and_gradients_are_those_of_torchs_own_layers(depth, seeds):
    settings = {"width": 12, "depth": depth, "batch": 20}
    copies = [Copy(get_problem("digits").build(settings, s)) for s in seeds]
    for k, one in enumerate(copies):
        with torch.no_grad():
            one.instance.parameters[0].add_(0.01 * k)
    stacks = Stacks()
    # 71 steps are an epoch.
    for step in (1, 2, 71, 72, 5):
        losses = stacks.backward(copies, step)
        for loss, one in zip(losses, copies, strict=True):
            twin = layers(one.instance)
            images, labels = one.instance.batches.batch(step)  # type: ignore[attr-defined]
            expected = F.cross_entropy(twin(images), labels)
            expected.backward()
            torch.testing.assert_close(loss, expected.detach())
            for ours, theirs in zip(one.instance.parameters, twin.parameters(), strict=True):
                torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("problem", SMALL)
def test_stacked_training_is_training_one_by_one(problem):
    """Tolerance: the sums of a loss and a gradient in float32 may be added in another order, which
    15 steps carry on: 1e-3 of a parameter, 1e-4 absolute."""
    ours = [copy_of(problem, arm, seed) for seed in (0, 1) for arm in range(len(ARMS))]
    theirs = [copy_of(problem, arm, seed) for seed in (0, 1) for arm in range(len(ARMS))]
    stacks = Stacks()
    for step in range(1, 16):
        found = train(stacks, ours, step)
        for loss, one in zip(found, theirs, strict=True):
            one.optimizer.zero_grad()
            expected = one.instance.loss(step)
            expected.backward()
            one.optimizer.step()
            assert loss == pytest.approx(float(expected.detach()), rel=1e-3, abs=1e-5)
    assert "stacked with 13 others" in stacks.how(ours[0])
    for a, b in zip(ours, theirs, strict=True):
        for p, q in zip(a.bits, b.bits, strict=True):
            torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-4)


def test_an_instances_own_loss_has_the_stacked_bits():
    one, others = copy_of("digits", 0, 1), [copy_of("digits", k, k) for k in range(5)]
    loss = one.instance.loss(3)
    (2 * loss).backward()
    stacked = Stacks().backward(others, 3)[1]
    assert torch.equal(loss.detach(), stacked)
    for p, q in zip(one.instance.parameters, others[1].instance.parameters, strict=True):
        assert p.grad is not None
        assert q.grad is not None
        assert torch.equal(p.grad, 2 * q.grad)


# --- bits that no neighbour changes --------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("problem", SMALL)
def test_who_is_stacked_with_whom_changes_no_bit(problem, number):
    steps, arms = 8, range(len(ARMS))
    with threads(number):
        alone, expected = Stacks(), []
        for arm in arms:
            one = copy_of(problem, arm, arm % 2)
            losses = [train(alone, [one], step)[0] for step in range(1, steps + 1)]
            expected.append((losses, one.bits, one.optimizer.statistics))
        chance, stacks = Random(number), Stacks()
        copies = [copy_of(problem, arm, arm % 2) for arm in arms]
        done = [0] * len(copies)
        losses: list[list[float]] = [[] for _ in copies]
        while min(done) < steps:
            # Those at one step, or some of them: others wait, catch up, come back.
            step = chance.choice([d for d in done if d < steps])
            here = [k for k in arms if done[k] == step]
            some = chance.sample(here, chance.randint(1, len(here)))
            for k, loss in zip(
                some, train(stacks, [copies[k] for k in some], step + 1), strict=True
            ):
                losses[k].append(loss)
                done[k] += 1
    for k, (own, bits, statistics) in enumerate(expected):
        assert losses[k] == own
        assert all(map(torch.equal, copies[k].bits, bits))
        assert copies[k].optimizer.statistics == statistics


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_sizes_at_the_edges_change_no_bit(batch, number):
    for width, depth in ((4, 1), (5, 0), (33, 2)):
        settings = {"width": width, "depth": depth, "batch": batch}
        built = [get_problem("digits").build(settings, seed) for seed in range(5)]
        copies = [Copy(one) for one in built]
        with threads(number):
            together = Stacks().backward(copies, 2)
            gradients = [[p.grad for p in one.instance.parameters] for one in copies]
            for one, loss, of_stack in zip(copies, together, gradients, strict=True):
                assert torch.equal(Stacks().backward([one], 2)[0], loss)
                for p, gradient in zip(one.instance.parameters, of_stack, strict=True):
                    assert p.grad is not gradient
                    assert torch.equal(p.grad, gradient)


def test_a_diverged_neighbour_changes_no_bit():
    one, twin = copy_of("digits", 0), copy_of("digits", 0)
    broken = copy_of("digits", 2)
    with torch.no_grad():
        broken.instance.parameters[0].fill_(float("nan"))
    stacks, alone = Stacks(), Stacks()
    for step in range(1, 5):
        assert train(stacks, [broken, one], step)[1] == train(alone, [twin], step)[0]
    assert all(map(torch.equal, one.bits, twin.bits))


# --- where things lie ----------------------------------------------------------------------------


def test_nothing_is_copied_while_the_same_are_stacked():
    copies = [copy_of("digits", k) for k in range(3)]
    stacks = Stacks()
    train(stacks, copies, 1)
    parameters = [p for one in copies for p in one.instance.parameters]
    at = [(p.data_ptr(), p.grad) for p in parameters]
    for step in range(2, 5):
        train(stacks, copies, step)
    assert all(p.data_ptr() == a and p.grad is g for p, (a, g) in zip(parameters, at, strict=True))


def test_coordinates_lie_flat_and_follow_training():
    copies = [copy_of("digits", k) for k in range(3)]
    stacks = Stacks()
    for step in (1, 2):
        train(stacks, copies, step)
    for one in copies:
        flat = stacks.flat(one)
        assert flat is not None
        assert torch.equal(flat, torch.cat([p.detach().flatten() for p in one.instance.parameters]))
    assert stacks.flat(copy_of("digits", 0)) is None


def test_parameters_that_were_moved_are_laid_anew():
    copies, twins = ([copy_of("digits", k) for k in range(3)] for _ in range(2))
    stacks, others = Stacks(), Stacks()
    for step in range(1, 7):
        if step in (3, 5):
            for one in (copies[1], twins[1]):
                for p in one.instance.parameters:
                    p.data = p.data.clone() if one is copies[1] else p.data
        if step == 4:
            for one in (copies[2], twins[2]):
                with torch.no_grad():
                    one.instance.parameters[0].mul_(0.5)
                one.optimizer.zero_grad()
        assert train(stacks, copies, step) == train(others, twins, step)
    for a, b in zip(copies, twins, strict=True):
        assert all(map(torch.equal, a.bits, b.bits))


def test_what_cannot_be_stacked_is_computed_one_after_the_other_and_says_so():
    beale = get_problem("beale")
    surface = Copy(beale.build({}, 0))
    large = Copy(get_problem("digits").build({"width": 512}, 0))
    larger = Copy(get_problem("digits").build({"width": 512, "depth": 3}, 0))
    pair = [copy_of("digits", k) for k in range(2)]
    stacks = Stacks()
    found = stacks.backward([pair[0], surface, larger, pair[1], large], 1)
    for one, loss in ((surface, found[1]), (larger, found[2])):
        assert torch.equal(loss, one.instance.loss(1).detach())
        assert all(p.grad is not None for p in one.instance.parameters)
        assert stacks.flat(one) is None
    assert stacks.how(pair[0]) == stacks.how(pair[1]) == "stacked with 1 other"
    assert stacks.how(large).startswith("alone")
    assert stacks.how(surface).startswith("one after the other: ")
    assert "more than 131,072 coordinates" in stacks.how(larger)


class Uneven:
    """A problem whose stacked losses are not quite those of a single copy."""

    def __init__(self, error: float) -> None:
        self.parameters = [torch.nn.Parameter(torch.ones(3))]
        self.stack = Stack("uneven", lambda p, _, step: self._losses(p[0], step, error))

    def _losses(self, points: torch.Tensor, step: int, error: float = 0.0) -> torch.Tensor:
        return step * points.square().sum(1) * (1 + error * (len(points) - 1))

    def loss(self, step: int) -> torch.Tensor:
        return self._losses(self.parameters[0].unsqueeze(0), step)[0]


@pytest.mark.parametrize("error", [0.0, 1e-6])
def test_what_would_have_other_bits_in_a_stack_is_not_stacked(error):
    copies = [Copy(Uneven(error)) for _ in range(3)]  # type: ignore[arg-type]
    stacks = Stacks()
    assert [float(loss) for loss in stacks.backward(copies, 2)] == [6.0] * 3
    for one in copies:
        assert torch.equal(one.instance.parameters[0].grad, torch.full((3,), 4.0))
        words = stacks.how(one)
        assert words.startswith("one after the other: " if error else "stacked with 2 others")
