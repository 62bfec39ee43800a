"""A rule as straight-line code: scalars once a tensor and step, then a line per operation.

The formula is called once with symbols. What depends on settings and step alone is computed in
float64 (`Program.constants`); the rest is a list of lines that every engine writes in its own
language. Settings that are 0 or a switch are known while tracing, so that a rule without momentum
reads and writes no momentum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from lrd_core.optim.kernels.expression import Expression, Operand, Trace, blocks
from lrd_core.optim.rules.blocks import bind
from lrd_core.optim.rules.rule import Rule
from lrd_core.settings import Value


@dataclass(frozen=True)
class Line:
    """``name = op(args)``; an arg is a name or a number."""

    name: str
    op: str
    args: tuple[str | float, ...]


#: Which settings are known while tracing: a switch's value, or 0.
Known = tuple[tuple[str, Value], ...]

#: Python's words for the operations on scalars.
_PYTHON = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "fma": "fma({0}, {1}, {2})",
    "ema": "{0} + {2} * ({1} - {0})",
    "weighted_sum": "{0} * {1} + {2} * {3}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "eq": "{0} == {1}",
    "ne": "{0} != {1}",
    "where": "({1} if {0} else {2})",
}


def _fma(a: float, b: float, c: float) -> float:
    """a · b + c, rounded once, as the compiler of torch's loops contracts it."""
    return float(Fraction(a) * Fraction(b) + Fraction(c))


_FAST = {
    "fma": _fma,
    "sqrt": math.sqrt,
    "maximum": max,
    "minimum": min,
    "absolute": abs,
    "power": math.pow,
    "sign": lambda x: math.copysign(1.0, x) if x else x,
}
# Where Python raises (1/0, the root of a negative number), NumPy says inf or NaN.
_SAFE = {
    name: getattr(np, name) for name in ("sqrt", "maximum", "minimum", "absolute", "power", "sign")
} | {"fma": lambda a, b, c: a * b + c}


@dataclass(frozen=True)
class Program:
    """A rule's update for a choice of known settings.

    Attributes:
        rule: the rule.
        known: the settings known while tracing.
        maximize: the gradient's sign is turned.
        states: per-coordinate state it reads and writes, in the rule's order; unused ones are left
            out.
        inputs: names of the scalars' inputs: ``step``, settings, the rule's own scalars.
        scalar_lines: float64 operations on scalars.
        constants: names of the scalars that the vector lines use, in order.
        lines: operations on vectors ``p``, ``g``, the states, and constants.
        delta: name of the update, so that the new parameter is ``p + delta``.
        factors: (scalar, vector) if the update is just their product, else None.
        decayed: (factor, rest) if the new parameter is ``p · factor + rest``, else None.
        new_states: names of the states after the step.
        new_scalars: names of the rule's own scalars after the step.
    """

    rule: Rule
    known: Known
    maximize: bool
    states: tuple[str, ...]
    inputs: tuple[str, ...]
    scalar_lines: tuple[Line, ...]
    constants: tuple[str, ...]
    lines: tuple[Line, ...]
    delta: str | float
    factors: tuple[str, str] | None
    decayed: tuple[str, str] | None
    new_states: tuple[str | float, ...]
    new_scalars: tuple[str | float, ...]

    def evaluate(
        self, step: int, settings: Mapping[str, Value], scalars: tuple[float, ...] = ()
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The constants of a step and the rule's own scalars after it.

        Args:
            step: counted from 1.
            settings: the rule's; those of `known` must have the values they had while tracing.
            scalars: the rule's own before the step.
        """
        own = dict(zip(self.rule.scalars or {}, scalars, strict=True))
        given = {"step": float(step), **own}
        values = [given[n] if n in given else float(settings[n]) for n in self.inputs]
        fast, safe = _compiled(self)
        try:
            constants, after = fast(*values)
        except (ArithmeticError, ValueError):
            with np.errstate(all="ignore"):
                constants, after = safe(*(np.float64(v) for v in values))
        return constants, after

    def listing(self, words: Mapping[str, str], literal: str = "{0!r}") -> list[str]:
        """The vector lines in another language.

        Args:
            words: a format for each operation, e.g. ``"add": "{0} + {1}"``; operations without
                one become calls.
            literal: format of a number.
        """
        return [_written(line, words, literal) for line in self.lines]


def _written(line: Line, words: Mapping[str, str], literal: str = "{0!r}") -> str:
    args = [a if isinstance(a, str) else literal.format(float(a)) for a in line.args]
    word = words.get(line.op, line.op + "(" + ", ".join(f"{{{i}}}" for i in range(len(args))) + ")")
    return f"{line.name} = {word.format(*args)}"


@lru_cache(maxsize=256)
def _compiled_source(
    inputs: tuple[str, ...],
    lines: tuple[Line, ...],
    constants: tuple[str, ...],
    scalars: tuple[str | float, ...],
) -> tuple[Any, Any]:
    body = [_written(line, _PYTHON) for line in lines]
    result = f"return ({''.join(f'{c}, ' for c in constants)}), "
    result += f"({''.join(f'{s}, ' for s in scalars)})"
    source = f"def constants({', '.join(inputs)}):\n" + "\n".join(
        f"    {text}" for text in [*body, result]
    )
    found = []
    for names in (_FAST, _SAFE):
        scope: dict[str, Any] = dict(names)
        exec(source, scope)  # noqa: S102 (written above, from a rule's own operations)
        found.append(scope["constants"])
    return found[0], found[1]


def _compiled(program: Program) -> tuple[Any, Any]:
    return _compiled_source(
        program.inputs, program.scalar_lines, program.constants, program.new_scalars
    )


def known_settings(rule: Rule, settings: Mapping[str, Value]) -> Known:
    """What of these settings is known while tracing: switches, and zeros but the learning rate's.

    A schedule may well pass lr = 0 on its way, and must not ask for another kernel.
    """
    return tuple(
        (s.name, settings[s.name])
        for s in rule.settings
        if s.kind in ("bool", "choice") or (s.name != "lr" and settings[s.name] == 0)
    )


#: Programs by rule object (rules are not hashable by value: they hold mappings) and choice.
_PROGRAMS: dict[tuple[int, Known, bool], Program] = {}


def program(rule: Rule, known: Known = (), maximize: bool = False) -> Program:
    """The program of a rule; the same object for the same arguments.

    Raises:
        TypeError: the rule's update does something that cannot be traced; the message says what.
    """
    key = (id(rule), known, maximize)
    if key not in _PROGRAMS or _PROGRAMS[key].rule is not rule:
        _PROGRAMS[key] = _trace(rule, known, maximize)
    return _PROGRAMS[key]


def _trace(rule: Rule, known: Known, maximize: bool) -> Program:
    trace = Trace()
    values: dict[str, Operand] = dict(known)
    for setting in rule.settings:
        if setting.name not in values:
            # A range that begins at 0 and a value that is not 0: above 0.
            positive = setting.low is not None and setting.low >= 0 and setting.name != "lr"
            values[setting.name] = trace.symbol("setting", setting.name, positive=positive)
    p, g = trace.symbol("p", "p", varying=True), trace.symbol("g", "g", varying=True)
    states = {s: trace.symbol("state", s, varying=True) for s in rule.state}
    scalars = {s: trace.symbol("scalar", s) for s in rule.scalars or {}}
    step = trace.symbol("step", "step")
    gradient = -g if maximize else g
    update = bind(rule.update, blocks(trace))
    try:
        delta, *after = update(p=p, g=gradient, step=step, **states, **scalars, **values)
    except NameError as error:
        raise TypeError(f"{rule.name}: update may use the building blocks only: {error}") from None
    if len(after) != len(states) + len(scalars):
        raise TypeError(
            f"{rule.name}: update returned {len(after) + 1} values, not delta, "
            f"{len(states)} states and {len(scalars)} scalars"
        )
    new_states = dict(zip(states, after, strict=False))
    new_scalars = dict(zip(scalars, after[len(states) :], strict=True))
    live = _live(delta, new_states)
    writer = _Writer()
    factors, decayed = _shape_of(delta, p)
    shaped = factors or decayed
    parts = tuple(writer.place(part, vector=True) for part in shaped) if shaped else None
    result = writer.place(delta, vector=True)
    outputs = tuple(writer.place(new_states[name], vector=True) for name in live)
    own = tuple(writer.place(value, vector=False) for value in new_scalars.values())
    return Program(
        rule=rule,
        known=known,
        maximize=maximize,
        states=tuple(live),
        inputs=tuple(writer.inputs),
        scalar_lines=tuple(writer.scalar_lines),
        constants=tuple(writer.constants),
        lines=tuple(writer.lines),
        delta=result,
        factors=(str(parts[0]), str(parts[1])) if parts and factors else None,
        decayed=(str(parts[0]), str(parts[1])) if parts and decayed else None,
        new_states=outputs,
        new_scalars=own,
    )


def _live(delta: Operand, new_states: Mapping[str, Operand]) -> list[str]:
    """The states that the update depends on, now or in a later step."""
    needed: set[str] = set()
    todo = [delta]
    seen: set[int] = set()
    while todo:
        e = todo.pop()
        if not isinstance(e, Expression) or id(e) in seen:
            continue
        seen.add(id(e))
        if e.op == "state" and e.args[0] not in needed:
            needed.add(e.args[0])
            todo.append(new_states[e.args[0]])
        todo.extend(e.args)
    return [name for name in new_states if name in needed]


def _shape_of(
    delta: Operand, p: Expression
) -> tuple[tuple[Operand, Operand] | None, tuple[Operand, Operand] | None]:
    """(factors, decayed) of `Program`."""
    if not isinstance(delta, Expression):
        return None, None
    if delta.op == "mul":
        a, b = delta.args
        if _scalar(a) and _vector(b):
            return (a, b), None
        if _scalar(b) and _vector(a):
            return (b, a), None
    if delta.op == "add":
        change, rest = delta.args
        if isinstance(change, Expression) and change.op == "sub" and change.args[1] is p:
            product = change.args[0]
            if product is p:
                return None, None
            if isinstance(product, Expression) and product.op == "mul" and p in product.args:
                factor = product.args[1] if product.args[0] is p else product.args[0]
                if _scalar(factor) and _vector(rest):
                    return None, (factor, rest)
    return None, None


def _vector(e: Operand) -> bool:
    return isinstance(e, Expression) and e.varying


def _scalar(e: Operand) -> bool:
    return isinstance(e, Expression) and not e.varying


class _Writer:
    """Turns expressions into lines, operands first."""

    def __init__(self) -> None:
        self.scalar_lines: list[Line] = []
        self.lines: list[Line] = []
        self.constants: list[str] = []
        self.inputs: list[str] = []
        self._names: dict[int, str] = {}

    def place(self, e: Operand, vector: bool) -> str | float:
        """The name of an expression's value; a scalar that a vector line uses is a constant."""
        if not isinstance(e, Expression):
            return float(e)
        name = self._named(e)
        if vector and not e.varying and name not in self.constants:
            self.constants.append(name)
        return name

    def _named(self, e: Expression) -> str:
        if id(e) not in self._names:
            self._names[id(e)] = self._write(e)
        return self._names[id(e)]

    def _write(self, e: Expression) -> str:
        if e.op in ("p", "g", "state"):
            return f"old_{e.args[0]}" if e.op == "state" else str(e.args[0])
        if e.op in ("setting", "scalar", "step"):
            name = str(e.args[0])
            self.inputs.append(name)
            return name
        args = tuple(self.place(arg, vector=e.varying) for arg in e.args)
        lines = self.lines if e.varying else self.scalar_lines
        name = f"{'t' if e.varying else 'c'}{len(lines)}"
        lines.append(Line(name, e.op, args))
        return name


#: Exported for engines that must write scalar lines themselves.
PYTHON_WORDS = MappingProxyType(_PYTHON)
