"""CUDA kernels compiled ahead for sm_80 and sm_90: PTX and machine code, without a GPU."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from lrd_core.optim.kernels import cuda
from lrd_core.optim.kernels.cuda_source import BLOCK
from lrd_core.optim.kernels.entry import Variant
from lrd_core.optim.kernels.program import known_settings, program
from lrd_core.optim.rules import RULES, get_rule
from lrd_core.settings import Value, check_settings

triton = pytest.importorskip("triton", reason="triton exists for Linux only")

#: Stands for a pointer that is given, where None stands for one that is not.
GIVEN = object()
TYPES = {
    "fixed": "*i64",
    "changing": "*i64",
    "derived": "*i64",
    "places": "*i32",
    "partial": "*fp64",
    "sums": "*fp64",
    "mask_step": "*i64",
    "found_inf": "*fp32",
    "grad_scale": "*fp32",
    "tensors": "i32",
    "blocks": "i32",
}


def compiled(function: Any, capability: int, constants: dict[str, Any]) -> Any:
    """A kernel for a GPU of this compute capability; arguments in `constants` are known."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    known = {name: value for name, value in constants.items() if name in function.arg_names}
    signature = {n: "constexpr" if n in known else TYPES[n] for n in function.arg_names}
    # As the launcher finds them: torch's memory is aligned.
    attributes = {
        (i,): [["tt.divisibility", 16]]
        for i, name in enumerate(function.arg_names)
        if signature[name].startswith("*")
    }
    kernel = triton.compile(
        ASTSource(function, signature, known, attributes),
        target=GPUTarget("cuda", capability, 32),
        options=dict(cuda.OPTIONS),
    )
    assert f".target sm_{capability}" in kernel.asm["ptx"]
    assert kernel.asm["cubin"].startswith(b"\x7fELF")
    return kernel


def update(
    rule: str,
    given: dict[str, Value],
    capability: int,
    variant: Variant,
    capturable: bool,
    **known: Any,
) -> tuple[str, Any]:
    """PTX of the update, and the module."""
    settings = check_settings(get_rule(rule).settings, given)
    module = cuda.load(
        program(get_rule(rule), known_settings(get_rule(rule), settings)), variant, capturable
    )
    constants = {"counts": True, "aligned": True, "crosses": False}
    constants |= {"found_inf": None, "grad_scale": None, "partial": None, **known}
    if variant.statistics:
        constants["partial"] = GIVEN
    constants = {name: value for name, value in constants.items() if value is not GIVEN}
    return compiled(module.update, capability, constants).asm["ptx"], module


#: Beside weight decay: what makes a rule use all of its state.
ALL: dict[str, dict[str, Value]] = {
    "sgd": {"momentum": 0.9, "nesterov": True},
    "rmsprop": {"momentum": 0.9, "centered": True},
}


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule(rule: str, capability: int) -> None:
    given = {"weight_decay": 0.1, **ALL.get(rule, {})}
    host = capability == 90
    variant = Variant(torch.float32 if host else torch.bfloat16)
    ptx, module = update(rule, given, capability, variant, not host)
    scalars = compiled(module.prepare, capability, {"found_inf": None}).asm["ptx"]
    # Scalars are computed in float64, coordinates in float32.
    assert not re.search(r"\b(mul|div|sub|sqrt|fma|ex2|lg2)\.\S*f32", scalars)
    assert not re.search(r"\b(add|mul|div|sub|sqrt|fma)\.\S*f64", ptx)
    # The hash and its comparison are unsigned.
    assert "setp.lt.u32" in ptx
    assert not re.search(r"\bshr\.s", ptx)
    # Aligned blocks are read 16 bytes at a time.
    assert "ld.global.v4.b32" in ptx
    # No approximations: division and root to nearest.
    assert not re.search(r"(div|sqrt|rsqrt|rcp)\.(full|approx)", ptx)
    if not host:
        assert re.search(r"cvt\.rn\.bf16(x2)?\.f32", ptx)


@pytest.mark.parametrize("capability", [80, 90])
def test_everything_at_once(capability: int) -> None:
    variant = Variant(torch.float16, scaled=True, statistics=True)
    pointers = {"crosses": True, "found_inf": GIVEN, "grad_scale": GIVEN}
    _, module = update("nadam", {"weight_decay": 0.1}, capability, variant, True, **pointers)
    compiled(module.prepare, capability, {})
    sizes = {"first_row": 3, "block": BLOCK, "chunk": cuda.CHUNK}
    compiled(module.device.add_up, capability, sizes)


def test_float64() -> None:
    variant = Variant(torch.float64, mode="gradient", statistics=True)
    ptx, _ = update("adam", {}, 80, variant, False)
    assert "ld.global.v2.b64" in ptx
    assert "sqrt.rn.f64" in ptx


def test_unaligned_memory_is_read_one_by_one() -> None:
    ptx, _ = update("sgd", {}, 90, Variant(torch.float32), False, aligned=False)
    assert "ld.global.v4" not in ptx


def test_products_and_sums_are_fused_where_the_rule_says_so() -> None:
    given: dict[str, Value] = {"momentum": 0.9, "dampening": 0.3}
    ptx, _ = update("sgd", given, 90, Variant(torch.float32), False)
    # b ← μ b + (1 − τ) g and p ← p − lr b: two for each of 8 coordinates, in both paths.
    assert len(re.findall(r"fma\.rn\.f32", ptx)) == 2 * 8 * 2
