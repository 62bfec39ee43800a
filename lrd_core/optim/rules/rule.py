"""What a rule is: an optimizer's update of one coordinate, told once for every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch

from lrd_core.settings import Setting, Value

#: ``(parameter, gradient, states, step, settings, maximize)``: one step in place.
FusedLoop = Callable[
    [torch.Tensor, torch.Tensor, Sequence[torch.Tensor], int, Mapping[str, Value], bool], None
]


@dataclass(frozen=True)
class TorchForm:
    """How one of torch's optimizers keeps a rule's settings and state.

    Attributes:
        kind: the class; its subclasses are others' work and not meant.
        settings: the rule's settings from a parameter group; None if the group asks for something
            else than the rule.
        state: torch's key of each of the rule's states.
        scalars: torch's key of each of the rule's scalars: tensors with one element.
        counted: the state has a ``"step"``; if not, a step is the first while there is no state.
        fused: torch's fused loop over contiguous float32 or float64 tensors on a CPU, whose
            arithmetic the rule's `update` follows operation by operation.
    """

    kind: type[torch.optim.Optimizer]
    settings: Callable[[Mapping[str, Any]], dict[str, Value] | None]
    state: Mapping[str, str]
    scalars: Mapping[str, str] = field(default_factory=dict)
    counted: bool = True
    fused: FusedLoop | None = None


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
        build: makes torch's own optimizer for parameters and settings; None makes one from `update`
            (`lrd_core.optim.rules.optimizer.RuleOptimizer`).
        options: the options of a torch parameter group for these settings, e.g.
            ``{"lr": …, "betas": (…, …)}``; used to change settings while training. None: the
            settings under their own names.
        form: how torch's optimizer keeps settings and state, if there is one.
    """

    name: str
    label: str
    paper: str
    settings: tuple[Setting, ...]
    state: tuple[str, ...]
    update: Callable[..., tuple[Any, ...]]
    build: Callable[[Iterable[torch.Tensor], Mapping[str, Value]], torch.optim.Optimizer] | None = (
        None
    )
    options: Callable[[Mapping[str, Value]], dict[str, Any]] | None = None
    scalars: Mapping[str, float] | None = None
    form: TorchForm | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Rule:
        # Nothing in it changes.
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        from lrd_core.optim.rules import RULES, get_rule

        if RULES.get(self.name) is self:
            return get_rule, (self.name,)
        return type(self), tuple(getattr(self, entry.name) for entry in fields(self))

    @property
    def fused(self) -> bool:
        """Whether engines fuse multiplications and additions as torch's fused loop does."""
        return self.form is not None and self.form.fused is not None

    def optimizer(
        self, parameters: Iterable[Any], settings: Mapping[str, Value]
    ) -> torch.optim.Optimizer:
        """A torch optimizer over the parameters.

        Args:
            parameters: tensors, named parameters or groups, as for torch's optimizers.
            settings: all of the rule's, checked.
        """
        if self.build is not None:
            return self.build(parameters, settings)
        from lrd_core.optim.rules.optimizer import RuleOptimizer

        return RuleOptimizer(parameters, self, settings)

    def group_options(self, settings: Mapping[str, Value]) -> dict[str, Any]:
        """The options of a parameter group with these settings.

        Raises:
            SettingError: settings that contradict each other.
        """
        return dict(settings) if self.options is None else self.options(settings)
