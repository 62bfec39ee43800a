"""What a rule is: an optimizer's update of one coordinate, told once for every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from lrd_core.settings import Setting, Value


@dataclass(frozen=True)
class Rule:
    """One optimizer.

    Attributes:
        name: key, e.g. ``"adam"``.
        label: words shown to a person, e.g. ``"Adam"``.
        paper: reference of the formula.
        settings: settings with their ranges; always has ``lr``.
        state: names of the per-coordinate state, zero before the first step.
        scalars: names of per-tensor scalar state with its value before the first step.
        update: the formula for one coordinate (or arrays of them), called by keyword as
            ``update(p=…, g=…, step=…, **state, **scalars, **settings)`` and giving
            ``(delta, *state, *scalars)`` in the order of `state` and `scalars`; the new parameter
            is ``p + delta``. `step` counts from 1. It is written with the building blocks of
            `lrd_core.optim.rules.blocks` only, so that another engine can bind its own.
        build: makes torch's own optimizer for parameters and settings.
        options: the options of a torch parameter group for these settings, e.g.
            ``{"lr": …, "betas": (…, …)}``; used to change settings while training.
    """

    name: str
    label: str
    paper: str
    settings: tuple[Setting, ...]
    state: tuple[str, ...]
    update: Callable[..., tuple[Any, ...]]
    build: Callable[[Iterable[torch.Tensor], Mapping[str, Value]], torch.optim.Optimizer]
    options: Callable[[Mapping[str, Value]], dict[str, Any]]
    scalars: Mapping[str, float] | None = None
