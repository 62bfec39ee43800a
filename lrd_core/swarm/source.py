"""Writes the numba module of a swarm: gradient, mask and a rule's update, many steps a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lrd_core.optim.kernels.cpu_source import WORDS
from lrd_core.optim.kernels.program import Line, Program
from lrd_core.optim.policies.gradients import MOMENTA
from lrd_core.problems import Surface
from lrd_core.swarm import elementary
from lrd_core.swarm.layout import AXES, BLOCK, HEADER, NUMBERS, TURN, Layout, Variant, layout

if TYPE_CHECKING:
    from lrd_core.swarm.formula import Gradient

#: Steps after which a block is asked whether it may stop.
CHECK = 8

_WORDS = WORDS | {
    "weighted_sum": "fma({0}, {1}, {2} * {3})",
    "ema": "fma({2}, {1} - {0}, {0})",
}


def source(surface: Surface, slopes: Gradient, program: Program, variant: Variant) -> str:
    """The module's text; it has one function for numba's `cfunc`, ``kernel(header)``.

    `surface` and `slopes` are those of the surface before it is turned.
    """
    rows = layout(program, variant)
    head = _HEAD.format(bits=variant.bits, size=variant.bits // 8, rows=len(rows.rows), block=BLOCK)
    parts = [head, elementary.text(variant.bits), _HASH]
    if variant.choice == "gradient_noise":
        parts += [elementary.normal_text(), _noise(rows)]
    parts.append(_advance(slopes, program, variant, rows))
    if slopes.value:
        parts.append(_lose(slopes, rows, variant.turned))
    parts.append(_look(surface, rows, variant.turned))
    parts.append(_kernel(program, variant, bool(slopes.value)))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


_HEAD = '''"""Generated; don't edit."""

import math

import numpy as np
from numba import carray, cfunc, float32, float64, int32, int64, njit, types, uint32, uint64

from lrd_core.optim.kernels.cpu_blocks import (
    absolute, fma, maximum, minimum, power, select, sqrt, to_float32, to_float64, to_int64,
)
from lrd_core.swarm.blocks import float32_of, float64_of, nearest, to_uint32

F = float{bits}
pointer = to_float{bits}
WIDTH = {size}
ROWS = {rows}
BLOCK = {block}
NEVER = F(np.inf)
NEGATIVE_ZERO = F(-0.0)
log, tan, sinh, cosh, tanh = math.log, math.tan, math.sinh, math.cosh, math.tanh


@njit(error_model="numpy")
def sign(x):
    return select(x > F(0), F(1), select(x < F(0), F(-1), x))
'''

_HASH = """
@njit(error_model="numpy")
def hashed(position, k0, k1):
    x = uint32(position ^ k0)
    x = uint32(x * uint32(0xED5AD4BB))
    x = uint32(x ^ uint32(x >> uint32(16)))
    x = uint32(x ^ k1)
    x = uint32(x * uint32(0xAC4C1B51))
    x = uint32(x ^ uint32(x >> uint32(15)))
    return uint32(x * uint32(0x31848BAB))
"""


def _noise(rows: Layout) -> str:
    """Standard normal numbers of one step, in a loop of its own: it branches."""
    lines = [
        '@njit(error_model="numpy")',
        "def draw(work_, first, spread, k0, k1):",
        "    work = carray(pointer(work_), (ROWS, BLOCK))",
        "    for j in range(BLOCK):",
        "        position = uint32(first + uint32(spread * uint32(j)))",
    ]
    for offset, axis in enumerate(AXES):
        cell = f"float64(hashed(uint32(position + uint32({offset})), k0, k1)) + 0.5"
        lines.append(f"        work[{rows[f'noise_{axis}']}, j] = F(normal(({cell}) / 2.0**32))")
    return "\n".join(lines)


def _advance(slopes: Gradient, program: Program, variant: Variant, rows: Layout) -> str:
    """One step of one block."""
    lines = [
        '@njit(error_model="numpy")',
        "def advance(work_, constants_, numbers_, first, spread, k0, k1, last, none):",
        "    work = carray(pointer(work_), (ROWS, BLOCK))",
        f"    constants = carray(pointer(constants_), {max(len(program.constants), 1)})",
        f"    numbers = carray(pointer(numbers_), {len(NUMBERS)})",
    ]
    lines += [f"    c_{name} = constants[{i}]" for i, name in enumerate(program.constants)]
    lines += [f"    {name} = numbers[{i}]" for i, name in enumerate(NUMBERS)]
    divisors = dict.fromkeys(str(line.args[1]) for line in _by_constants(program))
    lines += [f"    inverse_{name} = F(1) / c_{name}" for name in divisors]
    lines += ["    for j in range(BLOCK):"]
    body = [f"{axis} = work[{rows[axis]}, j]" for axis in AXES]
    body += _slopes(slopes, variant.turned)
    body += _gradients(variant, rows)
    for axis in AXES:
        body += _update(program, rows, axis)
    body += _chosen(program, variant)
    for axis in AXES:
        body += _store(variant, rows, axis)
    return "\n".join([*lines, *(f"        {text}" for text in body)])


def _slopes(slopes: Gradient, turned: bool) -> list[str]:
    """``given_x`` and ``given_y``, the gradient."""
    if not turned:
        return [*slopes.lines, f"given_x = {slopes.dx}", f"given_y = {slopes.dy}"]
    return [
        *(f"plane_{axis} = {axis}" for axis in AXES),
        *_turned_back(),
        *slopes.lines,
        f"slope_x = {slopes.dx}",
        f"slope_y = {slopes.dy}",
        "given_x = cosine * slope_x - sine * slope_y",
        "given_y = sine * slope_x + cosine * slope_y",
        *(f"{axis} = plane_{axis}" for axis in AXES),
    ]


def _turned_back() -> list[str]:
    """From ``x`` and ``y`` in the plane to those on the surface before it was turned."""
    return [
        *(f"away_{axis} = {axis} - pivot_{axis}" for axis in AXES),
        "x = cosine * away_x + sine * away_y + pivot_x",
        "y = cosine * away_y - sine * away_x + pivot_y",
    ]


def _coins(variant: Variant) -> list[str]:
    """``coin_x`` and ``coin_y``: kept by the coin."""
    lines = ["position = uint32(first + uint32(spread * uint32(j)))"]
    keep = "uint32(hashed(uint32(position + uint32({0})), k0, k1) | none) <= last"
    if variant.choice == "start":
        return [*lines, f"coin_x = {keep.format(0)}", "coin_y = coin_x"]
    return [*lines, f"coin_x = {keep.format(0)}", f"coin_y = {keep.format(1)}"]


def _gradients(variant: Variant, rows: Layout) -> list[str]:
    """``g_x`` and ``g_y``, what the rule is given, from ``given_x`` and ``given_y``."""
    if variant.choice == "gradient_noise":
        # √(mean of squares) as a hypotenuse would not overflow; gradients that large are lost.
        lines = ["deviation = sigma * sqrt(fma(given_x, given_x, given_y * given_y) * F(0.5))"]
        noise = {axis: f"work[{rows[f'noise_{axis}']}, j]" for axis in AXES}
        return lines + [f"g_{a} = fma({noise[a]}, deviation, given_{a})" for a in AXES]
    if variant.mode == "gradient":
        kept = "given_{0} * factor" if variant.scaled else "given_{0}"
        return _coins(variant) + [f"g_{a} = select(coin_{a}, {kept.format(a)}, F(0))" for a in AXES]
    return [f"g_{a} = given_{a}" for a in AXES]


def _update(program: Program, rows: Layout, axis: str) -> list[str]:
    """``change_AXIS``, the whole update, and the new states; names that vary carry the axis."""
    varying = {"p", "g", *(f"old_{s}" for s in program.states), *(x.name for x in program.lines)}

    def named(name: str | float) -> str | float:
        if not isinstance(name, str):
            return name
        return f"{name}_{axis}" if name in varying else f"c_{name}"

    def value(name: str | float) -> str:
        return str(named(name)) if isinstance(name, str) else f"F({name!r})"

    lines = [f"p_{axis} = {axis}"]
    lines += [f"old_{s}_{axis} = work[{rows[f'state_{s}_{axis}']}, j]" for s in program.states]
    moved = []
    for line in program.lines:
        op, args = line.op, tuple(map(named, line.args))
        if line in _by_constants(program):
            op, args = "mul", (args[0], f"inverse_{line.args[1]}")
        moved.append(Line(str(named(line.name)), op, args))
    lines += replace(program, lines=tuple(moved)).listing(_WORDS, "F({0!r})")
    for state, new in zip(program.states, program.new_states, strict=True):
        lines.append(f"new_{state}_{axis} = {value(new)}")
        lines.append(f"work[{rows[f'state_{state}_{axis}']}, j] = new_{state}_{axis}")
    return [*lines, f"change_{axis} = {value(program.delta)}"]


def _by_constants(program: Program) -> list[Line]:
    """Divisions by a constant of the step: products with its inverse take a fifth of the time."""
    return [
        line for line in program.lines if line.op == "div" and line.args[1] in program.constants
    ]


def _chosen(program: Program, variant: Variant) -> list[str]:
    """``keep_x`` and ``keep_y``; nothing for what changes the gradient."""
    if variant.mode == "gradient" or variant.choice == "gradient_noise":
        return []
    if variant.choice == "momentum_aligned":
        return [
            *(f"score_{a} = {_momentum(program, a)} * given_{a}" for a in AXES),
            # NaN counts as the smallest; of equal products the first is kept.
            *(f"score_{a} = select(score_{a} == score_{a}, score_{a}, -NEVER)" for a in AXES),
            "keep_x = (score_x >= score_y) | (whole != F(0))",
            "keep_y = (score_x < score_y) | (whole != F(0))",
        ]
    lines = _coins(variant)
    if variant.choice != "cautious":
        return lines + [f"keep_{a} = coin_{a}" for a in AXES]
    for a in AXES:
        lines += [
            f"full_{a} = {a} + change_{a}",
            f"down_{a} = (full_{a} < {a}) & (given_{a} > F(0))",
            f"up_{a} = (full_{a} > {a}) & (given_{a} < F(0))",
            f"keep_{a} = coin_{a} | down_{a} | up_{a}",
        ]
    if variant.scaled:
        # 1 / the share kept; where nothing is kept it is not used.
        lines.append("factor = select(keep_x & keep_y, F(1), F(2))")
    return lines


def _momentum(program: Program, axis: str) -> str:
    """The new momentum under its torch name or the rule's, as the policy finds it."""
    rule = program.rule
    torch_names = rule.form.state if rule.form is not None and rule.build is not None else {}
    names = {torch_names.get(state, state): state for state in program.states}
    found = next((names[name] for name in MOMENTA if name in names), None)
    return f"given_{axis}" if found is None else f"new_{found}_{axis}"


def _store(variant: Variant, rows: Layout, axis: str) -> list[str]:
    """The new position. Dropped coordinates keep their bits without a branch: p + −0 is p."""
    target = f"work[{rows[axis]}, j] = {axis}"
    if variant.mode == "gradient" or variant.choice == "gradient_noise":
        return [f"{target} + change_{axis}"]
    kept = f"change_{axis} * factor" if variant.scaled else f"change_{axis}"
    left = f"change_{axis} * rest" if variant.rest else "NEGATIVE_ZERO"
    return [f"{target} + select(keep_{axis}, {kept}, {left})"]


def _lose(slopes: Gradient, rows: Layout, turned: bool) -> str:
    """``lose`` takes what a step has led to where f has no value, as training ends there: it is
    nowhere then."""
    read = [f"{axis} = work[{rows[axis]}, j]" for axis in AXES]
    numbers = []
    if turned:
        read += _turned_back()
        numbers = _turn_numbers()
    cell = f"work[{rows['x']}, j]"
    return "\n".join(
        [
            '@njit(error_model="numpy")',
            "def lose(work_, numbers_):",
            "    work = carray(pointer(work_), (ROWS, BLOCK))",
            *numbers,
            "    for j in range(BLOCK):",
            *_indented(8, [*read, *slopes.value_lines]),
            f"        finite = {slopes.value} - {slopes.value} == F(0)",
            f"        {cell} = select(finite, {cell}, F(np.nan))",
        ]
    )


def _turn_numbers() -> list[str]:
    """How the surface is turned, out of ``numbers_``."""
    lines = [f"    numbers = carray(pointer(numbers_), {len(NUMBERS)})"]
    return lines + [f"    {name} = numbers[{NUMBERS.index(name)}]" for name in TURN]


def _look(surface: Surface, rows: Layout, turned: bool) -> str:
    """``look`` notes which starts are near a minimum for the first time.

    Most steps bring none: a first loop, which stores nothing, finds out. ``waiting`` counts starts
    that may still reach one; a coordinate that is not finite stays so.
    """
    minima = [point for point in surface.view.points if point.kind != "saddle"]
    read = [f"{name} = work[{rows[name]}, j]" for name in ("x", "y", "at")]
    finite = "(x - x == F(0)) & (y - y == F(0))"
    wait = [*read, f"left = int32(left + int32((at == NEVER) & {finite}))"]
    numbers = []
    if turned:
        read += _turned_back()
        numbers = _turn_numbers()
    nearest, hit = ["least = NEVER"], ["hit = F(-1)"]
    for number, point in enumerate(minima):
        distance = [
            f"dx = x - F({point.x!r})",
            f"dy = y - F({point.y!r})",
            "distance = fma(dx, dx, dy * dy)",
        ]
        nearest += [*distance, "least = select(distance < least, distance, least)"]
        hit += [*distance, f"hit = select(distance < near, F({number}), hit)"]
    fresh = "int32((least < near) & (at == NEVER))"
    note = [
        "if hit >= F(0) and at == NEVER:",
        f"    work[{rows['at']}, j] = step",
        f"    work[{rows['which']}, j] = hit",
    ]
    return "\n".join(
        [
            *_loop("look(work_, numbers_, step, near)", "found", numbers),
            *_indented(8, [*read, *nearest, f"found = int32(found + {fresh})"]),
            "    if found == 0:",
            "        return",
            "    for j in range(BLOCK):",
            *_indented(8, [*read, *hit, *note]),
            "",
            "",
            *_loop("waiting(work_)", "left"),
            *_indented(8, wait),
            "    return left",
        ]
    )


def _loop(head: str, total: str, before: Sequence[str] = ()) -> list[str]:
    """The beginning of a function that counts over a block, after the lines `before`."""
    return [
        '@njit(error_model="numpy")',
        f"def {head}:",
        "    work = carray(pointer(work_), (ROWS, BLOCK))",
        *before,
        f"    {total} = int32(0)",
        "    for j in range(BLOCK):",
    ]


def _indented(width: int, lines: list[str]) -> list[str]:
    return [" " * width + line for line in lines]


def _kernel(program: Program, variant: Variant, loses: bool) -> str:
    header = {name: f"header[{i}]" for i, name in enumerate(HEADER)}
    width = max(len(program.constants), 1)
    noise = """
            draw(work, begin, spread, noise_keys[step, 0], noise_keys[step, 1])"""
    lose = f"lose(work, {header['numbers']})"
    return f"""
@cfunc(types.void(types.int64), error_model="numpy")
def kernel(address):
    header = carray(to_int64(address), {len(HEADER)})
    steps = {header["steps"]}
    keys = carray(to_uint32({header["keys"]}), (steps, 2))
    noise_keys = carray(to_uint32({header["noise_keys"]}), (steps, 2))
    numbers = carray(pointer({header["numbers"]}), {len(NUMBERS)})
    near = numbers[{NUMBERS.index("near")}]
    last = uint32({header["last"]})
    none = uint32({header["none"]})
    spread = uint32({header["spread"]})
    for block in range({header["blocks"]}):
        work = {header["work"]} + block * (WIDTH * ROWS * BLOCK)
        begin = uint32(spread * uint32({header["first"]} + block * BLOCK))
        if {header["watch"]} != 0:
            look(work, {header["numbers"]}, F(0), near)
        for step in range(steps):
            if {header["stop"]} != 0 and step % {CHECK} == 0 and waiting(work) == 0:
                break{noise if variant.choice == "gradient_noise" else ""}
            advance(work, {header["constants"]} + step * {width} * WIDTH, {header["numbers"]},
                    begin, spread, keys[step, 0], keys[step, 1], last, none)
            {lose if loses else ""}
            if {header["watch"]} != 0:
                look(work, {header["numbers"]}, F(step + 1), near)
"""
