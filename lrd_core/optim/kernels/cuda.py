"""CUDA steps by Triton: one launch over a list of tensors, nothing waits for the device."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels import cache, cuda_source, cuda_tables
from lrd_core.optim.kernels.cuda_source import BLOCK, CHANGING, FIXED, LANES
from lrd_core.optim.kernels.entry import SUMS, Entry, Variant
from lrd_core.optim.kernels.program import Program
from lrd_core.optim.random_bits import BLOCK_BITS, threshold
from lrd_core.settings import Value

#: How kernels are compiled: products and sums are fused only where the formulas say so.
OPTIONS: Mapping[str, Any] = {"num_warps": 4, "enable_fp_fusion": False}
#: Blocks' sums that are added up at once.
CHUNK = 1024


@lru_cache(maxsize=1)
def available() -> tuple[bool, str]:
    """Whether steps can run on this machine's GPU, and if not, why."""
    if torch.version.hip:
        return False, "this torch is built for ROCm; the kernels are made for CUDA"
    if not torch.cuda.is_available():
        return False, "torch finds no CUDA device"
    if importlib.util.find_spec("triton") is None:
        return False, "triton is not installed"
    major, minor = torch.cuda.get_device_capability()
    if major < 8:
        return False, f"the GPU has compute capability {major}.{minor}, 8.0 is needed"
    return True, "a CUDA device and triton"


#: Modules by program object and choice; the program is kept, so that no other gets its id.
_modules: dict[tuple[int, Variant, bool], tuple[Program, Any]] = {}


def load(program: Program, variant: Variant, capturable: bool) -> Any:
    """The generated module with the kernels; imports triton.

    Args:
        program, variant: what to compute.
        capturable: the device computes the constants.
    """
    key = (id(program), variant, capturable)
    if key not in _modules:
        text = cuda_source.source(program, variant, capturable)
        _modules[key] = (program, cache.write_module(f"cuda_{program.rule.name}", text))
    return _modules[key][1]


class CudaBatch:
    """One step of a list of tensors on one device, in two launches (three with statistics).

    Args:
        program: the rule's update.
        variant: its dtype is float16, bfloat16, float32 or float64. Formulas are computed in
            float32 (float64 for float64) and rounded when they are stored.
        entries: the tensors, at least one. A step counter that is not on their device is raised
            by the host.
        scalars: for each entry the rule's own scalars, float32 with one element, on the device;
            needed for steps with `settings` only.

    Raises:
        ValueError: entries that don't fit together.
    """

    def __init__(
        self,
        program: Program,
        variant: Variant,
        entries: Sequence[Entry],
        scalars: Sequence[tuple[torch.Tensor, ...]] = (),
    ) -> None:
        cuda_tables.check_entries(program, variant, entries, scalars)
        self.program = program
        self.variant = variant
        self.entries = tuple(entries)
        self.device = entries[0].parameter.device
        # Kept alive: the table has their addresses only.
        self._scalars = tuple(scalars)
        self._host_steps = [
            e.step for e in entries if e.step is not None and e.step.device != self.device
        ]
        self._crosses = any(e.start + e.parameter.numel() > 1 << BLOCK_BITS for e in entries)
        self._setting_names = cuda_source.setting_names(program)
        self._coins: tuple[list[float], list[int]] = ([], [])
        self._layout = cuda_tables.layout(entries, scalars)
        rows = max(len(program.constants), len(self._setting_names))
        self._upload = cuda_tables.Upload(self.device, (len(CHANGING) + rows) * len(entries) + 1)
        words = (1 + len(program.constants)) * len(entries)
        self._derived = torch.empty(words, dtype=torch.int64, device=self.device)
        self._partial: torch.Tensor | None = None
        if variant.statistics:
            shape = (len(SUMS), self._layout.blocks)
            self._partial = torch.empty(shape, dtype=torch.float64, device=self.device)

    @torch.no_grad()
    def step(
        self,
        gradients: Sequence[torch.Tensor],
        seed: int,
        mask_step: torch.Tensor,
        keeps: Sequence[float],
        factors: Sequence[float],
        constants: NDArray[np.float64] | None = None,
        settings: Sequence[Mapping[str, Value | torch.Tensor]] | None = None,
        found_inf: torch.Tensor | None = None,
        grad_scale: torch.Tensor | None = None,
        counts: bool = True,
    ) -> torch.Tensor | None:
        """Changes parameters and states; raises the step counters and `mask_step` by one.

        With `constants` the host has computed them (and raises the rule's own scalars itself); with
        `settings` the device does both, from the step counters there, and the call can be captured
        in a CUDA graph. A graph needs this object as long as it lives. It keeps the seed, keep
        rates, factors and numbers in settings that it was captured with; tensors in settings,
        `mask_step`, step counters, `found_inf` and `grad_scale` are read at each replay.

        Args:
            gradients: one for each entry, dense and row-major, of the variant's dtype.
            seed: of the masks.
            mask_step: int64, one element, on the device: steps taken so far. The mask is that of
                the next.
            keeps: for each entry the probability that a coordinate is kept; 1 keeps all.
            factors: for each entry the factor of kept updates or gradients; used if the variant is
                scaled.
            constants: (entries, constants of the program), of the step to be taken.
            settings: for each entry the rule's settings; a tensor on the device, with one element,
                is read there. Entries of one group should share one mapping.
            found_inf: float32, one element, on the device: unless it is 0, nothing is changed.
            grad_scale: float32, one element, on the device: the gradients are divided by it and,
                as torch's fused optimizers do, left so.
            counts: raise `mask_step`: False for all but the last batch that shares it.

        Returns:
            With statistics a new float64 tensor (entries, 6) on the device in the order of `SUMS`,
            zeros where `found_inf` is not 0; else None.

        Raises:
            ValueError: arguments that don't fit; nothing has changed.
        """
        capturing = self.device.type == "cuda" and torch.cuda.is_current_stream_capturing()
        self._check_step(constants is None, settings is None, capturing, found_inf)
        for name, tensor, dtype in (
            ("mask_step", mask_step, torch.int64),
            ("found_inf", found_inf, torch.float32),
            ("grad_scale", grad_scale, torch.float32),
        ):
            if tensor is not None and (tensor.dtype != dtype or tensor.device != self.device):
                raise ValueError(
                    f"{name}: {tensor.dtype} on {tensor.device}, not {dtype} on {self.device}"
                )
        tensors: list[cuda_tables.DeviceSetting] = []
        if settings is None:
            numbers = np.asarray(constants, dtype=np.float64).T
            rows = len(self.program.constants)
        else:
            numbers, tensors = cuda_tables.setting_rows(self._setting_names, settings, self.device)
            rows = len(self._setting_names)
        if numbers.shape != (rows, len(self.entries)):
            raise ValueError(
                f"constants or settings: {numbers.shape[::-1]} numbers, not "
                f"{(len(self.entries), rows)}"
            )
        host, aligned = self._words(gradients, seed, keeps, factors, numbers)
        with self._on_device():
            words = self._upload(host, capturing)
            for row, columns, value in tensors:
                cuda_tables.number_row(words, row, len(self.entries))[columns].copy_(value)
            sums = self._launch(
                words, aligned, mask_step, settings is not None, found_inf, grad_scale, counts
            )
        if self._host_steps:
            torch._foreach_add_(self._host_steps, 1.0)
        return sums

    def _on_device(self) -> contextlib.AbstractContextManager[Any]:
        # Triton launches on the current device.
        if self.device.type == "cuda":
            return torch.cuda.device(self.device)
        return contextlib.nullcontext()

    def _check_step(
        self,
        no_constants: bool,
        no_settings: bool,
        capturing: bool,
        found_inf: torch.Tensor | None,
    ) -> None:
        name = self.program.rule.name
        if no_constants == no_settings:
            raise ValueError("a step needs either constants or settings")
        if self._host_steps and (found_inf is not None or capturing or no_constants):
            raise ValueError(
                f"{name}: step counters on the host can't follow found_inf, settings or a CUDA "
                "graph: make the optimizer with fused=True or capturable=True"
            )
        scalars = bool(self.program.rule.scalars)
        counted = "step" in self.program.inputs
        if no_constants:
            if counted and any(e.step is None for e in self.entries):
                raise ValueError(f"{name}: a step with settings needs step counters")
            if scalars and not self._scalars:
                raise ValueError(f"{name}: a step with settings needs the rule's scalars")
        elif capturing and (scalars or counted):
            raise ValueError(
                f"{name}: constants differ from step to step; a CUDA graph needs settings"
            )

    def _words(
        self,
        gradients: Sequence[torch.Tensor],
        seed: int,
        keeps: Sequence[float],
        factors: Sequence[float],
        numbers: NDArray[np.float64],
    ) -> tuple[NDArray[np.int64], bool]:
        """All that changes from step to step, and whether every address is aligned."""
        n = len(self.entries)
        if not len(gradients) == len(keeps) == len(factors) == n:
            raise ValueError(f"gradients, keeps, factors: {n} of each are needed")
        words = np.empty((len(CHANGING) + len(numbers)) * n + 1, dtype=np.int64)
        table = words[:-1].reshape(-1, n)
        table[0] = [g.data_ptr() for g in gradients]
        last = self._upload.host
        if last is None or not np.array_equal(table[0], last[:n]):
            self._check_gradients(gradients)
        if self._coins[0] != list(keeps):
            self._coins = (list(keeps), [threshold(keep) for keep in keeps])
        table[1] = self._coins[1]
        table[2].view(np.float64)[:] = factors
        table[len(CHANGING) :].view(np.float64)[:] = numbers
        words[-1:].view(np.uint64)[:] = seed % (1 << 64)
        return words, self._layout.aligned and cuda_tables.aligned(table[0])

    def _check_gradients(self, gradients: Sequence[torch.Tensor]) -> None:
        for i, (g, entry) in enumerate(zip(gradients, self.entries, strict=True)):
            p = entry.parameter
            fits = g.dtype == p.dtype and g.device == p.device and g.shape == p.shape
            if not fits or not g.is_contiguous():
                raise ValueError(
                    f"gradients.{i}: {g.dtype} {tuple(g.shape)} on {g.device}, not a row-major "
                    f"{p.dtype} {tuple(p.shape)} on {p.device}"
                )

    def _launch(
        self,
        words: torch.Tensor,
        aligned: bool,
        mask_step: torch.Tensor,
        capturable: bool,
        found_inf: torch.Tensor | None,
        grad_scale: torch.Tensor | None,
        counts: bool,
    ) -> torch.Tensor | None:
        module = load(self.program, self.variant, capturable)
        n, blocks, fixed = len(self.entries), self._layout.blocks, self._layout.fixed
        module.prepare[(-(-n // LANES),)](
            fixed, words, self._derived, mask_step, found_inf, n, **OPTIONS
        )
        module.update[(blocks,)](
            fixed,
            words,
            self._derived,
            self._layout.places,
            self._partial,
            mask_step,
            found_inf,
            grad_scale,
            n,
            blocks,
            counts,
            aligned,
            self._crosses,
            **OPTIONS,
        )
        if self._partial is None:
            return None
        sums = torch.empty((n, len(SUMS)), dtype=torch.float64, device=self.device)
        first_row = FIXED.index("first_block")
        module.device.add_up[(n, len(SUMS))](
            fixed, self._partial, sums, found_inf, n, blocks, first_row, BLOCK, CHUNK, **OPTIONS
        )
        return sums
