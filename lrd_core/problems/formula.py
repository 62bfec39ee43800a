"""A formula that somebody typed, read without ever being run as code.

The grammar is Python's for numbers, ``x``, ``y``, ``pi``, ``e``, + − * / ** and calls of one
argument; ``^`` is a power, too. What holds no x or y is computed while reading, in float64.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lrd_core.settings import Setting, SettingError, Value

#: Characters, and brackets or powers inside each other, that a formula may have.
MAX_LENGTH = 200
MAX_DEPTH = 24
#: Largest size of a number that stands for a power.
MAX_POWER = 64.0

CONSTANTS = {"pi": math.pi, "e": math.e}
#: Functions by name; torch, NumPy and the swarm's symbols all have them under it.
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
}
_MAY = f"x, y, numbers, + - * / **, brackets, pi, e and {', '.join(FUNCTIONS)}"
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|[-+*/^()−·×]))"
)
_SAME = {"^": "**", "−": "-", "·": "*", "×": "*"}


class FormulaError(SettingError):
    """A formula that cannot be used.

    Attributes:
        position: of the offending character, from 0.
        reason: what is wrong there.
    """

    def __init__(self, field: str, text: str, position: int, reason: str) -> None:
        self.position = position
        self.reason = reason
        super().__init__(field, text, f"{_MAY}: {reason} (character {position + 1})")

    def within(self, prefix: str) -> FormulaError:
        """The same error with `prefix` before its field."""
        return FormulaError(f"{prefix}.{self.field}", str(self.value), self.position, self.reason)


#: What is read: a number, the name ``x`` or ``y``, or an operation with what it is done to.
Tree = float | str | tuple[str, "Tree"] | tuple[str, "Tree", "Tree"]


@dataclass(frozen=True)
class Formula:
    """f(x, y).

    Attributes:
        text: as typed, without blanks around it.
        tree: what was read.
    """

    text: str
    tree: Tree

    def __call__(self, x: Any, y: Any, math: Any) -> Any:
        """The value; `math` is a namespace such as torch, numpy or sympy's."""
        return _value(self.tree, {"x": x, "y": y}, math)


@lru_cache(maxsize=256)
def parse(text: str, field: str = "formula") -> Formula:
    """The formula that `text` is; the same object for the same text.

    Raises:
        FormulaError: it is none; says at which character, and why.
    """
    tree = _Reader(text, field).all()
    if isinstance(tree, float):
        raise FormulaError(field, text, 0, "x or y has to be in it")
    return Formula(text.strip(), tree)


def _value(tree: Tree, at: dict[str, Any], math: Any) -> Any:
    if isinstance(tree, float):
        return int(tree) if tree.is_integer() and abs(tree) < 2**53 else tree
    if isinstance(tree, str):
        return at[tree]
    operation, *given = tree
    values = [_value(part, at, math) for part in given]
    if operation in _OPERATIONS:
        return _OPERATIONS[operation](*values)
    return getattr(math, operation)(*values)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "negative": lambda a: -a,
}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Reader:
    """Reads from left to right, a function for every level of precedence."""

    def __init__(self, text: str, field: str) -> None:
        self.text, self.field = text, field
        self.depth = 0
        if len(text) > MAX_LENGTH:
            raise self.wrong(MAX_LENGTH, f"it has more than {MAX_LENGTH} characters")
        self.tokens = self._tokens()
        self.next = 0

    def wrong(self, position: int, reason: str) -> FormulaError:
        return FormulaError(self.field, self.text, position, reason)

    def _tokens(self) -> list[_Token]:
        found, at = [], 0
        while self.text[at:].strip():
            match = _TOKEN.match(self.text, at)
            if match is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                raise self.wrong(at, f"{self.text[at]!r} means nothing here")
            kind = str(match.lastgroup)
            text = match[kind]
            found.append(_Token(kind, _SAME.get(text, text), match.start(kind)))
            at = match.end()
        return [*found, _Token("end", "", len(self.text.rstrip()))]

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def take(self, *signs: str) -> _Token | None:
        """The next token if it is one of these signs."""
        token = self.token
        if token.kind != "sign" or token.text not in signs:
            return None
        self.next += 1
        return token

    def all(self) -> Tree:
        """The whole text."""
        tree = self.sum()
        token = self.token
        if token.kind == "end":
            return tree
        if token.text == ")":
            raise self.wrong(token.at, "this bracket was never opened")
        raise self.wrong(token.at, self.missing(token))

    @staticmethod
    def missing(token: _Token) -> str:
        """Two values stand side by side."""
        return f"an operator is missing before {token.text!r}, e.g. *"

    def sum(self) -> Tree:
        tree = self.product()
        while sign := self.take("+", "-"):
            tree = self.made(sign, tree, self.product())
        return tree

    def product(self) -> Tree:
        tree = self.signed()
        while sign := self.take("*", "/"):
            tree = self.made(sign, tree, self.signed())
        return tree

    def signed(self) -> Tree:
        """A sign binds less than a power: −x**2 is −(x**2)."""
        sign = self.take("+", "-")
        if sign is None:
            return self.power()
        tree = self.deeper(sign, self.signed)
        return tree if sign.text == "+" else self.made(_Token("", "negative", sign.at), tree)

    def power(self) -> Tree:
        """From right to left: x**y**2 is x**(y**2)."""
        tree = self.atom()
        sign = self.take("**")
        if sign is None:
            return tree
        exponent = self.deeper(sign, self.signed)
        if isinstance(exponent, float) and abs(exponent) > MAX_POWER:
            reason = f"{exponent:g} is too large a power; at most {MAX_POWER:g}"
            raise self.wrong(sign.at + len(sign.text), reason)
        return self.made(sign, tree, exponent)

    def atom(self) -> Tree:
        token = self.token
        self.next += token.kind != "end"
        if token.kind == "number":
            return self.finite(float(token.text), token.at)
        if token.kind == "name":
            return self.named(token)
        if token.text == "(":
            return self.bracket(token)
        if token.kind == "end":
            raise self.wrong(token.at, "it ends too early" if self.next else "it is empty")
        raise self.wrong(token.at, f"a number, x or y is missing before {token.text!r}")

    def named(self, token: _Token) -> Tree:
        name = token.text
        opened = self.take("(")
        if name in FUNCTIONS:
            if opened is None:
                raise self.wrong(token.at, f"{name} needs brackets: {name}(x)")
            return self.made(token, self.bracket(opened))
        known = name in ("x", "y") or name in CONSTANTS
        if not known:
            raise self.wrong(token.at, f"there is no {name!r}")
        if opened is not None:
            raise self.wrong(opened.at, f"{name!r} is no function; an operator is missing, e.g. *")
        return name if name in ("x", "y") else CONSTANTS[name]

    def bracket(self, opened: _Token) -> Tree:
        tree = self.deeper(opened, self.sum)
        if self.take(")") is None:
            token = self.token
            if token.kind == "end":
                raise self.wrong(opened.at, "this bracket is never closed")
            raise self.wrong(token.at, self.missing(token))
        return tree

    def deeper(self, token: _Token, read: Callable[[], Tree]) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.wrong(
                token.at, f"more than {MAX_DEPTH} brackets or powers inside each other"
            )
        tree = read()
        self.depth -= 1
        return tree

    def made(self, token: _Token, *parts: Tree) -> Tree:
        """The operation, or its result where all is known."""
        numbers = [part for part in parts if isinstance(part, float)]
        if len(numbers) < len(parts):
            return (token.text, *parts)  # type: ignore[return-value]
        act = _OPERATIONS.get(token.text) or FUNCTIONS[token.text]
        try:
            result = act(*numbers)
        except (ValueError, ArithmeticError):
            result = math.nan
        if isinstance(result, complex):
            result = math.nan
        return self.finite(float(result), token.at)

    def finite(self, number: float, position: int) -> float:
        if not math.isfinite(number):
            raise self.wrong(position, "this is no finite number")
        return number


@dataclass(frozen=True)
class FormulaSetting(Setting):
    """A formula as text."""

    def allowed(self) -> str:
        """What `check` accepts, in words."""
        return f"a formula of {_MAY}, e.g. x**2 + 3*sin(y)"

    def check(self, value: object, field: str | None = None) -> Value:
        """`value` without blanks around it.

        Raises:
            SettingError: no text; `FormulaError`: no formula.
        """
        if not isinstance(value, str):
            raise SettingError(field or self.name, value, self.allowed())
        try:
            return parse(value).text
        except FormulaError as error:
            raise FormulaError(field or self.name, value, error.position, error.reason) from None
