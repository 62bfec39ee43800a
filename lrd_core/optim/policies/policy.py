"""What a policy is: which part of an update a step leaves out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.settings import Setting, Value

#: What one coin decides; "" is a policy that draws none, or draws in a way of its own.
Unit = Literal["", "coordinate", "row", "column", "tensor", "step"]


@dataclass(frozen=True, slots=True)
class Draw:
    """All that a choice may depend on, for one parameter tensor at one step.

    Attributes:
        seed: the wrapper's seed.
        step: counted from 1.
        tensor: position of the parameter among all parameters of the optimizer, from 0.
        keep: probability that a coordinate keeps its learning rate, in (0, 1).
        shape: of the whole parameter; a shard's tensors below are smaller.
        start: the shard's first index in each dimension; zeros for a whole tensor.
        gradient: at step time, as the caller left it; for a `mask` hook the one that the base goes
            against (with ``maximize=True`` the negative).
        before: the parameter before the step.
        after: the parameter after the base optimizer's step; `before` for a `gradient` hook.
        state: the base optimizer's state of this parameter after its step, e.g. ``exp_avg``.
        settings: the policy's settings, checked and complete.
    """

    seed: int
    step: int
    tensor: int
    keep: float
    shape: tuple[int, ...]
    start: tuple[int, ...]
    gradient: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    state: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReferenceDraw:
    """`Draw` for the float64 reference: whole tensors as NumPy arrays, the rule's own state."""

    seed: int
    step: int
    tensor: int
    keep: float
    gradient: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    state: Mapping[str, Any]
    settings: Mapping[str, Value]


@dataclass(frozen=True)
class Policy:
    """One way to leave out a part of an update. At drop rate 0 no policy changes anything.

    A policy has either `mask` (chooses after the base optimizer's step) or `gradient` (changes what
    the base optimizer sees). Randomness comes from `lrd_core.optim.random_bits` only.

    Attributes:
        name: key, e.g. ``"elementwise"``.
        label: words shown to a person.
        help: one sentence.
        paper: reference.
        unit: what one coin decides.
        mask: a bool tensor that broadcasts to the parameter's shape; true keeps the coordinate.
        gradient: the gradient that the base optimizer is given instead; the caller's stays as it
            is.
        scale: factor of kept updates under ``rescale``, from the draw and its mask; None is
            1/keep. For a `gradient` hook the hook itself gets it as `settings["rescale"]`.
        settings: of its own, with their ranges. One called ``rest`` is the factor of the updates
            that are left out (0 where there is none).
        fused: what engines leave out when they draw the coins themselves, in the pass of the step;
            None: the policy needs more than its coins, and the base's step comes first.
        reference: `mask` or `gradient` told again in NumPy, for whole tensors: the oracle.
        reference_scale: `scale` told again; None where `scale` is.
    """

    name: str
    label: str
    help: str
    paper: str
    reference: Callable[[ReferenceDraw], NDArray[Any]]
    unit: Unit = ""
    mask: Callable[[Draw], torch.Tensor] | None = None
    gradient: Callable[[Draw], torch.Tensor] | None = None
    scale: Callable[[Draw, torch.Tensor], float | torch.Tensor] | None = None
    settings: tuple[Setting, ...] = ()
    fused: Literal["update", "gradient"] | None = None
    reference_scale: Callable[[ReferenceDraw, NDArray[np.bool_]], float] | None = None
