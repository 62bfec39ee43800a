"""A step's columns in one call of compiled code: what `update_columns` and `Sketch` tell.

Beside a small step their arrays of a few numbers would take a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels import objects
from lrd_core.probes.sketch import COLUMNS, PLANE_COLUMNS, Sketch
from lrd_core.probes.sketch_sums import CODE, HEAD, SIZE

#: Rows that room is made for at once.
ROOM = 256
_UPDATE = ("grad_norm", "update_norm", "keep_rate", "cos_full", "cos_grad")

_SOURCE = f"""{HEAD}
{CODE}

@njit(error_model="numpy")
def cosine(product, lengths):
    found = product / lengths
    return float64(math.nan) if math.isinf(found) else found


@cfunc(types.void(types.int64), error_model="numpy")
def row(address):
    header = carray(to_int64(address), 7)
    signed_sums(header[4])
    tensors = header[0]
    sums = carray(to_float64(header[1]), (tensors, 6))
    factors = carray(to_float64(header[2]), tensors)
    sizes = carray(to_float64(header[3]), tensors)
    signed = carray(to_float32(carray(to_int64(header[4]), 5)[4]), {SIZE})
    frame = carray(to_float32(header[5]), (4, {SIZE}))
    out = carray(to_float32(header[6]), 5 + tensors + {SIZE} + 2)
    grad, full, masked, masked_full, masked_grad, kept, size = (
        float64(0), float64(0), float64(0), float64(0), float64(0), float64(0), float64(0)
    )
    # One tensor after the other, as `StepStatistics` adds.
    for t in range(tensors):
        scaled = sums[t, 3] * factors[t]
        grad += sums[t, 0]
        full += sums[t, 1]
        masked += scaled * factors[t]
        masked_full += scaled
        masked_grad += sums[t, 4] * factors[t]
        kept += sums[t, 5]
        size += sizes[t]
        out[5 + t] = float32(sums[t, 5] / sizes[t])
    grad, full, masked = math.sqrt(grad), math.sqrt(full), math.sqrt(masked)
    out[0] = float32(grad)
    out[1] = float32(masked)
    out[2] = float32(kept / size)
    out[3] = float32(cosine(masked_full, masked * full))
    out[4] = float32(cosine(-masked_grad, masked * grad))
    x = float32(0)
    y = float32(0)
    for i in range({SIZE}):
        here = signed[i] * frame[0, i] - frame[1, i]
        out[5 + tensors + i] = here
        x += frame[2, i] * here
        y += frame[3, i] * here
    out[5 + tensors + {SIZE}] = x
    out[5 + tensors + {SIZE} + 1] = y


@cfunc(types.void(types.int64), error_model="numpy")
def norms(address):
    header = carray(to_int64(address), 2)
    tensors = header[0]
    found = carray(to_float64(header[1]), tensors)
    table = carray(to_int64(address + 16), 2 * tensors)
    for t in range(tensors):
        x = carray(to_float32(table[2 * t]), table[2 * t + 1])
        square = float32(0)
        for i in range(table[2 * t + 1]):
            square = accumulate(square, x[i] * x[i])
        found[t] = math.sqrt(float64(square))
"""


_ENTRIES = "row", "norms"


class StepRow:
    """Rows of one run, one after the other.

    Args:
        sketch: of its parameters.
        names, numel: of every parameter, by position.

    Attributes:
        columns: names, in order.
    """

    def __init__(self, sketch: Sketch, names: Sequence[str], numel: Sequence[int]) -> None:
        self._sketch = sketch
        self._compiled, self._norms = (objects.function("step_row", _SOURCE, f) for f in _ENTRIES)
        each = tuple(f"keep_rate/{name}" for name in names)
        self._sizes = np.array(numel, dtype=np.float64)
        self._frame = sketch.frame()
        every = (*_UPDATE, *each, *COLUMNS, *PLANE_COLUMNS)
        #: Places of the columns that are told: of a single tensor its own keep rate is not.
        self._told = [i for i, name in enumerate(every) if len(each) > 1 or name not in each]
        self.columns = tuple(every[i] for i in self._told)
        self._room = np.zeros((ROOM, len(every)), dtype=np.float32)
        self._slot = ROOM
        self._of: Sequence[float] = ()
        self._factors = np.zeros(len(each))
        self._header = np.array(
            [len(each), 0, 0, self._sizes.ctypes.data, 0, self._frame.ctypes.data, 0],
            dtype=np.int64,
        )
        self._at = self._header.ctypes.data

    @property
    def ready(self) -> bool:
        """Whether there is compiled code."""
        return self._compiled is not None and self._sketch.compiled

    def write(self, at: tuple[int, Sequence[float]]) -> tuple[NDArray[np.float32], int]:
        """Writes the row of the step that was just made; gives the table, (rows, columns of
        `read`), and the row's place in it.

        Args:
            at: `LRD.sums_at`.
        """
        address, factors = at
        header = self._header
        if factors is not self._of:
            self._of = factors
            self._factors = np.array(factors, dtype=np.float64)
            header[2] = self._factors.ctypes.data
        if self._slot + 1 < ROOM:
            self._slot += 1
            header[6] += self._room.strides[0]
        else:
            self._slot, self._room = 0, np.zeros_like(self._room)
            header[6] = self._room.ctypes.data
        header[1] = address
        header[4] = self._sketch.header()
        assert self._compiled is not None  # noqa: S101
        self._compiled(self._at)
        return self._room, self._slot

    def norms(self, parameters: Sequence[torch.Tensor]) -> list[float]:
        """Euclidean norms of the parameters now: row-major float32 tensors on the CPU."""
        assert self._norms is not None  # noqa: S101
        found = np.zeros(len(parameters))
        table = [value for p in parameters for value in (p.data_ptr(), p.numel())]
        header = np.array([len(parameters), found.ctypes.data, *table], dtype=np.int64)
        self._norms(header.ctypes.data)
        norms: list[float] = found.tolist()
        return norms

    def read(
        self, table: NDArray[np.float32], first: int, rows: int
    ) -> dict[str, NDArray[np.float32]]:
        """The columns of some rows, (rows,) each."""
        turned = np.ascontiguousarray(table[first : first + rows].T)
        return {name: turned[i] for i, name in zip(self._told, self.columns, strict=True)}
