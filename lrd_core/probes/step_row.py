"""A step's columns in one call of compiled code: what `update_columns` and `Sketch` tell.

Beside a small step their arrays of a few numbers would take a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels.room import Room
from lrd_core.optim.measurement import SumsAt
from lrd_core.probes import step_code
from lrd_core.probes.sketch import COLUMNS, PLANE_COLUMNS, Sketch
from lrd_core.probes.step_code import SIZE

#: Rows that room is made for at once.
ROOM = 256
#: Dtype and bytes of columns, as in a frame.
Packed = dict[str, tuple[str, bytes]]
_UPDATE = ("grad_norm", "update_norm", "keep_rate", "cos_full", "cos_grad")


class StepRow:
    """Rows of one run, one after the other.

    Args:
        sketch: of its parameters.
        names, parameters: of every parameter, by position; row-major float32 on the CPU.

    Attributes:
        columns: names, in order.
    """

    def __init__(
        self, sketch: Sketch, names: Sequence[str], parameters: Sequence[torch.Tensor]
    ) -> None:
        self._sketch, self._parameters = sketch, parameters
        self._compiled, self._ratios = step_code.compiled("row"), step_code.compiled("ratios")
        each = tuple(f"keep_rate/{name}" for name in names)
        every = (*_UPDATE, *each, *COLUMNS, *PLANE_COLUMNS)
        #: Places of the columns that are told: of a single tensor its own keep rate is not.
        self._told = [i for i, name in enumerate(every) if len(each) > 1 or name not in each]
        self.columns = tuple(every[i] for i in self._told)
        self._ratio_names = [f"update_ratio/{name}" for name in names]
        self._sizes = np.array([p.numel() for p in parameters], dtype=np.float64)
        self._frame, self._signed = sketch.frame(), np.zeros(SIZE, dtype=np.float32)
        self._table = np.zeros((0, len(every)), dtype=np.float32)
        self._left = 0
        self._of: SumsAt | None = None
        self._alive: tuple[NDArray[np.generic], ...] = ()
        self._header = np.zeros(9, dtype=np.int64)
        self._header[8] = self._table.itemsize * len(every)
        self._at = self._header.ctypes.data
        self._ratio_header, self._ratio_at = self._header, 0
        self._ratio_room = Room((len(names),), np.float64, ROOM)

    @property
    def ready(self) -> bool:
        """Whether there is compiled code."""
        return self._compiled is not None and self._sketch.compiled

    def write(self, sums: SumsAt) -> bool:
        """Writes the row of the step that was just made; whether it is the first of a table.

        Args:
            sums: `LRD.sums_at`, after that step.
        """
        if sums is not self._of:
            self._bind(sums)
        opens = self._left == 0
        if opens:
            self._table = np.zeros((ROOM, self._table.shape[1]), dtype=np.float32)
            self._left, self._header[7] = ROOM, self._table.ctypes.data
        self._left -= 1
        assert self._compiled is not None  # noqa: S101
        # It moves the address of the next row itself.
        self._compiled(self._at)
        return opens

    def part(self) -> None:
        """The rows so far are read together, and those to come: they had better lie in a table."""
        if self._left < ROOM // 2:
            self._left = 0

    @property
    def place(self) -> tuple[NDArray[np.float32], int]:
        """Where the newest row is: its table, for `read`, and its number there."""
        return self._table, ROOM - self._left - 1

    def _bind(self, sums: SumsAt) -> None:
        """The parameters, or what they are multiplied by, are elsewhere."""
        factors = np.array(sums.factors, dtype=np.float64)
        sketched = self._sketch.header(self._signed.ctypes.data)
        arrays = factors, self._sizes, sketched, self._frame
        self._header[:7] = [
            len(factors),
            sums.pointer,
            sums.offset,
            *(array.ctypes.data for array in arrays),
        ]
        table = [value for p in self._parameters for value in (p.data_ptr(), p.numel())]
        self._ratio_header = np.array([*self._header[:4], 0, *table], dtype=np.int64)
        self._ratio_at = self._ratio_header.ctypes.data
        self._of, self._alive = sums, arrays

    def ratios(self) -> Callable[[], dict[str, float]]:
        """The columns of `update_ratios` for the step that was written last, to be asked for
        later."""
        self._ratio_header[4] = self._ratio_room.next()
        assert self._ratios is not None  # noqa: S101
        self._ratios(self._ratio_at)
        found = self._ratio_room.newest
        return lambda: dict(zip(self._ratio_names, found.tolist(), strict=True))

    def read(self, table: NDArray[np.float32], first: int, rows: int) -> Packed:
        """The columns of some rows, of float32."""
        data, size = table[first : first + rows].T.tobytes(), table.itemsize * rows
        pairs = zip(self._told, self.columns, strict=True)
        return {name: ("f4", data[size * i : size * (i + 1)]) for i, name in pairs}
