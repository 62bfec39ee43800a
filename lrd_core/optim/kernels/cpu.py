"""Compiled CPU kernels: loaded from the disk cache or compiled in the background, then tested.

A kernel is used only if it passes its self-test in this process: for rules that torch has a fused
loop for, parameters and state must have torch's very bits.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels import addresses, cpu_source, objects
from lrd_core.optim.kernels.entry import SUMS, Variant
from lrd_core.optim.kernels.program import Program
from lrd_core.optim.kernels.room import Room
from lrd_core.optim.kernels.threads import pool

DTYPES = (torch.float32, torch.float64)
#: Elements below which waking the other threads costs more than they save.
SERIAL_BELOW = 32_768

_WIDTH = len(cpu_source.COLUMNS)
_COLUMN = {name: i for i, name in enumerate(cpu_source.COLUMNS)}
_HEADER = {name: i for i, name in enumerate(cpu_source.HEADER)}
_Function = ctypes.CFUNCTYPE(None, ctypes.c_int64)


@dataclass
class Kernel:
    """A compiled program, on its way or there.

    Attributes:
        state: ``"waiting"``, ``"ready"`` or ``"refused"``.
        reason: why it was refused.
    """

    program: Program
    variant: Variant
    state: Literal["waiting", "ready", "refused"] = "waiting"
    reason: str = ""
    done: threading.Event = field(default_factory=threading.Event)
    address: int = 0
    count: Any = None
    _function: Any = None

    def adopt(self, functions: objects.Functions) -> None:
        """Takes the compiled functions."""
        self.address = functions["kernel"]
        self._function = _Function(self.address)
        self.count = _Function(functions["count"])

    def __call__(self, header: NDArray[np.int64], parallel: bool) -> None:
        """Runs on torch's threads, or on this one."""
        threads = pool() if parallel else None
        if threads is None:
            header[_HEADER["thread_number"]] = 0
            self._function(header.ctypes.data)
            return
        run, number, count = threads
        header[_HEADER["thread_number"]] = number
        header[_HEADER["thread_count"]] = count
        run(self.address, header.ctypes.data, torch.get_num_threads(), 0)


#: Steps whose sums are made room for at once.
_AHEAD = 64
_SUMS = _HEADER["sums"]


class Table:
    """The list of tensors of one step, as a kernel reads it.

    Args:
        states: how many per-coordinate states the program has.
        constants: how many constants.
        tensors: how many tensors.
        whole: no tensor is split between threads.

    Attributes:
        sums_at: where the address of `sums` is kept.
    """

    def __init__(self, states: int, constants: int, tensors: int, whole: bool = False) -> None:
        self.rows = np.zeros((tensors, _WIDTH + states), dtype=np.int64)
        self.constants = np.zeros((tensors, constants + 2))
        self.header = np.zeros(len(_HEADER), dtype=np.int64)
        self._sums = Room((tensors, len(SUMS)), np.float64, _AHEAD)
        #: Sums of several threads, added.
        self._total: NDArray[np.float64] | None = None
        self._newest = np.zeros(1, dtype=np.int64)
        self.sums_at = self._newest.ctypes.data
        self.total = 0
        self.share_constants(np.arange(tensors))
        self.header[_HEADER["tensors"]] = tensors
        self.header[_HEADER["table"]] = self.rows.ctypes.data
        self.header[_HEADER["whole"]] = whole

    def set(self, column: str, values: Any) -> None:
        """One column, for all tensors."""
        self.rows[:, _COLUMN[column]] = values

    def column(self, column: str) -> NDArray[np.int64]:
        """One column, a view."""
        found: NDArray[np.int64] = self.rows[:, _COLUMN[column]]
        return found

    def set_state(self, number: int, pointers: Any) -> None:
        """Pointers to one of the states."""
        self.rows[:, _WIDTH + number] = pointers

    def set_coins(self, limits: NDArray[np.int64]) -> None:
        """How many of the 2³² hash values are kept, for each tensor; 2³² keeps all."""
        self.set("last", np.maximum(limits - 1, 0))
        self.set("none", np.where(limits > 0, 0, 0xFFFFFFFF))

    def set_constants(
        self, row: int, program: Program, constants: Sequence[float], factor: float
    ) -> None:
        """The constants of a step in one of the rows that tensors can point to."""
        values = self.constants[row]
        values[:-2] = constants
        values[-2] = factor
        # What a dropped factor becomes, so that its product with the scalar is −0.
        scalar = 0.0
        if program.factors:
            scalar = constants[program.constants.index(program.factors[0])]
        values[-1] = math.copysign(0.0, -scalar)

    def share_constants(self, rows: Any) -> None:
        """Which row of constants each tensor reads."""
        stride = self.constants.strides[0]
        self.set("constants", self.constants.ctypes.data + stride * np.asarray(rows))

    def raise_counters(self, kernel: Kernel) -> bool:
        """Adds 1 to every step counter, if all hold what the column ``count`` says."""
        kernel.count(self.header.ctypes.data)
        return int(self.header[_HEADER["miscounted"]]) == 0

    def set_sizes(self, numel: NDArray[np.int64]) -> None:
        """Numbers of elements."""
        ends = np.cumsum(numel)
        self.set("numel", numel)
        self.set("begin", ends - numel)
        self.total = int(ends[-1]) if len(ends) else 0
        self.header[_HEADER["total"]] = self.total

    def set_base(self, base: int) -> None:
        """The 64-bit key of (seed, step), for all tensors."""
        self.set("base", base - (1 << 64) if base >> 63 else base)

    @property
    def sums(self) -> NDArray[np.float64]:
        """What the last step has summed, (tensors, 6), if it was asked to; not written again."""
        return self._sums.newest if self._total is None else self._total

    def run(self, kernel: Kernel, statistics: bool) -> None:
        """Runs the step.

        Args:
            kernel: of the same program.
            statistics: the kernel's variant measures: `sums` are to be had.
        """
        parallel = self.total >= SERIAL_BELOW and torch.get_num_threads() > 1
        if not statistics:
            kernel(self.header, parallel)
            return
        if parallel:
            partial = np.zeros((torch.get_num_threads(), len(self.rows), len(SUMS)))
            self.header[_HEADER["sums"]] = partial.ctypes.data
            kernel(self.header, parallel)
            self._total = partial.sum(axis=0)
            self._newest[0] = self._total.ctypes.data
            return
        self._total = None
        self.header[_SUMS] = self._newest[0] = self._sums.next()
        kernel(self.header, parallel)


_kernels: dict[tuple[int, Variant], Kernel] = {}
_queue: SimpleQueue[tuple[Kernel, str]] = SimpleQueue()
_lock = threading.Lock()
_thread: threading.Thread | None = None


def request(program: Program, variant: Variant) -> Kernel:
    """The kernel of a program: begun in the background by the first call, then always the same."""
    global _thread
    key = (id(program), variant)
    kernel = _kernels.get(key)
    if kernel is not None:
        return kernel
    with _lock:
        kernel = _kernels.get(key)
        if kernel is None:
            kernel = _kernels[key] = Kernel(program, variant)
            name, text = program.rule.name, cpu_source.source(program, variant)
            # From the disk it takes milliseconds: not worth another thread.
            functions = objects.load(name, text)
            missing = objects.compiler()
            if functions is not None:
                _try(kernel, functions)
            elif missing:
                _refuse(kernel, missing)
            else:
                _queue.put((kernel, text))
                if _thread is None:
                    # No daemon: ending the process under the compiler may crash or hang it.
                    _thread = threading.Thread(target=_work, name="lrd-kernels", daemon=False)
                    _thread.start()
    return kernel


def on_disk(program: Program, variant: Variant) -> bool:
    """Whether compiled code of this kernel is kept on this machine."""
    return objects.path_of(program.rule.name, cpu_source.source(program, variant)).exists()


def refusal(program: Program, variant: Variant) -> str:
    """Why this process has no such kernel, as far as is known without compiling it; "" if none."""
    kernel = _kernels.get((id(program), variant))
    return kernel.reason if kernel is not None and kernel.state == "refused" else objects.compiler()


def wait(kernel: Kernel) -> Kernel:
    """Until it is ready or refused."""
    kernel.done.wait()
    return kernel


def _forget_thread() -> None:
    """A forked child has no compiling thread; what was waiting begins anew."""
    global _thread, _lock, _queue
    _thread, _lock, _queue = None, threading.Lock(), SimpleQueue()
    for key, kernel in list(_kernels.items()):
        if kernel.state == "waiting":
            del _kernels[key]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_thread)


def _refuse(kernel: Kernel, reason: str) -> None:
    kernel.reason, kernel.state = reason, "refused"
    kernel.done.set()


def _work() -> None:
    """Compiles what is waiting, then ends: no thread is left that a fork would cut off.

    A process that ends waits for the kernel that is being compiled, and for no other.
    """
    global _thread
    while True:
        with _lock:
            try:
                kernel, text = _queue.get_nowait()
            except Empty:
                _thread = None
                return
        if not threading.main_thread().is_alive():
            _refuse(kernel, "the process is ending")
            continue
        with objects.COMPILING:
            _compile(kernel, text)
            # Small steps want it, and a step must not wait for a compiler.
            with contextlib.suppress(Exception):
                addresses.prepare()


def _compile(kernel: Kernel, text: str) -> None:
    try:
        functions = objects.build(kernel.program.rule.name, text, ("kernel", "count"))
    except Exception as error:
        # Whatever the compiler stumbles over: torch's operations compute the same.
        _refuse(kernel, f"{type(error).__name__}: {error}".splitlines()[0])
    else:
        _try(kernel, functions)


def _try(kernel: Kernel, functions: objects.Functions) -> None:
    """Takes compiled code if it passes the self-test."""
    from lrd_core.optim.kernels.self_test import self_test

    kernel.adopt(functions)
    try:
        problem = self_test(kernel)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}".splitlines()[0]
    if problem:
        _refuse(kernel, problem)
    else:
        kernel.state = "ready"
        kernel.done.set()
