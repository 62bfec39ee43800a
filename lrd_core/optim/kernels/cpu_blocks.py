"""Building blocks of generated CPU kernels: what numba has no word for, as LLVM instructions.

Importing this module imports numba (about 0.3 s).
"""

from __future__ import annotations

from math import factorial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

# numba is untyped: `Any` stands for its typing context, signatures and builders.


def _call(builder: Any, name: str, result: Any, args: Any) -> Any:
    kind = ir.FunctionType(result, [arg.type for arg in args])
    insert: Any = cgutils.get_or_insert_function
    return builder.call(insert(builder.module, kind, name), args)


def _suffix(kind: Any) -> str:
    return "f32" if isinstance(kind, ir.FloatType) else "f64"


def _math(name: str) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = args[0].type
        return _call(builder, f"llvm.{name}.{_suffix(kind)}", kind, args)

    return generate


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c, rounded once."""
    return a(a, a, a), _math("fma")


@intrinsic
def sqrt(typing: Any, x: Any) -> Any:
    """Square root; without errno, so that loops over it are vectorised."""
    return x(x), _math("sqrt")


@intrinsic
def absolute(typing: Any, x: Any) -> Any:
    """|x|."""
    return x(x), _math("fabs")


@intrinsic
def power(typing: Any, x: Any, y: Any) -> Any:
    """x to the y."""
    return x(x, x), _math("pow")


@intrinsic
def maximum(typing: Any, a: Any, b: Any) -> Any:
    """The larger; NaN if either is."""
    return a(a, a), _extreme(">")


@intrinsic
def minimum(typing: Any, a: Any, b: Any) -> Any:
    """The smaller; NaN if either is."""
    return a(a, a), _extreme("<")


def _extreme(sign: str) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, b = args
        # a unless b is beyond it or NaN; a NaN in a: the comparison is false, a stays.
        beyond = builder.fcmp_ordered(sign, b, a)
        unordered = builder.fcmp_unordered("uno", b, b)
        return builder.select(builder.or_(beyond, unordered), b, a)

    return generate


@intrinsic
def select(typing: Any, condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, else b; both are computed, nothing branches."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(args[0], args[1], args[2])

    return a(types.boolean, a, a), generate


@intrinsic
def accumulate(typing: Any, total: Any, x: Any) -> Any:
    """total + x, in any order: the one place where a loop may reassociate."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(args[0], args[1], flags=("reassoc",))

    return total(total, total), generate


def _pointer(kind: Any, machine: Any) -> Any:
    @intrinsic
    def pointer(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], machine.as_pointer())

        pointer_to: Any = types.CPointer
        return pointer_to(kind)(types.int64), generate

    return pointer


to_float32 = _pointer(types.float32, ir.FloatType())
to_float64 = _pointer(types.float64, ir.DoubleType())
to_int64 = _pointer(types.int64, ir.IntType(64))
to_int8 = _pointer(types.int8, ir.IntType(8))


@intrinsic
def call_int(typing: Any, address: Any) -> Any:
    """Calls the C function ``int f(void)`` at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [])

    return types.int32(types.int64), generate


@intrinsic
def call_pair(typing: Any, address: Any, first: Any, second: Any) -> Any:
    """Calls the C function ``int f(void *, void *)`` at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.IntType(32), [pointer, pointer])
        function = builder.inttoptr(args[0], kind.as_pointer())
        return builder.call(function, [builder.inttoptr(a, pointer) for a in args[1:]])

    return types.int32(types.int64, types.int64, types.int64), generate


@intrinsic
def add_rows(typing: Any, out: Any, signs: Any, x: Any, rows: Any) -> Any:
    """out[k] += Σ signs[r, k] · x[r, k] over rows of 16, at addresses: float32, signs int8.

    Written as vectors: the compiler would not see that 16 sums are two of its registers.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = ir.VectorType(ir.FloatType(), 16)
        bytes_ = ir.VectorType(ir.IntType(8), 16)
        total, values = (builder.inttoptr(args[i], lanes.as_pointer()) for i in (0, 2))
        sign = builder.inttoptr(args[1], bytes_.as_pointer())
        alloca_once: Any = cgutils.alloca_once
        held = alloca_once(builder, lanes)
        builder.store(builder.load(total, align=4), held)
        for_range: Any = cgutils.for_range
        with for_range(builder, args[3]) as loop:
            factor = builder.load(builder.gep(sign, [loop.index]), align=1)
            here = builder.load(builder.gep(values, [loop.index]), align=4)
            term = builder.fmul(builder.sitofp(factor, lanes), here)
            builder.store(builder.fadd(builder.load(held), term), held)
        builder.store(builder.load(held), total, align=4)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), generate


#: Examples that `affine_pair` computes at once: four vectors of sixteen.
TILE = 64


@intrinsic
def affine_pair(typing: Any, out: Any, weight: Any, bias: Any, x: Any, inputs: Any) -> Any:
    """out[u, j] = bias[u] + Σ weight[u, i] · x[i, j] for two neighbouring units u and `TILE`
    examples j, at addresses of row-major float32.

    Written as vectors that stay in registers: the compiler would write every term to memory.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = ir.VectorType(ir.FloatType(), 16)
        result, weights, biases, values, inputs = args
        floats = ir.FloatType().as_pointer()
        weights, biases = (builder.inttoptr(at, floats) for at in (weights, biases))
        result, values = (builder.inttoptr(at, lanes.as_pointer()) for at in (result, values))

        def everywhere(at: Any) -> Any:
            one = builder.insert_element(
                ir.Constant(lanes, ir.Undefined), builder.load(at, align=4), _int32(0)
            )
            same = ir.Constant(ir.VectorType(ir.IntType(32), 16), [0] * 16)
            return builder.shuffle_vector(one, ir.Constant(lanes, ir.Undefined), same)

        insert: Any = cgutils.get_or_insert_function
        kind = ir.FunctionType(lanes, [lanes] * 3)
        multiply_add = insert(builder.module, kind, "llvm.fma.v16f32")
        alloca_once: Any = cgutils.alloca_once
        held = [[alloca_once(builder, lanes) for _ in range(TILE // 16)] for _ in range(2)]
        for unit in range(2):
            begin = everywhere(builder.gep(biases, [_int64(unit)]))
            for total in held[unit]:
                builder.store(begin, total)
        for_range: Any = cgutils.for_range
        with for_range(builder, inputs) as loop:
            first = builder.mul(loop.index, _int64(TILE // 16))
            row = [
                builder.load(builder.gep(values, [builder.add(first, _int64(k))]), align=4)
                for k in range(TILE // 16)
            ]
            for unit in range(2):
                place = builder.add(loop.index, builder.mul(inputs, _int64(unit)))
                factor = everywhere(builder.gep(weights, [place]))
                for total, part in zip(held[unit], row, strict=True):
                    term = builder.call(multiply_add, [factor, part, builder.load(total)])
                    builder.store(term, total)
        for unit in range(2):
            for k, total in enumerate(held[unit]):
                at = builder.gep(result, [_int64(unit * (TILE // 16) + k)])
                builder.store(builder.load(total), at, align=4)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


@intrinsic
def add_exponentials(typing: Any, total: Any, x: Any, highest: Any) -> Any:
    """total[j] += exp(x[j] - highest[j]) for `TILE` numbers at addresses, none above the highest:
    x float32, the others float64; to 1e-9 of an exponential, or 1e-27.

    Taylor's series at a 64th of the difference, squared six times: a call of exp
    would be made for one number after the other.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes, singles = ir.VectorType(ir.DoubleType(), 8), ir.VectorType(ir.FloatType(), 8)
        sums, most = (builder.inttoptr(args[i], lanes.as_pointer()) for i in (0, 2))
        values = builder.inttoptr(args[1], singles.as_pointer())
        insert: Any = cgutils.get_or_insert_function
        kind = ir.FunctionType(lanes, [lanes] * 3)
        multiply_add = insert(builder.module, kind, "llvm.fma.v8f64")

        def number(value: float) -> Any:
            return ir.Constant(lanes, [value] * 8)

        for_range: Any = cgutils.for_range
        with for_range(builder, _int64(TILE // 8)) as loop:
            here = builder.load(builder.gep(values, [loop.index]), align=4)
            above = builder.load(builder.gep(most, [loop.index]), align=8)
            below = builder.fsub(builder.fpext(here, lanes), above)
            # NaN is not less: it goes on to the sum.
            tiny = builder.fcmp_ordered("<", below, number(-64.0))
            part = builder.fmul(builder.select(tiny, number(-64.0), below), number(1 / 64))
            found = number(1 / factorial(13))
            for n in reversed(range(13)):
                found = builder.call(multiply_add, [found, part, number(1 / factorial(n))])
            for _ in range(6):
                found = builder.fmul(found, found)
            at = builder.gep(sums, [loop.index])
            builder.store(builder.fadd(builder.load(at, align=8), found), at, align=8)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 3), generate


def _int32(value: int) -> Any:
    return ir.Constant(ir.IntType(32), value)


def _int64(value: int) -> Any:
    return ir.Constant(ir.IntType(64), value)
