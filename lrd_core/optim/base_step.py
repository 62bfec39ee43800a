"""A step of the base optimizer over the parameters that no engine has stepped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from lrd_core.optim.masking import Choice, before_step, changed_gradients, put_back
from lrd_core.optim.measurement import Updated
from lrd_core.optim.stepping.step_count import refuse_capture

#: Position among all parameters, name and tensor.
Named = tuple[int, str, torch.Tensor]


def base_step(
    optimizer: torch.optim.Optimizer,
    rest: Sequence[Named],
    done: Sequence[Named],
    rates: Sequence[float],
    choice: Choice,
    closure: Callable[[], float] | None,
    measured: Callable[[Updated], None] | None,
) -> float | None:
    """Lets the base step, then puts dropped coordinates back.

    Args:
        optimizer: the base.
        rest: parameters to step.
        done: the others; it does not see their gradients.
        rates: drop rate of every parameter.
        choice: which coordinates are dropped.
        closure: handed on.
        measured: is given every updated tensor.

    Returns:
        What the base's step returns.
    """
    # A closure makes the gradients only later: None now says nothing.
    present = [e for e in rest if closure is not None or e[2].grad is not None]
    if any(rates[index] > 0 for index, _, _ in present):
        refuse_capture(
            "the base steps some parameters, whose masks would be the same at every replay of a "
            "CUDA graph"
        )
    hidden = [(p, p.grad) for _, _, p in done]
    groups = optimizer.param_groups
    maximized = {p for group in groups if group.get("maximize") for p in group["params"]}
    with torch.no_grad():
        befores = before_step(present, rates, measured is not None, maximized)
    try:
        for p, _ in hidden:
            p.grad = None
        with changed_gradients(befores, choice, optimizer.state):
            loss: float | None = optimizer.step() if closure is None else optimizer.step(closure)
    finally:
        for p, g in hidden:
            p.grad = g
    with torch.no_grad():
        put_back(befores, choice, optimizer.state, measured)
    return loss
