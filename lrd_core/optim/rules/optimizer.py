"""A torch optimizer made from a rule alone: for rules that torch has no optimizer for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, overload

import torch

from lrd_core.settings import Value, check_settings

if TYPE_CHECKING:
    from lrd_core.optim.rules.rule import Rule


class RuleOptimizer(torch.optim.Optimizer):
    """Steps parameters by a rule's `update`, operation by operation in the parameter's dtype.

    State of a parameter: ``"step"`` (float32 tensor with one element), the rule's per-coordinate
    states and scalars under their own names; states that the settings leave unused are not made.
    Wrapped in `LRD` it runs as one compiled pass.

    Args:
        parameters: as for torch's optimizers.
        rule: the rule.
        settings: defaults of the parameter groups; those not given have the rule's defaults.

    Raises:
        SettingError: an unknown setting or a value out of its range.
    """

    def __init__(
        self, parameters: Iterable[Any], rule: Rule, settings: Mapping[str, Value] | None = None
    ) -> None:
        self.rule = rule
        super().__init__(parameters, dict(check_settings(rule.settings, settings or {})))

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {**state, "rule": self.rule}

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of all parameters that have a gradient."""
        from lrd_core.optim.kernels.program import known_settings, program
        from lrd_core.optim.kernels.torch_engine import evaluate

        loss: float | None = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            settings = rule_settings(self.rule, group)
            chosen = program(self.rule, known_settings(self.rule, settings))
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.grad.is_sparse:
                    raise RuntimeError(f"{self.rule.label} does not support sparse gradients")
                state = self.state[p]
                make_state(self.rule, state, p, chosen.states)
                own = tuple(state[name].item() for name in self.rule.scalars or {})
                step = int(state["step"].item()) + 1
                constants, after = chosen.evaluate(step, settings, own)
                states = [state[name] for name in chosen.states]
                delta, new = evaluate(chosen, constants, p, p.grad, states)
                p.add_(delta)
                for old, fresh in zip(states, new, strict=True):
                    old.copy_(fresh)
                for name, value in zip(self.rule.scalars or {}, after, strict=True):
                    state[name].fill_(value)
                state["step"] += 1
        return loss


def make_state(
    rule: Rule, state: dict[str, Any], parameter: torch.Tensor, states: tuple[str, ...]
) -> None:
    """Adds what a parameter's state lacks."""
    if "step" not in state:
        state["step"] = torch.zeros((), dtype=torch.float32)
    for name in states:
        if name not in state:
            state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
    for name, value in (rule.scalars or {}).items():
        if name not in state:
            state[name] = torch.tensor(value, dtype=torch.float64)


def rule_settings(rule: Rule, group: Mapping[str, Any]) -> dict[str, Value]:
    """The rule's settings from a parameter group that has them under their own names."""
    found: dict[str, Value] = {}
    for setting in rule.settings:
        value = group[setting.name]
        found[setting.name] = value if isinstance(value, (bool, str)) else float(value)
    return found
