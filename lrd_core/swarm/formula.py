"""A surface's formula to straight lines that compute its gradient.

`Surface.value` is called once with symbols, differentiated by sympy, and written line by line:
every subexpression is computed once, whole powers are products, sums are fused where they can be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import sympy

from lrd_core.problems import Surface
from lrd_core.settings import SettingError

#: sympy's functions by the name that lines call them by; each takes one argument.
_CALLS: dict[Any, str] = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.tanh: "tanh",
    sympy.Abs: "absolute",
    sympy.sign: "sign",
}
#: What a formula's namespace offers: names that torch and NumPy share.
_OFFERED: dict[str, Any] = {
    **{name: call for call, name in _CALLS.items() if name != "sign"},
    "abs": sympy.Abs,
    "sqrt": sympy.sqrt,
    "square": lambda x: x**2,
    "pi": sympy.pi,
    "e": sympy.E,
}
#: Functions that lines may call, beside the four operators.
WORDS = (*_CALLS.values(), "sqrt", "fma", "power")


@dataclass(frozen=True)
class Gradient:
    """Straight-line code for ∂f/∂x and ∂f/∂y.

    Attributes:
        lines: assignments, in order, to names ``f0``, ``f1``, …, from ``x``, ``y``, the operators
            + − * /, calls of `WORDS`, and numbers written as ``F(1.5)``.
        dx, dy: what holds the two derivatives after the lines: a name or a number.
        value_lines, value: the same for f itself; empty where f is known to be a finite number at
            every finite (x, y), so that nobody need look.
    """

    lines: tuple[str, ...]
    dx: str
    dy: str
    value_lines: tuple[str, ...] = ()
    value: str = ""


class _Namespace(SimpleNamespace):
    """sympy's functions under the names that formulas use."""

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"math.{name}")


_known: dict[Any, Gradient] = {}


def gradient(surface: Surface) -> Gradient:
    """The gradient of a surface's formula.

    Raises:
        SettingError: the formula uses something that cannot be differentiated, or branches on x or
            y; its field is ``problem``, of a typed formula ``settings.formula``; the mend says what
            a formula may use.
    """
    if surface.value not in _known:
        try:
            _known[surface.value] = _derived(surface)
        except NotImplementedError as error:
            raise _refused(surface, f"not {error}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise _refused(surface, str(error)) from None
    return _known[surface.value]


def _refused(surface: Surface, reason: str) -> SettingError:
    names = ", ".join(sorted(_OFFERED))
    mend = f"has a derivative: + − * / ** and {names}; {reason}"
    if any(setting.name == "formula" for setting in surface.settings):
        return SettingError("settings.formula", surface.formula, f"a formula that {mend}")
    return SettingError("problem", surface.name, f"a surface whose formula {mend}")


def _derived(surface: Surface) -> Gradient:
    x, y = sympy.symbols("x y", real=True)
    value = sympy.sympify(surface.value(x, y, _Namespace(**_OFFERED)))
    shared, results = sympy.cse([sympy.diff(value, symbol) for symbol in (x, y)])
    writer = _Writer({x: "x", y: "y"})
    for symbol, expression in shared:
        writer.names[symbol] = writer.place(expression)
    dx, dy = map(writer.place, results)
    found = Gradient(tuple(writer.lines), dx, dy)
    if value.is_real and value.is_finite:
        return found
    writer = _Writer({x: "x", y: "y"})
    name = writer.place(value)
    return replace(found, value_lines=tuple(writer.lines), value=name)


class _Writer:
    """Writes expressions as lines, operands first, each distinct one once."""

    def __init__(self, names: dict[Any, str]) -> None:
        self.names = names
        self.lines: list[str] = []
        self._by_text: dict[str, str] = {}

    def place(self, e: Any) -> str:
        """The name that holds an expression's value, or its number.

        Raises:
            NotImplementedError: nothing computes it; the message names it.
        """
        if e not in self.names:
            self.names[e] = self._number(e) if e.is_number else self._written(e)
        return self.names[e]

    def _number(self, e: Any) -> str:
        number = complex(e)
        if number.imag or not math.isfinite(number.real):
            raise NotImplementedError(str(e))
        return f"F({number.real!r})"

    def _line(self, text: str) -> str:
        if text not in self._by_text:
            name = self._by_text[text] = f"f{len(self.lines)}"
            self.lines.append(f"{name} = {text}")
        return self._by_text[text]

    def _written(self, e: Any) -> str:
        if e.is_Add:
            return self._sum(e)
        if e.is_Mul:
            return self._product(e.args)
        if e.is_Pow:
            return self._power(*e.as_base_exp())
        if e.func in _CALLS:
            return self._line(f"{_CALLS[e.func]}({self.place(e.args[0])})")
        raise NotImplementedError(str(e.func))

    def _sum(self, e: Any) -> str:
        # Terms that are no product first: every product is then fused with the sum so far.
        terms = sorted(e.args, key=lambda term: term.is_Mul)
        total = self.place(terms[0])
        for term in terms[1:]:
            if term.is_Mul:
                factor, rest = term.args[0], term.args[1:]
                if factor == -1:
                    total = self._line(f"{total} - {self._product(rest)}")
                else:
                    product = f"{self.place(factor)}, {self._product(rest)}"
                    total = self._line(f"fma({product}, {total})")
            else:
                total = self._line(f"{total} + {self.place(term)}")
        return total

    def _product(self, factors: Any) -> str:
        number = sympy.Mul(*(factor for factor in factors if factor.is_number))
        above, below = ([] if number == 1 else [number]), []
        for factor in factors:
            if factor.is_number:
                continue
            base, exponent = factor.as_base_exp()
            if exponent.is_number and exponent.is_negative:
                below.append(base**-exponent)
            else:
                above.append(factor)
        if not above:
            return self._line(f"F(1.0) / {self._product(below)}")
        first, *rest = above
        if first == -1 and rest:
            total = self._line(f"-{self.place(rest.pop(0))}")
        else:
            total = self.place(first)
        for factor in rest:
            total = self._line(f"{total} * {self.place(factor)}")
        return self._line(f"{total} / {self._product(below)}") if below else total

    def _power(self, base: Any, exponent: Any) -> str:
        if exponent.is_number and exponent.is_negative:
            return self._line(f"F(1.0) / {self.place(base**-exponent)}")
        doubled = 2 * exponent
        if base == sympy.E:
            return self._line(f"exp({self.place(exponent)})")
        if exponent == 1:
            return self.place(base)
        if not (doubled.is_Integer or (doubled.is_Float and float(doubled).is_integer())):
            return self._line(f"power({self.place(base)}, {self.place(exponent)})")
        whole, half = divmod(int(doubled), 2)
        root = self._line(f"sqrt({self.place(base)})") if half else ""
        if not whole:
            return root
        result = self._whole_power(base, whole)
        return self._line(f"{result} * {root}") if half else result

    def _whole_power(self, base: Any, exponent: int) -> str:
        """By squaring; the powers on the way are remembered."""
        if exponent == 1:
            return self.place(base)
        key = base**exponent
        if key not in self.names:
            half = self._whole_power(base, exponent // 2)
            square = self._line(f"{half} * {half}")
            odd = exponent % 2
            self.names[key] = self._line(f"{square} * {self.place(base)}") if odd else square
        return self.names[key]
