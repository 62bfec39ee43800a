"""Writes the Triton module of a program: a small kernel for scalars, one pass over all tensors.

``prepare`` computes a key for each tensor, raises step counters and, for capturable steps, computes
the constants on the device in float64. ``update`` then reads parameters, gradients and states,
draws the mask in registers, and writes parameters and states. What `prepare` raises is not read by
`update`, so no block can see a counter of the wrong step.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from lrd_core.optim.kernels.entry import SUMS, Variant
from lrd_core.optim.kernels.program import Program

#: Coordinates of a block, the work of one program of the grid; 8 for each of its 128 threads.
BLOCK = 1024
#: Tensors that one program of `prepare` takes care of.
LANES = 128

#: Rows of the table that stays, int64, a column for each tensor; then pointers: states, step
#: counter (0: none on the device), the rule's own scalars.
FIXED = ("numel", "start", "index", "first_block", "parameter")
#: Rows of the table of a step, int64; then constants or settings as the bits of float64. A last
#: word is the seed.
CHANGING = ("gradient", "limit", "factor")

_TYPES = {
    torch.float16: "tl.float16",
    torch.bfloat16: "tl.bfloat16",
    torch.float32: "tl.float32",
    torch.float64: "tl.float64",
}
DTYPES = tuple(_TYPES)

_WORDS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "device.divide({0}, {1}, REAL)",
    "neg": "-{0}",
    "fma": "tl.fma({0}, {1}, {2})",
    "ema": "tl.fma({2}, {1} - {0}, {0})",
    "weighted_sum": "tl.fma({2}, {3}, {0} * {1})",
    "sqrt": "device.root({0}, REAL)",
    "maximum": "tl.maximum({0}, {1}, propagate_nan=tl.PropagateNan.ALL)",
    "minimum": "tl.minimum({0}, {1}, propagate_nan=tl.PropagateNan.ALL)",
    "absolute": "tl.abs({0})",
    "power": "device.power({0}, {1}, REAL)",
    "sign": "device.sign({0})",
    "lt": "({0} < {1}).to(REAL)",
    "le": "({0} <= {1}).to(REAL)",
    "gt": "({0} > {1}).to(REAL)",
    "ge": "({0} >= {1}).to(REAL)",
    "eq": "({0} == {1}).to(REAL)",
    "ne": "({0} != {1}).to(REAL)",
    "where": "tl.where({0} != 0, {1}, {2})",
}
#: A bare number would be float32.
_LITERAL = "tl.full((), {0!r}, REAL)"


def setting_names(program: Program) -> tuple[str, ...]:
    """The settings that a capturable step reads, in the order of their rows."""
    own = program.rule.scalars or {}
    return tuple(name for name in program.inputs if name != "step" and name not in own)


def source(program: Program, variant: Variant, capturable: bool) -> str:
    """The module's text; it has the kernels ``prepare`` and ``update``.

    Args:
        program: the rule's update.
        variant: dtype, what the coin leaves out, factor, sums.
        capturable: constants are computed on the device.
    """
    wide = variant.dtype is torch.float64
    head = _HEAD.format(
        real="tl.float64" if wide else "tl.float32",
        stored=_TYPES[variant.dtype],
        block=BLOCK,
        lanes=LANES,
    )
    parts = [head, _constants(program)] if capturable else [head]
    parts += [_prepare(program, capturable), _formula(program)]
    parts += [_block(program, variant, capturable), _UPDATE]
    return "\n\n\n".join(parts) + "\n"


_HEAD = '''"""Generated; don't edit."""

import triton
import triton.language as tl

from lrd_core.optim.kernels import cuda_device as device

REAL = tl.constexpr({real})
STORED = tl.constexpr({stored})
BLOCK = tl.constexpr({block})
LANES = tl.constexpr({lanes})
inf = tl.constexpr(float("inf"))
nan = tl.constexpr(float("nan"))
'''


def _prepare(program: Program, capturable: bool) -> str:
    step_row = len(FIXED) + len(program.states)
    words = len(CHANGING) + (len(setting_names(program)) if capturable else len(program.constants))
    lines = f"""
@triton.jit(do_not_specialize=["tensors"])
def prepare(fixed, changing, derived, mask_step, found_inf, tensors):
    tensor = tl.program_id(0) * LANES + tl.arange(0, LANES)
    inside = tensor < tensors
    live = inside
    if found_inf is not None:
        live = inside & (tl.load(found_inf + tensor * 0) == 0)
    seed = tl.load(changing + {words} * tensors).to(tl.uint64, bitcast=True)
    number = tl.load(fixed + {FIXED.index("index")} * tensors + tensor, mask=inside, other=0)
    now = (tl.load(mask_step) + 1).to(tl.uint64, bitcast=True)
    key = device.tensor_key(seed, now, number.to(tl.uint64, bitcast=True))
    tl.store(derived + tensor, key.to(tl.int64, bitcast=True), mask=inside)
    step_at = tl.load(fixed + {step_row} * tensors + tensor, mask=inside, other=0)
    counted = step_at != 0
    step_at = step_at.to(tl.pointer_type(tl.float32))
    count = tl.load(step_at, mask=inside & counted, other=0.0) + 1
    tl.store(step_at, count, mask=live & counted)
""".strip().splitlines()
    if capturable:
        lines += [f"    {text}" for text in _scalars(program, step_row + 1)]
    return "\n".join(lines)


def _constants(program: Program) -> str:
    """The scalar lines as a function of their inputs: the constants, then the rule's own."""
    words = {op: word.replace("REAL", "tl.float64") for op, word in _WORDS.items()}
    literal = _LITERAL.replace("REAL", "tl.float64")
    scalars = replace(program, lines=program.scalar_lines)
    values = [*program.constants, *(_value(v, "tl.float64") for v in program.new_scalars)]
    lines = ["@triton.jit", f"def constants({', '.join(program.inputs)}):"]
    lines += [f"    {text}" for text in scalars.listing(words, literal)]
    return "\n".join([*lines, f"    return {', '.join(values)}"])


def _scalars(program: Program, scalar_row: int) -> list[str]:
    """Loads what the constants depend on, and stores them."""
    own = tuple(program.rule.scalars or {})
    inputs = {"step": "count.to(tl.float64)"}
    lines = []
    for i, name in enumerate(setting_names(program)):
        row = f"{len(CHANGING) + i} * tensors"
        lines.append(f"setting_{i} = tl.load(changing + {row} + tensor, mask=inside, other=0)")
        inputs[name] = f"setting_{i}.to(tl.float64, bitcast=True)"
    for i, name in enumerate(own):
        row = f"{scalar_row + i} * tensors"
        lines.append(f"scalar_{i}_at = tl.load(fixed + {row} + tensor, mask=inside, other=0)")
        lines.append(f"scalar_{i}_at = scalar_{i}_at.to(tl.pointer_type(tl.float32))")
        lines.append(f"scalar_{i} = tl.load(scalar_{i}_at, mask=inside, other=0.0)")
        inputs[name] = f"scalar_{i}.to(tl.float64)"
    results = [f"constant_{i}" for i in range(len(program.constants))]
    results += [f"new_scalar_{i}" for i in range(len(own))]
    given = ", ".join(inputs[name] for name in program.inputs)
    lines.append(f"{', '.join(results)} = constants({given})")
    for i in range(len(program.constants)):
        bits = f"tl.broadcast_to(constant_{i}, (LANES,)).to(tl.int64, bitcast=True)"
        lines.append(f"tl.store(derived + {1 + i} * tensors + tensor, {bits}, mask=inside)")
    return lines + [
        f"tl.store(scalar_{i}_at, new_scalar_{i}.to(tl.float32), mask=live)"
        for i in range(len(own))
    ]


def _value(name: str | float, kind: str = "REAL") -> str:
    return name if isinstance(name, str) else f"tl.full((), {name!r}, {kind})"


def _formula(program: Program) -> str:
    """The vector lines as a function: the new parameter, the update, the new states."""
    olds = [f"old_{name}" for name in program.states]
    lines = ["@triton.jit", f"def formula({', '.join(['p', 'g', *olds, *program.constants])}):"]
    lines += [f"    {text}" for text in program.listing(_WORDS, _LITERAL)]
    delta = _value(program.delta)
    if program.factors:
        full = f"tl.fma({program.factors[0]}, {program.factors[1]}, p)"
    elif program.decayed:
        full = f"p * {program.decayed[0]} + {program.decayed[1]}"
    else:
        full = f"p + {delta}"
    states = [_value(new) for new in program.new_states]
    return "\n".join([*lines, f"    return {', '.join([full, delta, *states])}"])


def _block(program: Program, variant: Variant, capturable: bool) -> str:
    """The pass over one block of one tensor; `whole`: it ends before the tensor does."""
    states = range(len(program.states))
    constants = range(len(program.constants))
    lines = [_BLOCK_HEAD]
    for i in states:
        row = f"{len(FIXED) + i} * tensors"
        lines.append(f"    at_{i} = device.pointer(fixed, {row} + tensor, STORED, aligned) + place")
    table, first_row = ("derived", 1) if capturable else ("changing", len(CHANGING))
    for i in constants:
        row = f"{first_row + i} * tensors"
        lines.append(f"    constant_{i} = device.real({table}, {row} + tensor, REAL)")
    lines += ["    old = device.read(p_at, inside, whole)", "    p = old.to(REAL)"]
    lines.append("    g = device.read(g_at, inside, whole).to(REAL)")
    lines += [f"    state_{i} = device.read(at_{i}, inside, whole).to(REAL)" for i in states]
    lines += [_UNSCALE, "    used = g"]
    if variant.mode == "gradient":
        if variant.scaled:
            lines.append("    used = used * factor")
        lines.append("    used = tl.where(keep, used, tl.full((), 0.0, REAL))")
    given = ["p", "used", *(f"state_{i}" for i in states), *(f"constant_{i}" for i in constants)]
    results = ["full", "delta", *(f"new_{i}" for i in states)]
    lines.append(f"    {', '.join(results)} = formula({', '.join(given)})")
    for i in states:
        value = f"tl.broadcast_to(new_{i}, (BLOCK,))"
        lines.append(f"    device.write(at_{i}, {value}, inside, whole)")
    lines += [f"    {text}" for text in _store(variant)]
    if variant.statistics:
        lines += [f"    {text}" for text in _sums(variant)]
    return "\n".join(lines)


_BLOCK_HEAD = f"""
@triton.jit
def one_block(
    fixed, changing, derived, partial, grad_scale, tensors, blocks, block, tensor, first, numel,
    whole: tl.constexpr, aligned: tl.constexpr, crosses: tl.constexpr,
):
    lane = tl.arange(0, BLOCK)
    inside = lane < tl.minimum(numel - first, BLOCK).to(tl.int32)
    place = first + lane
    start = tl.load(fixed + {FIXED.index("start")} * tensors + tensor)
    base = tl.load(derived + tensor).to(tl.uint64, bitcast=True)
    limit = tl.load(changing + {CHANGING.index("limit")} * tensors + tensor)
    factor = device.real(changing, {CHANGING.index("factor")} * tensors + tensor, REAL)
    keep = device.coin(start + first, base, limit, BLOCK, crosses)
    p_row, g_row = {FIXED.index("parameter")} * tensors, {CHANGING.index("gradient")} * tensors
    p_at = device.pointer(fixed, p_row + tensor, STORED, aligned) + place
    g_at = device.pointer(changing, g_row + tensor, STORED, aligned) + place
""".strip()

# As torch's fused optimizers, this leaves the unscaled gradient behind.
_UNSCALE = """
    if grad_scale is not None:
        g = device.divide(g, tl.load(grad_scale).to(REAL), REAL)
        device.write(g_at, g, inside, whole)
""".strip("\n")


def _store(variant: Variant) -> list[str]:
    """The new parameter; a dropped coordinate's old bits are stored again, never computed."""
    lines = ["full = full.to(STORED)"]
    new = "full"
    if variant.mode == "update":
        if variant.scaled:
            lines.append("scaled = (p + delta * factor).to(STORED)")
            new = "scaled"
        new = f"tl.where(keep, {new}, old)"
    return [*lines, f"device.write(p_at, {new}, inside, whole)"]


def _sums(variant: Variant) -> list[str]:
    # With the coin on gradients, every update is kept.
    kept = "inside & keep" if variant.mode == "update" else "inside"
    values = {
        "grad_sq": "device.product_sum(g, g, inside)",
        "full_sq": "device.product_sum(change, change, inside)",
        "full_dot_grad": "device.product_sum(change, g, inside)",
        "kept_sq": f"device.product_sum(change, change, {kept})",
        "kept_dot_grad": f"device.product_sum(change, g, {kept})",
        "kept": "tl.sum((inside & keep).to(tl.int32), axis=0).to(tl.float64)",
    }
    lines = ["change = full.to(REAL) - p", "sums_at = partial + block"]
    for i, name in enumerate(SUMS):
        lines.append(f"tl.store(sums_at + {i} * blocks.to(tl.int64), {values[name]})")
    return lines


_UPDATE = f"""
@triton.jit(do_not_specialize=["tensors", "blocks"])
def update(
    fixed, changing, derived, places, partial, mask_step, found_inf, grad_scale, tensors, blocks,
    counts: tl.constexpr, aligned: tl.constexpr, crosses: tl.constexpr,
):
    block = tl.program_id(0)
    live = True
    if found_inf is not None:
        live = tl.load(found_inf) == 0
    if live:
        if counts:
            if block == 0:
                tl.store(mask_step, tl.load(mask_step) + 1)
        tensor = tl.load(places + block)
        first = tl.load(places + blocks + block).to(tl.int64) * BLOCK
        numel = tl.load(fixed + {FIXED.index("numel")} * tensors + tensor)
        if numel - first >= BLOCK:
            one_block(
                fixed, changing, derived, partial, grad_scale, tensors, blocks, block, tensor,
                first, numel, True, aligned, crosses,
            )
        else:
            one_block(
                fixed, changing, derived, partial, grad_scale, tensors, blocks, block, tensor,
                first, numel, False, aligned, crosses,
            )
""".strip()
