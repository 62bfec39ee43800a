"""What a rule's formula turns into when it is called with symbols instead of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: An expression, or a number that is known while tracing.
Operand = Any


class Expression:
    """One operation; equal operations are one object.

    Attributes:
        op: its name; ``"setting"``, ``"step"``, ``"scalar"``, ``"state"``, ``"p"``, ``"g"`` for
            symbols.
        args: operands (expressions or numbers); a symbol's name.
        varying: it differs from coordinate to coordinate; the others are scalars, computed once a
            tensor and step in float64.
        positive: a setting that is known to be above 0.
    """

    __slots__ = ("args", "op", "positive", "trace", "varying")

    def __init__(
        self, trace: Trace, op: str, args: tuple[Operand, ...], varying: bool, positive: bool
    ) -> None:
        self.trace = trace
        self.op = op
        self.args = args
        self.varying = varying
        self.positive = positive

    def __add__(self, other: Operand) -> Operand:
        return self.trace.node("add", self, other)

    def __radd__(self, other: Operand) -> Operand:
        return self.trace.node("add", other, self)

    def __sub__(self, other: Operand) -> Operand:
        return self.trace.node("sub", self, other)

    def __rsub__(self, other: Operand) -> Operand:
        return self.trace.node("sub", other, self)

    def __mul__(self, other: Operand) -> Operand:
        return self.trace.product(self, other)

    def __rmul__(self, other: Operand) -> Operand:
        return self.trace.product(other, self)

    def __truediv__(self, other: Operand) -> Operand:
        return self.trace.node("div", self, other)

    def __rtruediv__(self, other: Operand) -> Operand:
        return self.trace.node("div", other, self)

    def __neg__(self) -> Operand:
        return self.trace.node("neg", self)

    def __pow__(self, exponent: Operand) -> Operand:
        if _is_number(exponent, 2):
            # Compilers and torch round other powers each in their own way.
            return self * self
        return self.trace.node("power", self, exponent)

    def __lt__(self, other: Operand) -> Operand:
        return self.trace.node("lt", self, other)

    def __le__(self, other: Operand) -> Operand:
        return self.trace.node("le", self, other)

    def __gt__(self, other: Operand) -> Operand:
        return True if self._above(other) else self.trace.node("gt", self, other)

    def __ge__(self, other: Operand) -> Operand:
        return True if self._above(other) else self.trace.node("ge", self, other)

    def __eq__(self, other: object) -> Any:
        return False if self._above(other) else self.trace.node("eq", self, other)

    def __ne__(self, other: object) -> Any:
        return True if self._above(other) else self.trace.node("ne", self, other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError(
            "a rule's update must not branch on values (if, and, or, min, max); "
            "use the blocks where, maximum and minimum"
        )

    def _above(self, other: object) -> bool:
        return self.positive and isinstance(other, (int, float)) and other == 0


class Trace:
    """Makes expressions, each distinct one once."""

    def __init__(self) -> None:
        self._nodes: dict[Any, Expression] = {}

    def symbol(
        self, op: str, name: str = "", *, varying: bool = False, positive: bool = False
    ) -> Expression:
        """A named input."""
        return self._intern((op, name), op, (name,), varying, positive)

    def node(self, op: str, *args: Operand) -> Operand:
        """An operation on operands, at least one of them an expression."""
        varying = any(isinstance(arg, Expression) and arg.varying for arg in args)
        names = tuple(id(arg) if isinstance(arg, Expression) else ("=", arg) for arg in args)
        return self._intern((op, names), op, args, varying, False)

    def product(self, a: Operand, b: Operand) -> Operand:
        """a · b; a factor that is known to be 1 is left out."""
        if _is_number(a, 1):
            return b
        if _is_number(b, 1):
            return a
        return self.node("mul", a, b)

    def _intern(
        self, key: Any, op: str, args: tuple[Operand, ...], varying: bool, positive: bool
    ) -> Expression:
        if key not in self._nodes:
            self._nodes[key] = Expression(self, op, args, varying, positive)
        return self._nodes[key]


def _is_number(value: Operand, number: float) -> bool:
    return not isinstance(value, Expression) and value == number


def blocks(trace: Trace) -> Mapping[str, Callable[..., Any]]:
    """The building blocks of rules, for symbols."""

    def fma(a: Operand, b: Operand, c: Operand) -> Operand:
        if _is_number(a, 0) or _is_number(b, 0):
            return c
        return trace.node("fma", a, b, c)

    def weighted_sum(a: Operand, x: Operand, b: Operand, y: Operand) -> Operand:
        return trace.node("weighted_sum", a, x, b, y)

    def ema(mean: Operand, x: Operand, beta: Operand) -> Operand:
        return trace.node("ema", mean, x, 1 - beta)

    def ema_of_square(mean: Operand, x: Operand, beta: Operand) -> Operand:
        return weighted_sum(beta, mean, (1 - beta) * x, x)

    def where(condition: Operand, a: Operand, b: Operand) -> Operand:
        if not isinstance(condition, Expression):
            return a if condition else b
        return trace.node("where", condition, a, b)

    def simple(name: str) -> Callable[..., Operand]:
        return lambda *args: trace.node(name, *args)

    named = {f.__name__: f for f in (fma, weighted_sum, ema, ema_of_square, where)}
    return named | {
        name: simple(name) for name in ("sqrt", "maximum", "minimum", "absolute", "sign", "power")
    }
