"""torch's own thread pool, for kernels that are not torch's.

Two OpenMP pools in one process stand in each other's way, so kernels run in torch's.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch


@lru_cache(maxsize=1)
def pool() -> tuple[Any, int, int] | None:
    """(``GOMP_parallel``, addresses of ``omp_get_thread_num`` and ``omp_get_num_threads``).

    None where torch's pool has no such entry: kernels then run on the caller's thread.
    """
    path = _runtime()
    if path is None:
        return None
    try:
        library = ctypes.CDLL(path)
        parallel = library.GOMP_parallel
        number = ctypes.cast(library.omp_get_thread_num, ctypes.c_void_p).value
        count = ctypes.cast(library.omp_get_num_threads, ctypes.c_void_p).value
    except (OSError, AttributeError):
        return None
    if number is None or count is None:
        return None
    parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    return parallel, number, count


def _runtime() -> str | None:
    """The OpenMP library that torch has loaded."""
    maps = Path("/proc/self/maps")
    if maps.exists():
        loaded = {line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines()}
        names = ("libgomp", "libiomp5", "libomp")
        found = sorted(path for path in loaded if Path(path).name.startswith(names))
        # Another package may bring a second one: torch's lies beside it.
        own = [path for path in found if "/torch/" in path]
        return next(iter(own or found), None)
    beside = Path(torch.__file__).parent / "lib" / "libomp.dylib"
    return str(beside) if beside.exists() else None
