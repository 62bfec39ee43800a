"""Which rule an optimizer's parameter group follows, and how its state is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import is_
from typing import Any

import torch

from lrd_core.optim.rules import RULES, Rule, TorchForm
from lrd_core.optim.rules.optimizer import RuleOptimizer, rule_settings
from lrd_core.settings import Value


@dataclass(frozen=True, slots=True)
class Binding:
    """A parameter group as a rule.

    Attributes:
        rule: the rule.
        settings: its settings now.
        keys: the state's key of each of the rule's per-coordinate states.
        scalars: the state's key of each of the rule's scalars.
        counted: the state has a ``"step"``.
        maximize: the gradient's sign is turned.
        exact: the base computes with the arithmetic of the rule's kernels, so that these may step
            at drop rate 0 too.
    """

    rule: Rule
    settings: dict[str, Value]
    keys: Mapping[str, str]
    scalars: Mapping[str, str]
    counted: bool
    maximize: bool
    exact: bool


def is_known(optimizer: torch.optim.Optimizer) -> bool:
    """Whether the optimizer is one that steps by a rule, once a step."""
    return isinstance(optimizer, RuleOptimizer) or bool(_forms(type(optimizer)))


#: Rules of a class, and all rules there were: files may add or replace some.
_FORMS: dict[type, tuple[list[Rule], list[tuple[Rule, TorchForm]]]] = {}


def _forms(kind: type) -> list[tuple[Rule, TorchForm]]:
    rules = list(RULES.values())
    known = _FORMS.get(kind)
    if known is None or len(known[0]) != len(rules) or not all(map(is_, known[0], rules)):
        pairs = ((rule, rule.form) for rule in rules)
        known = _FORMS[kind] = rules, [(r, f) for r, f in pairs if f and f.kind is kind]
    return known[1]


def bind_group(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> Binding | str:
    """The rule of a parameter group, or why it has none that engines can run."""
    if isinstance(optimizer, RuleOptimizer):
        rule = optimizer.rule
        own = {name: name for name in rule.state}
        scalars = {name: name for name in rule.scalars or {}}
        return Binding(rule, rule_settings(rule, group), own, scalars, True, False, True)
    named = type(optimizer).__name__
    if optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
        return f"{named} has step hooks of its own: it steps itself"
    own_step = vars(optimizer).get("step")
    if own_step is not None and not hasattr(own_step, "_wrapped_by_lr_sched"):
        return f"{named}.step was replaced: it steps itself"
    forms = _forms(type(optimizer))
    if not forms:
        return f"{named} has no rule: the base steps, dropped coordinates are put back"
    for name, wish in (("foreach", True), ("fused", False), ("foreach", False)):
        if group.get(name) is wish:
            return f"{named} was asked for {name}={wish}: its own loop steps"
    if group.get("differentiable"):
        return f"{named} was asked for differentiable=True: its own loop steps"
    loose = group.get("capturable") and not group.get("fused")
    if loose and any(p.device.type == "cpu" for p in group["params"]):
        return f"{named} was asked for capturable=True on a CPU: its own loop decides"
    for rule, form in forms:
        settings = form.settings(group)
        if settings is not None:
            exact = form.fused is not None and group.get("fused") is True
            return Binding(
                rule,
                settings,
                form.state,
                form.scalars,
                form.counted,
                bool(group.get("maximize")),
                exact,
            )
    return f"these options of {named} have no rule: its own loop steps"
