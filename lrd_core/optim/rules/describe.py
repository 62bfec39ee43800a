"""A rule as a page for people: its formula, settings, state, and what is exact about it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING, Any

import torch

from lrd_core.optim.markdown import linked, paragraphs, settings_table
from lrd_core.settings import Value

if TYPE_CHECKING:
    from lrd_core.optim.rules.rule import Rule

#: Bytes of a float32.
_FLOAT = 4


def describe(rule: Rule) -> str:
    """Markdown, the same on every machine; which engine steps it here is told by `lrd doctor`."""
    words, formula = update_text(rule)
    return paragraphs(
        f"### {rule.label}",
        f"`{rule.name}`. {linked(rule.paper)}.",
        f"Update of one coordinate: {words}" if words else "Update of one coordinate:",
        f"```python\n{formula}\n```",
        settings_table(rule.settings),
        "\n".join(
            f"- {line}" for line in (_state(rule), _traffic(rule), _base(rule), _exact(rule))
        ),
    )


def update_text(rule: Rule) -> tuple[str, str]:
    """(docstring, body) of the rule's `update` as it is written; its traced lines without source.

    The body is given without signature and docstring.
    """
    words = inspect.cleandoc(rule.update.__doc__ or "").replace("\n", " ")
    try:
        source = textwrap.dedent(inspect.getsource(rule.update))
        function = ast.parse(source).body[0]
    except (OSError, SyntaxError):
        return words, _traced(rule)
    if not isinstance(function, ast.FunctionDef):
        return words, _traced(rule)
    body = function.body
    if ast.get_docstring(function) is not None and len(body) > 1:
        # Comments between docstring and first statement belong to the formula.
        first = (body[0].end_lineno or body[0].lineno) + 1
    else:
        first = body[0].lineno
    lines = source.splitlines()[first - 1 : function.end_lineno]
    return words, textwrap.dedent("\n".join(lines))


def _traced(rule: Rule) -> str:
    from lrd_core.optim.kernels.program import PYTHON_WORDS, known_settings, program

    chosen = program(rule, known_settings(rule, _everything(rule)))
    scalars = (f"{n.name} = {_call(n.op, n.args, PYTHON_WORDS)}" for n in chosen.scalar_lines)
    result = ", ".join(map(str, (chosen.delta, *chosen.new_states, *chosen.new_scalars)))
    return "\n".join([*scalars, *chosen.listing(PYTHON_WORDS), f"return {result}"])


def _call(op: str, args: tuple[str | float, ...], words: object) -> str:
    known = words if isinstance(words, dict) else dict(words)  # type: ignore[call-overload]
    given = [str(a) for a in args]
    return known[op].format(*given) if op in known else f"{op}({', '.join(given)})"


def _defaults(rule: Rule) -> dict[str, Value]:
    return {setting.name: setting.default for setting in rule.settings}


def _everything(rule: Rule) -> dict[str, Value]:
    """Settings with which nothing is left out: no zeros, all switches on."""
    return {name: _on(value) for name, value in _defaults(rule).items()}


def _on(value: Value) -> Value:
    if isinstance(value, bool):
        return True
    return value if isinstance(value, str) else (value or 1.0)


def _states(rule: Rule, settings: dict[str, Value]) -> tuple[str, ...]:
    from lrd_core.optim.kernels.program import known_settings, program

    return program(rule, known_settings(rule, settings)).states


def _state(rule: Rule) -> str:
    """Which state there is, and when."""
    usual = _states(rule, _defaults(rule))
    parts = [f"`{name}`" for name in usual]
    for name in rule.state:
        if name not in usual:
            asked = [
                setting.name
                for setting in rule.settings
                if name in _states(rule, _defaults(rule) | {setting.name: _on(setting.default)})
            ]
            together = " or ".join(f"`{one}`" for one in asked) or "other settings"
            parts.append(f"`{name}` with {together}")
    parts += [f"`{name}` (one number a tensor)" for name in rule.scalars or {}]
    return "State: " + (", ".join(parts) if parts else "none") + "."


def _traffic(rule: Rule) -> str:
    """Bytes that a step has to move for a float32 parameter."""
    usual, most = len(_states(rule, _defaults(rule))), len(_states(rule, _everything(rule)))
    text = f"Bytes a parameter in float32: {_bytes(usual)}"
    if most != usual:
        text += f"; with all of its state {_bytes(most)}"
    return text + "."


def _bytes(states: int) -> str:
    held = _FLOAT * states
    moved = _FLOAT * (2 + states) + _FLOAT * (1 + states)
    return f"{held} of state, {moved} read and written in a step"


def _base(rule: Rule) -> str:
    """Which optimizer `LRD` wraps for it."""
    if rule.form is None:
        return "Base: `RuleOptimizer`, made from the update; torch has no such optimizer."
    built = rule.optimizer([torch.zeros(1)], _defaults(rule))
    kind: Any = type(built)
    usual = kind([torch.zeros(1)]).defaults
    # What makes this rule of a class that has several, such as Adam's amsgrad.
    switched = ", ".join(
        f"{name}=True"
        for name, value in built.defaults.items()
        if value is True and usual[name] is False and name != "fused"
    )
    return f"Base: `torch.optim.{kind.__name__}({switched})`, whose state it keeps."


def _exact(rule: Rule) -> str:
    if rule.fused:
        return (
            "Exact: the compiled kernel has the bits of torch's fused loop, and is used only if it "
            "shows them when it is loaded; with `fused=True` it steps at drop rate 0 too."
        )
    if rule.form is not None:
        return (
            "Exact: at drop rate 0 torch's own loop steps; otherwise the compiled kernel has the "
            "bits of the same operations made by torch one by one, and is used only if it shows "
            "them when it is loaded."
        )
    return (
        "Exact: compiled or not, a step has the bits of the update made by torch's operations one "
        "by one; a compiled kernel is used only if it shows them when it is loaded."
    )
