"""The building blocks rules are written with, and their float64 NumPy form.

A rule's `update` names these functions as globals; `bind` gives the same code the blocks of
another engine. Every block works on numbers and on arrays of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

#: A float, an array of them, or whatever an engine computes with.
Number = Any


def fma(a: Number, b: Number, c: Number) -> Number:
    """a · b + c; engines that have a fused one use it."""
    return a * b + c


def weighted_sum(a: Number, x: Number, b: Number, y: Number) -> Number:
    """a · x + b · y; engines choose which product is fused into the sum."""
    return a * x + b * y


def ema(mean: Number, x: Number, beta: Number) -> Number:
    """Exponential moving average: β · mean + (1 − β) · x."""
    return mean + (1 - beta) * (x - mean)


def ema_of_square(mean: Number, x: Number, beta: Number) -> Number:
    """Exponential moving average of x²: β · mean + (1 − β) · x²."""
    return beta * mean + (1 - beta) * x * x


def sqrt(x: Number) -> Number:
    """Square root."""
    return np.sqrt(x)


def maximum(a: Number, b: Number) -> Number:
    """The larger of the two; NaN if either is."""
    return np.maximum(a, b)


def minimum(a: Number, b: Number) -> Number:
    """The smaller of the two; NaN if either is."""
    return np.minimum(a, b)


def absolute(x: Number) -> Number:
    """|x|."""
    return np.absolute(x)


def sign(x: Number) -> Number:
    """−1, 0 or 1; NaN stays."""
    return np.sign(x)


def where(condition: Number, a: Number, b: Number) -> Number:
    """a where the condition holds, else b; both are computed."""
    return np.where(condition, a, b)


def power(base: Number, exponent: Number) -> Number:
    """base to the exponent."""
    return np.power(np.float64(base), exponent)


#: The blocks of this module by name: what an engine has to supply.
NUMPY: Mapping[str, Callable[..., Any]] = {
    block.__name__: block
    for block in (
        fma,
        weighted_sum,
        ema,
        ema_of_square,
        sqrt,
        maximum,
        minimum,
        absolute,
        sign,
        where,
        power,
    )
}


def bind(update: Callable[..., Any], blocks: Mapping[str, Callable[..., Any]]) -> Any:
    """The code of a rule's `update` with `blocks` as its only globals.

    Raises:
        TypeError: `update` is not a plain Python function.
    """
    if not isinstance(update, FunctionType):
        raise TypeError(f"a rule's update must be a plain function, not {type(update).__name__}")
    # No builtins: a rule that leans on anything but blocks fails in its first test.
    return FunctionType(update.__code__, {"__builtins__": {}, **blocks}, update.__name__)
