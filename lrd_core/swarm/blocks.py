"""What generated swarm kernels need beside `lrd_core.optim.kernels.cpu_blocks`.

Importing this module imports numba.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

# numba is untyped: `Any` stands for its typing context, signatures and builders.


@intrinsic
def nearest(typing: Any, x: Any) -> Any:
    """x rounded to the nearest whole number, halves to the even one."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = args[0].type
        name = "llvm.rint.f32" if isinstance(kind, ir.FloatType) else "llvm.rint.f64"
        insert: Any = cgutils.get_or_insert_function
        function = insert(builder.module, ir.FunctionType(kind, [kind]), name)
        return builder.call(function, args)

    return x(x), generate


def _bitcast(result: Any, machine: Any) -> Any:
    @intrinsic
    def bits(typing: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], machine)

        return result(x), generate

    return bits


#: The float whose bits an integer of the same width holds.
float32_of = _bitcast(types.float32, ir.FloatType())
float64_of = _bitcast(types.float64, ir.DoubleType())


@intrinsic
def to_uint32(typing: Any, address: Any) -> Any:
    """A pointer to uint32 from an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(32).as_pointer())

    pointer_to: Any = types.CPointer
    return pointer_to(types.uint32)(types.int64), generate
