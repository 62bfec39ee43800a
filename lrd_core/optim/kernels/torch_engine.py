"""The same step by torch's operations alone: for what is not compiled, and until it is.

Rules that torch has a fused loop for are stepped by that loop, chunk by chunk; all others line by
line. Either way the bits are the compiled kernel's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from lrd_core.optim.kernels.entry import SUMS, Variant
from lrd_core.optim.kernels.program import Program
from lrd_core.optim.random_bits import PIECE

#: Elements handled at once. A multiple of the lanes of torch's loops, which treat the last few
#: differently.
CHUNK = PIECE

#: Gives int32 for positions [start, start + count): 1 is kept, 0 is dropped.
Coins = Callable[[int, int], torch.Tensor]

#: torch's own step of (parameter, gradient, states), in place.
Loop = Callable[[torch.Tensor, torch.Tensor, Sequence[torch.Tensor]], None]

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "fma": lambda a, b, c: a * b + c,
    "ema": lambda mean, x, weight: weight * (x - mean) + mean,
    "weighted_sum": lambda a, x, b, y: a * x + b * y,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "sqrt": lambda x: _sqrt(x),
    "absolute": torch.abs,
    # torch.sign makes 0 of NaN.
    "sign": lambda x: torch.where(x > 0, 1.0, torch.where(x < 0, -1.0, x)),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "power": torch.pow,
    "where": lambda c, a, b: torch.where(c if c.dtype == torch.bool else c != 0, a, b),
}


def _sqrt(x: torch.Tensor) -> torch.Tensor:
    """Rounded to the nearest; on a CPU torch.sqrt may use a vector library that is an ulp off."""
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        return x.sqrt()
    with np.errstate(invalid="ignore"):
        return torch.from_numpy(np.asarray(np.sqrt(x.detach().numpy())))


def evaluate(
    program: Program,
    constants: Sequence[float],
    p: torch.Tensor,
    g: torch.Tensor,
    states: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The update and the new states, every operation rounded to the tensors' dtype."""

    def number(x: float) -> torch.Tensor:
        return torch.tensor(float(x), dtype=p.dtype, device=p.device)

    values: dict[str, torch.Tensor] = {"p": p, "g": g}
    values |= {f"old_{s}": t for s, t in zip(program.states, states, strict=True)}
    values |= {c: number(x) for c, x in zip(program.constants, constants, strict=True)}

    def operand(a: str | float) -> torch.Tensor:
        return values[a] if isinstance(a, str) else number(a)

    for line in program.lines:
        values[line.name] = _OPERATIONS[line.op](*map(operand, line.args))
    new = [operand(name).expand_as(p) for name in program.new_states]
    return operand(program.delta).expand_as(p), new


def step(
    program: Program,
    variant: Variant,
    constants: Sequence[float],
    factor: float,
    coins: Coins | None,
    parameter: torch.Tensor,
    gradient: torch.Tensor,
    states: Sequence[torch.Tensor],
    fused: Loop | None,
) -> list[float] | None:
    """Steps one row-major tensor in place; gives the sums of `SUMS` if the variant asks for them.

    Args:
        constants: of this step, by the program.
        factor: of kept updates or gradients, if the variant is scaled.
        coins: which coordinates are kept; None keeps all.
        fused: torch's own loop for (parameter, gradient, states); None: line by line.
    """
    flat = [t.detach().view(-1) for t in (parameter, gradient, *states)]

    def chunk(begin: int) -> torch.Tensor | None:
        p, g, *own = (t[begin : begin + CHUNK] for t in flat)
        mask = None if coins is None else coins(begin, p.numel())
        return _chunk(program, variant, constants, factor, mask, p, g, own, fused)

    with torch.no_grad():
        parts = [chunk(begin) for begin in range(0, parameter.numel(), CHUNK)]
    if not variant.statistics:
        return None
    total = sum((part for part in parts if part is not None), torch.zeros(len(SUMS)).double())
    return [float(x) for x in total]


def _chunk(
    program: Program,
    variant: Variant,
    constants: Sequence[float],
    factor: float,
    mask: torch.Tensor | None,
    p: torch.Tensor,
    g: torch.Tensor,
    own: Sequence[torch.Tensor],
    fused: Loop | None,
) -> torch.Tensor | None:
    """Steps a chunk in place; the sums, float64, if the variant asks for them."""
    given = g
    if variant.mode == "gradient":
        g = g * factor if variant.scaled else g
        g = g if mask is None else select(mask, g, torch.zeros_like(g))
    before = _space("before", p.dtype)[: p.numel()].copy_(p)
    if fused is None:
        delta, new = evaluate(program, constants, p, g, own)
        for state, value in zip(own, new, strict=True):
            state.copy_(value)
        p.add_(delta)
    else:
        fused(p, g, own)
    measured = None
    if variant.statistics:
        dropped = None if variant.mode == "gradient" else mask
        measured = _sums(given, p, before, dropped, mask)
    if variant.mode == "gradient":
        return measured
    if variant.scaled:
        delta = p - before if fused is not None else delta
        p.copy_(before + delta * factor)
    if mask is not None:
        select(mask, p, before, out=p)
    return measured


_spaces = threading.local()


def _space(name: str, dtype: torch.dtype) -> torch.Tensor:
    """Memory for a chunk, the same at each call: new memory would have to be mapped each time."""
    known: dict[Any, torch.Tensor] = vars(_spaces)
    if (name, dtype) not in known:
        known[name, dtype] = torch.empty(CHUNK, dtype=dtype)
    return known[name, dtype]


def coin_space() -> tuple[torch.Tensor, torch.Tensor]:
    """Memory for `keep_bits`."""
    return _space("coins", torch.int32), _space("shifted", torch.int32)


def select(
    coins: torch.Tensor, a: torch.Tensor, b: torch.Tensor, out: torch.Tensor | None = None
) -> torch.Tensor:
    """a where the coins are 1, b where they are 0: float32 or float64, every bit kept.

    By integer operations: a quarter of the time of torch.where.
    """
    kind = torch.int32 if a.dtype == torch.float32 else torch.int64
    result = torch.empty_like(a) if out is None else out
    ours, others, chosen = a.view(kind), b.view(kind), result.view(kind)
    torch.bitwise_xor(ours, others, out=chosen)
    return chosen.mul_(coins.to(kind)).bitwise_xor_(others).view(a.dtype)


def _sums(
    g: torch.Tensor,
    full: torch.Tensor,
    before: torch.Tensor,
    mask: torch.Tensor | None,
    coins: torch.Tensor | None,
) -> torch.Tensor:
    change = full.double() - before.double()
    gradient = g.double()
    kept = change if mask is None else select(mask, change, torch.zeros_like(change))
    count = g.numel() if coins is None else int(coins.count_nonzero())
    return torch.stack(
        [
            gradient @ gradient,
            change @ change,
            change @ gradient,
            kept @ change,
            kept @ gradient,
            torch.tensor(float(count), dtype=torch.float64),
        ]
    )
