"""Where many tensors' elements lie, in one call: asking each by Python would take longer than a
step of small tensors.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lrd_core.optim.kernels import objects

_SOURCE = '''"""Generated; don't edit."""

from numba import carray, cfunc, int64, types

from lrd_core.optim.kernels.cpu_blocks import call_pair, to_int64


@cfunc(types.void(types.int64), error_model="numpy")
def read(address):
    header = carray(to_int64(address), 5)
    values = carray(to_int64(header[3]), header[1])
    moved = int64(0)
    for i in range(header[1]):
        before = values[i]
        call_pair(header[0], header[2] + 8 * i, header[3] + 8 * i)
        if values[i] != before:
            moved += int64(1)
    header[4] = moved
'''


class Addresses:
    """Addresses of the first elements of tensors, followed as their data is swapped.

    Args:
        tensors: kept alive; on a CPU.
    """

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._tensors = list(tensors)
        self._values = np.zeros(len(self._tensors), dtype=np.int64)
        # A handle of torch's stable C interface points to a pointer to the tensor's implementation.
        self._handles = np.array([t._cdata for t in self._tensors], dtype=np.int64)
        self._header = np.zeros(5, dtype=np.int64)
        self._at = self._header.ctypes.data
        self._read: Any = None
        self._asked = False
        self._calls = 0
        self.moved()

    def moved(self) -> bool:
        """Whether an address is another than at the last call."""
        if not self._asked:
            self._ask()
        if self._read is None:
            now = np.array(list(map(torch.Tensor.data_ptr, self._tensors)), dtype=np.int64)
            same, self._values = np.array_equal(now, self._values), now
            return not same
        self._read(self._at)
        return bool(self._header[4])

    def _ask(self) -> None:
        """Takes the compiled loop if it is there; looks for it now and then if it is not."""
        self._calls += 1
        if self._calls % 64 != 1:
            return
        found = _reader()
        if found is not None:
            self._asked = True
            self._read, at = found
            data = self._handles.ctypes.data, self._values.ctypes.data
            self._header[:4] = at, len(self._tensors), *data


def prepare() -> None:
    """Compiles the loop, unless that was done before on this machine."""
    if objects.load("addresses", _SOURCE) is None:
        objects.build("addresses", _SOURCE, ("read",))


_found: list[tuple[Any, int]] = []


def _reader() -> tuple[Any, int] | None:
    """The compiled loop and the address of torch's function; None where they are not to be had."""
    if not _found:
        known = _load()
        if known is not None:
            _found.append(known)
    return _found[0] if _found else None


def _load() -> tuple[Any, int] | None:
    try:
        library = ctypes.CDLL(_library())
        at = ctypes.cast(library.aoti_torch_get_data_ptr, ctypes.c_void_p).value
        code = objects.load("addresses", _SOURCE)
        if code is None:
            return None
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64)(code["read"])
    except (OSError, AttributeError, StopIteration):
        # Another torch: asked one by one.
        return None
    if at is None:
        return None
    probes = [torch.zeros(3), torch.ones(5)[2:], torch.nn.Parameter(torch.zeros(2))]
    handles = np.array([t._cdata for t in probes], dtype=np.int64)
    values = np.zeros(len(probes), dtype=np.int64)
    header = np.array([at, 3, handles.ctypes.data, values.ctypes.data, 0], dtype=np.int64)
    function(header.ctypes.data)
    return (function, at) if values.tolist() == [t.data_ptr() for t in probes] else None


def _library() -> str:
    folder = Path(torch.__file__).parent / "lib"
    names = ("libtorch_cpu.so", "libtorch_cpu.dylib")
    return str(next(folder / name for name in names if (folder / name).exists()))
