"""Draws made by hand, as the wrapper makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lrd_core.optim.policies import Draw, get_policy
from lrd_core.settings import check_settings


def draw(
    policy: str,
    before: torch.Tensor,
    gradient: torch.Tensor | None = None,
    after: torch.Tensor | None = None,
    keep: float = 0.5,
    *,
    seed: int = 5,
    step: int = 1,
    tensor: int = 0,
    shape: tuple[int, ...] | None = None,
    start: tuple[int, ...] | None = None,
    state: Mapping[str, Any] | None = None,
    settings: Mapping[str, object] | None = None,
    rescale: bool = False,
) -> Draw:
    """A `Draw` for this policy; a whole tensor with gradient 1 and no update unless given."""
    return Draw(
        seed=seed,
        step=step,
        tensor=tensor,
        keep=keep,
        shape=tuple(before.shape) if shape is None else shape,
        start=(0,) * before.ndim if start is None else start,
        gradient=torch.ones_like(before) if gradient is None else gradient,
        before=before,
        after=before if after is None else after,
        state=state or {},
        settings={
            **check_settings(get_policy(policy).settings, settings or {}),
            "rescale": rescale,
        },
    )


def mask_of(policy: str, before: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    """The policy's mask, in the parameter's full shape."""
    choose = get_policy(policy).mask
    assert choose is not None
    mask = choose(draw(policy, before, *args, **options))
    assert mask.dtype == torch.bool
    return mask.expand(before.shape)


def gradient_of(policy: str, gradient: torch.Tensor, **options: Any) -> torch.Tensor:
    """The gradient that the policy hands on."""
    change = get_policy(policy).gradient
    assert change is not None
    before = torch.zeros(gradient.shape, dtype=gradient.dtype)
    return change(draw(policy, before, gradient, **options))
