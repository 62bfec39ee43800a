"""The same step by torch's operations alone: for what is not compiled, and until it is.

Rules that torch has a fused loop for are stepped by that loop, chunk by chunk; all others line by
line. Either way the bits are the compiled kernel's.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels.entry import SUMS, Variant
from lrd_core.optim.kernels.program import Program

#: Elements handled at once: a few arrays of them fit into a core's cache, and torch works on them
#: with one thread. A multiple of the lanes of torch's loops, which treat the last few differently.
CHUNK = (1 << 15) - 64

#: Gives the mask of positions [start, start + count).
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

    begins = range(0, parameter.numel(), CHUNK)
    parts = list(_map(chunk, begins))
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
    before = p.clone()
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


def select(
    mask: torch.Tensor, a: torch.Tensor, b: torch.Tensor, out: torch.Tensor | None = None
) -> torch.Tensor:
    """a where the mask is true, else b: float32 or float64 on a CPU, bit by bit.

    By logical operations: a quarter of the time of torch.where and numpy.where, which branch.
    """
    kind = np.int32 if a.dtype == torch.float32 else np.int64
    bits = np.subtract(np.int8(0), mask.numpy().view(np.int8), dtype=kind)
    ours: NDArray[Any] = a.numpy().view(kind)
    others: NDArray[Any] = b.numpy().view(kind)
    bits &= ours ^ others
    result = torch.empty_like(a) if out is None else out
    np.bitwise_xor(bits, others, out=result.numpy().view(kind))
    return result


_pools: dict[int, ThreadPoolExecutor] = {}


def _map(
    work: Callable[[int], torch.Tensor | None], begins: range
) -> Iterable[torch.Tensor | None]:
    """`work` for every chunk, on as many threads as torch uses; each chunk is too small for torch
    to wake others itself."""
    threads = torch.get_num_threads()
    if len(begins) < 2 * threads or threads == 1:
        return map(work, begins)
    if os.getpid() not in _pools:
        # Threads do not outlive a fork.
        _pools.clear()
        _pools[os.getpid()] = ThreadPoolExecutor(thread_name_prefix="lrd-step")

    def share(first: int) -> list[torch.Tensor | None]:
        with torch.no_grad():
            return [work(begin) for begin in begins[first::threads]]

    shares = _pools[os.getpid()].map(share, range(threads))
    return itertools.chain.from_iterable(shares)


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
