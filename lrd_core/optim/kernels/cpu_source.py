"""Writes the numba module of a program: one pass over all tensors, mask and sums in registers."""

from __future__ import annotations

import torch

from lrd_core.optim.kernels.entry import SUMS, Variant
from lrd_core.optim.kernels.program import Program

#: Columns of the table of tensors, int64; pointers to states follow.
COLUMNS = (
    "parameter",
    "gradient",
    "numel",
    "begin",  # elements of the tensors before it
    "index",
    "start",
    "last",  # a coordinate is kept where hash | none <= last
    "none",
    "constants",
    "step",  # address of the counter, or 0
    "count",  # what the counter should hold before the step
    "base",  # 64-bit key of (seed, step)
)
#: The header, int64.
HEADER = (
    "thread_number",
    "thread_count",
    "tensors",
    "table",
    "total",
    "whole",  # a tensor is one thread's: its sums then have the same bits whatever else is stepped
    "sums",
    "miscounted",  # counters that hold something else
)
#: Elements of which one call of the inner loop takes care: a page of float32.
BLOCK = 1024

#: How numba's kernels write what they all write alike.
WORDS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "eq": "{0} == {1}",
    "ne": "{0} != {1}",
    "where": "select({0} != F(0), {1}, {2})",
    "sign": "select({0} > F(0), F(1), select({0} < F(0), F(-1), {0}))",
}
#: Fused where torch's own vector loop fuses, and where its loop over the last elements does.
#: A weight of 0.5 or more goes from the other end, as torch's lerp does.
_EMA = "fma(select({2} < F(0.5), {2}, {2} - F(1)), {1} - {0}, select({2} < F(0.5), {0}, {1}))"
_FUSED = {"weighted_sum": "fma({2}, {3}, {0} * {1})", "ema": _EMA}
_FUSED_TAIL = {"weighted_sum": "fma({0}, {1}, {2} * {3})", "ema": _EMA}
#: Every operation rounded, as torch's operations one after the other.
_PLAIN = {
    "fma": "{0} * {1} + {2}",
    "weighted_sum": "{0} * {1} + {2} * {3}",
    "ema": "{2} * ({1} - {0}) + {0}",
}


def lanes(dtype: torch.dtype) -> int:
    """Elements that torch's vector loop takes at once; the rest of a tensor is its tail."""
    return 32 // dtype.itemsize


def source(program: Program, variant: Variant) -> str:
    """The module's text; it has one function for numba's `cfunc`, ``kernel(header)``."""
    bits = variant.dtype.itemsize * 8
    fused = program.rule.fused
    parts = [_HEAD.format(bits=bits, itemsize=variant.dtype.itemsize, columns=len(COLUMNS))]
    parts.append(_inner("block", program, variant, _FUSED if fused else _PLAIN))
    if fused:
        parts.append(_inner("tail", program, variant, _FUSED_TAIL))
    parts.append(_pieces("body", "block", program, variant))
    parts.append(_pieces("end", "tail" if fused else "block", program, variant))
    lane = lanes(variant.dtype) if fused else 1
    parts.append(_outer(program, lane))
    return "\n\n".join(parts) + "\n"


_HEAD = '''"""Generated; don't edit."""

from numba import carray, cfunc, float32, float64, int32, int64, njit, types, uint32, uint64

from lrd_core.optim.kernels.cpu_blocks import (
    absolute, accumulate, call_int, fma, maximum, minimum, power, select, sqrt,
    to_float32, to_float64, to_int64,
)

F = float{bits}
pointer = to_float{bits}
WIDTH = {itemsize}
COLUMNS = {columns}
NEGATIVE_ZERO = F(-0.0)


@njit(error_model="numpy")
def mix(x):
    x = uint64(x + uint64(0x9E3779B97F4A7C15))
    x = uint64((x ^ (x >> uint64(30))) * uint64(0xBF58476D1CE4E5B9))
    x = uint64((x ^ (x >> uint64(27))) * uint64(0x94D049BB133111EB))
    return uint64(x ^ (x >> uint64(31)))
'''

_HASH = """        x = uint32(uint32(uint32(i) + base) ^ k0)
        x = uint32(x * uint32(0xED5AD4BB))
        x = uint32(x ^ uint32(x >> uint32(16)))
        x = uint32(x ^ k1)
        x = uint32(x * uint32(0xAC4C1B51))
        x = uint32(x ^ uint32(x >> uint32(15)))
        x = uint32(x * uint32(0x31848BAB))
        keep = uint32(x | none) <= last"""


def _arguments(program: Program) -> str:
    states = "".join(f"state_{name}, " for name in program.states)
    return f"p_, g_, {states}n, base, k0, k1, last, none, constants_, sums_"


def _inner(name: str, program: Program, variant: Variant, words: dict[str, str]) -> str:
    """The loop over one block of at most `BLOCK` elements."""
    lines = [
        '@njit(error_model="numpy")',
        f"def {name}({_arguments(program)}):",
        "    parameter = carray(pointer(p_), n)",
        "    gradient = carray(pointer(g_), n)",
    ]
    lines += [f"    array_{s} = carray(pointer(state_{s}), n)" for s in program.states]
    count = len(program.constants)
    lines.append(f"    constants = carray(to_float64(constants_), {count + 2})")
    # factor: of kept updates or gradients; zero: what a dropped factor becomes, so that the
    # product is −0 and p + −0 has p's very bits.
    lines += [f"    {c} = F(constants[{i}])" for i, c in enumerate(program.constants)]
    lines.append(f"    factor = F(constants[{count}])")
    lines.append(f"    zero = F(constants[{count + 1}])")
    if variant.statistics:
        lines += [f"    sum_{s} = F(0)" for s in SUMS[:-1]]
        lines.append("    kept = int32(0)")
    lines += ["    for i in range(n):", _HASH]
    lines += ["        p = parameter[i]", "        g = gradient[i]"]
    lines += [f"        old_{s} = array_{s}[i]" for s in program.states]
    if variant.mode == "gradient":
        lines.append("        g_given = g")
        if variant.scaled:
            lines.append("        g = g * factor")
        lines.append("        g = select(keep, g, F(0))")
    all_words = {**WORDS, **words}
    lines += [f"        {text}" for text in program.listing(all_words, "F({0!r})")]
    lines += [
        f"        array_{s}[i] = {_value(new)}"
        for s, new in zip(program.states, program.new_states, strict=True)
    ]
    lines += [f"        {text}" for text in _store(program, variant)]
    if variant.statistics:
        lines += [f"        {text}" for text in _sums(variant)]
        lines += [f"    sums = carray(to_float64(sums_), {len(SUMS)})"]
        lines += [f"    sums[{i}] += float64(sum_{s})" for i, s in enumerate(SUMS[:-1])]
        lines.append(f"    sums[{len(SUMS) - 1}] += float64(kept)")
    return "\n".join(lines)


def _value(name: str | float) -> str:
    return name if isinstance(name, str) else f"F({name!r})"


def _store(program: Program, variant: Variant) -> list[str]:
    """The new parameter. Dropped coordinates keep their bits without a branch: p + −0 is p.

    (A select between old and new parameter would become a masked store, which is several times
    slower.)
    """
    chosen = variant.mode == "update"
    delta = _value(program.delta)
    fused = program.rule.fused
    if fused and program.factors:
        scalar, vector = program.factors
        full = f"fma({vector}, {scalar}, p)"
        kept = f"fma(select(keep, {vector}, zero), {scalar}, p)"
    elif fused and program.decayed:
        factor, rest = program.decayed
        full = f"p * {factor} + {rest}"
        kept = f"p * select(keep, {factor}, F(1)) + select(keep, {rest}, NEGATIVE_ZERO)"
    else:
        full = f"p + {delta}"
        kept = f"p + select(keep, {delta}, NEGATIVE_ZERO)"
    lines = []
    if variant.statistics or (variant.scaled and chosen):
        lines.append(f"change = {full} - p")
    if variant.scaled and chosen:
        moved = "change" if fused else delta
        kept = f"p + select(keep, {moved} * factor, NEGATIVE_ZERO)"
    return [*lines, f"parameter[i] = {kept if chosen else full}"]


def _sums(variant: Variant) -> list[str]:
    chosen = "select(keep, change, F(0))" if variant.mode == "update" else "change"
    g = "g_given" if variant.mode == "gradient" else "g"
    return [
        f"masked = {chosen}",
        f"sum_grad_sq = accumulate(sum_grad_sq, {g} * {g})",
        "sum_full_sq = accumulate(sum_full_sq, change * change)",
        f"sum_full_dot_grad = accumulate(sum_full_dot_grad, change * {g})",
        "sum_kept_sq = accumulate(sum_kept_sq, masked * change)",
        f"sum_kept_dot_grad = accumulate(sum_kept_dot_grad, masked * {g})",
        "kept = int32(kept + select(keep, int32(1), int32(0)))",
    ]


def _pieces(name: str, inner: str, program: Program, variant: Variant) -> str:
    """Calls the inner loop block by block: sums in the parameter's type stay short."""
    moved = "".join(f"state_{s} + WIDTH * at, " for s in program.states)
    return "\n".join(
        [
            '@njit(error_model="numpy")',
            f"def {name}({_arguments(program)}):",
            f"    for at in range(0, n, {BLOCK}):",
            f"        size = min({BLOCK}, n - at)",
            f"        {inner}(p_ + WIDTH * at, g_ + WIDTH * at, {moved}size, "
            "uint32(base + uint32(at)), k0, k1, last, none, constants_, sums_)",
        ]
    )


def _outer(program: Program, lane: int) -> str:
    """``count``, which raises the step counters if all hold what they should, and ``kernel``, which
    every thread of the pool runs on its share of the whole list."""
    column = {name: f"table[t, {i}]" for i, name in enumerate(COLUMNS)}
    header = {name: f"header[{i}]" for i, name in enumerate(HEADER)}
    states = "".join(
        f"table[t, {len(COLUMNS) + i}] + WIDTH * at, " for i in range(len(program.states))
    )
    width = len(COLUMNS) + len(program.states)
    return f"""
@cfunc(types.void(types.int64), error_model="numpy")
def count(address):
    header = carray(to_int64(address), {len(HEADER)})
    tensors = {header["tensors"]}
    table = carray(to_int64({header["table"]}), (tensors, {width}))
    wrong = int64(0)
    for t in range(tensors):
        if {column["step"]} != 0:
            counter = carray(to_float32({column["step"]}), 1)
            if counter[0] != float32({column["count"]}):
                wrong += int64(1)
    {header["miscounted"]} = wrong
    if wrong == 0:
        for t in range(tensors):
            if {column["step"]} != 0:
                counter = carray(to_float32({column["step"]}), 1)
                counter[0] += float32(1)
                {column["count"]} += 1


@cfunc(types.void(types.int64), error_model="numpy")
def kernel(address):
    header = carray(to_int64(address), {len(HEADER)})
    number = int64(0)
    count = int64(1)
    if {header["thread_number"]} != 0:
        number = int64(call_int({header["thread_number"]}))
        count = int64(call_int({header["thread_count"]}))
    tensors = {header["tensors"]}
    table = carray(to_int64({header["table"]}), (tensors, {width}))
    total = {header["total"]}
    units = (total + 63) // 64
    low = units * number // count * 64
    high = min(units * (number + 1) // count * 64, total)
    for t in range(tensors):
        begin = {column["begin"]}
        numel = {column["numel"]}
        first = max(low, begin) - begin
        stop = min(high, begin + numel) - begin
        if {header["whole"]} != 0:
            first = int64(0)
            stop = numel if low <= begin < high else int64(0)
        if first >= stop:
            continue
        key = mix(uint64({column["base"]})
                  + uint64(0x632BE59BD9B4E019) * uint64({column["index"]} + 1))
        whole = numel - numel % {lane}
        sums = {header["sums"]} + (number * tensors + t) * {8 * len(SUMS)}
        at = first
        while at < stop:
            position = {column["start"]} + at
            block_number = position >> 24
            until = min(stop, ((block_number + 1) << 24) - {column["start"]})
            if at < whole:
                until = min(until, whole)
            k = key
            if block_number != 0:
                k = mix(key ^ mix(uint64(block_number)))
            k0 = uint32(k & uint64(0xFFFFFFFF))
            k1 = uint32(k >> uint64(32))
            call = body
            if at < whole:
                body({column["parameter"]} + WIDTH * at, {column["gradient"]} + WIDTH * at,
                     {states}until - at, uint32(position & 0xFFFFFFFF), k0, k1,
                     uint32({column["last"]}), uint32({column["none"]}),
                     {column["constants"]}, sums)
            else:
                end({column["parameter"]} + WIDTH * at, {column["gradient"]} + WIDTH * at,
                    {states}until - at, uint32(position & 0xFFFFFFFF), k0, k1,
                    uint32({column["last"]}), uint32({column["none"]}),
                    {column["constants"]}, sums)
            at = until
""".strip().replace("            call = body\n", "")
