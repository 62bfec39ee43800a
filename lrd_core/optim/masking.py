"""Any optimizer: let it step, then put the dropped coordinates back.

Needs one copy of the parameters whose coordinates may be dropped, while the step lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from lrd_core.optim.measurement import Updated
from lrd_core.optim.policies import Draw, Policy
from lrd_core.optim.stepping.shards import Place, is_sharded, local, local_gradient, place
from lrd_core.settings import Value


@dataclass(slots=True)
class Before:
    """A parameter as it was before the base optimizer's step.

    Attributes:
        index: position among all parameters.
        name: for people.
        parameter: the tensor itself.
        old: a copy of its values (of this rank's shard).
        rate: its drop rate.
        where: its place in the whole parameter.
        maximize: the base goes along the gradient, not against it.
    """

    index: int
    name: str
    parameter: torch.Tensor
    old: torch.Tensor
    rate: float
    where: Place
    maximize: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """How dropped coordinates are chosen at a step: see `Draw` and `LRD`."""

    policy: Policy
    settings: Mapping[str, Value]
    rescale: bool
    seed: int
    step: int

    def draw(self, b: Before, state: Mapping[str, Any], gradient: torch.Tensor) -> Draw:
        """What the policy may look at."""
        return Draw(
            seed=self.seed,
            step=self.step,
            tensor=b.index,
            keep=1.0 - b.rate,
            shape=b.where.shape,
            start=b.where.start,
            gradient=gradient,
            before=b.old,
            after=local(b.parameter.detach()),
            state={k: local(v) if isinstance(v, torch.Tensor) else v for k, v in state.items()},
            settings={**self.settings, "rescale": self.rescale},
        )


def before_step(
    parameters: Iterable[tuple[int, str, torch.Tensor]],
    rates: Sequence[float],
    everything: bool,
    maximized: Set[torch.Tensor],
) -> list[Before]:
    """Copies of the parameters that the step may have to put back, or that are to be measured.

    Args:
        parameters: (position, name, tensor).
        rates: drop rate of every parameter of the optimizer.
        everything: those at drop rate 0 too.
        maximized: those of groups with ``maximize=True``.
    """
    return [
        Before(index, name, p, local(p.detach()).clone(), rates[index], place(p), p in maximized)
        for index, name, p in parameters
        if everything or rates[index] > 0
    ]


@contextmanager
def changed_gradients(
    befores: Sequence[Before], choice: Choice, states: Mapping[torch.Tensor, Any]
) -> Iterator[None]:
    """While it lasts, the base sees the gradients that a gradient policy makes of the caller's."""
    hook = choice.policy.gradient
    saved: list[tuple[torch.Tensor, torch.Tensor]] = []
    try:
        for b in befores:
            g = b.parameter.grad
            if hook is None or g is None or b.rate == 0:
                continue
            part = local_gradient(g, b.parameter)
            new = hook(choice.draw(b, states.get(b.parameter, {}), part))
            saved.append((b.parameter, g))
            b.parameter.grad = _like(new, b.parameter)
        yield
    finally:
        for p, g in saved:
            # A closure may have brought a new gradient meanwhile: that one stays.
            p.grad = g


def _like(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """A shard's new values as a tensor like the whole parameter."""
    if not is_sharded(whole):
        return part
    from torch.distributed.tensor import DTensor

    return DTensor.from_local(
        part,
        whole.device_mesh,  # type: ignore[attr-defined]
        whole.placements,  # type: ignore[attr-defined]
        run_check=False,
        shape=whole.shape,
        stride=whole.stride(),
    )


def put_back(
    befores: Sequence[Before],
    choice: Choice,
    states: Mapping[torch.Tensor, Any],
    measured: Callable[[Updated], None] | None,
) -> None:
    """Puts dropped coordinates back, after the base's step.

    Args:
        befores: as they were.
        choice: how to choose.
        states: the base's state after the step.
        measured: is given every updated tensor; its update before the mask is one more copy.
    """
    hook = choice.policy.mask
    for b in befores:
        p, g = local(b.parameter.detach()), b.parameter.grad
        part = None if g is None else local_gradient(g, b.parameter)
        mask, full = None, p
        if hook is not None and b.rate > 0:
            # A base that clears gradients itself leaves none to look at.
            gradient = torch.zeros_like(p) if part is None else part
            gradient = -gradient if b.maximize else gradient
            mask, new, left = _chosen(b, choice, states, gradient, p, hook)
            if measured is not None and part is not None:
                full = p.clone()
            # Selected, not multiplied: infinities, NaN and −0 keep their meaning.
            torch.where(mask, new, left, out=p)
        if measured is not None and part is not None:
            measured(Updated(b.index, b.name, mask, part, b.old, full, p))


def _chosen(
    b: Before,
    choice: Choice,
    states: Mapping[torch.Tensor, Any],
    gradient: torch.Tensor,
    p: torch.Tensor,
    hook: Callable[[Draw], torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The mask, of the parameter's shape, and what kept and dropped coordinates become."""
    policy = choice.policy
    draw = choice.draw(b, states.get(b.parameter, {}), gradient)
    mask = hook(draw).expand(p.shape)
    new = p
    if choice.rescale:
        scale = policy.scale(draw, mask) if policy.scale else 1.0 / draw.keep
        new = b.old + (p - b.old) * scale
    rest = float(choice.settings.get("rest", 0.0))
    left = b.old + (p - b.old) * rest if rest else b.old
    return mask, new, left
